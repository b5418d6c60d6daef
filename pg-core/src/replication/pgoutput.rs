//! What the plugin `pgoutput` writes, protocol versions 1 to 4: each message borrowed from its bytes.
//!
//! [`PgOutput`] makes the plugin's options. [`Decoder::decode`] reads one message; it keeps the tables' descriptions, and
//! whether a streamed transaction is being sent, since messages carry their transaction's number only then.
//! Manual: "Logical Replication Message Formats".

mod message;
mod options;
mod relation;
mod tuple;

pub use message::{
    Begin, BeginPrepare, Commit, CommitPrepared, Delete, Insert, LogicalMessage, Message, Origin, Prepare,
    RollbackPrepared, StreamAbort, StreamCommit, StreamStart, Truncate, TypeName, Update,
};
pub use options::{PgOutput, Streaming};
pub use relation::{Identity, Relation, RelationColumn, Relations};
pub use tuple::{Old, Tuple, TupleValue};

use crate::error::{Error, Result};
use crate::wire::reader::Reader;

/// Reads the messages of one stream, in their order.
///
/// ```
/// use pg_core::replication::pgoutput::{Decoder, Message};
///
/// let mut decoder = Decoder::new();
/// let begin = [&b"B"[..], &100_u64.to_be_bytes(), &0_i64.to_be_bytes(), &731_u32.to_be_bytes()].concat();
/// let Message::Begin(begin) = decoder.decode(&begin)? else { unreachable!() };
/// assert_eq!((begin.xid, begin.final_lsn.0), (731, 100));
/// assert!(decoder.decode(b"B").is_err());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    relations: Relations,
    /// The streamed transaction whose block this is.
    streamed: Option<u32>,
}

impl Decoder {
    /// Of a stream that begins.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// The tables that were described so far.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// The transaction of the block between StreamStart and StreamStop in which the next message stands, if in one.
    pub fn streamed(&self) -> Option<u32> {
        self.streamed
    }

    /// Reads a message: the data of one [`XLogData`](crate::message::replication::XLogData).
    ///
    /// # Errors
    /// A decode error that names the message, for bytes that aren't one. The decoder is as it was.
    pub fn decode<'a>(&mut self, data: &'a [u8]) -> Result<Message<'a>> {
        self.decode_of(data, self.streamed.is_some())
    }

    pub(super) fn decode_of<'a>(&mut self, data: &'a [u8], streamed: bool) -> Result<Message<'a>> {
        let tag = data.first().copied().unwrap_or_default();
        let read = Message::read(Reader::new(data), streamed);
        let message = read.map_err(|e| malformed(tag, e))?;
        match &message {
            Message::StreamStart(start) => self.streamed = Some(start.xid),
            Message::StreamStop => self.streamed = None,
            Message::Relation { relation, .. } => self.relations.keep(relation.clone()),
            _ => {}
        }
        Ok(message)
    }

    /// Says that the stream begins anew, as after a lost connection: tables are described again.
    pub fn restart(&mut self) {
        *self = Decoder::new();
    }
}

#[cold]
fn malformed(tag: u8, error: Error) -> Error {
    let name = message::name(tag);
    error
        .with_kind(crate::error::ErrorKind::Decode)
        .within(format!("{name} of pgoutput is malformed"))
        .hint("is the slot's plugin pgoutput, and did its stream reach the decoder from the beginning?")
}
