//! Whole transactions: messages are kept until their transaction has committed, and given then, in its order; those of a
//! transaction, or a part of one, that is undone are never given. What is kept is bounded.

use super::change::{ChangeReader, Event};
use super::pgoutput::{
    BeginPrepare, Commit, CommitPrepared, Decoder, LogicalMessage, Message, Prepare, Relation,
    RollbackPrepared, StreamCommit,
};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::put_u32;
use std::collections::HashMap;
use std::sync::Arc;

/// Puts the messages of one stream of pgoutput together to transactions.
#[derive(Debug)]
pub struct Assembler {
    control: Decoder,
    limit: usize,
    /// The transaction that is sent after it has committed.
    open: Kept,
    /// Those that are sent in blocks before that, by number.
    streamed: HashMap<u32, Kept>,
    /// What is whole, and the message that made it so.
    whole: Kept,
    last: Vec<u8>,
    last_streamed: bool,
}

/// Messages as they came: for each its length, its subtransaction, and its bytes.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Subtransactions that were undone.
    undone: Vec<u32>,
    is_streamed: bool,
    xid: u32,
}

/// What is whole.
#[derive(Debug)]
pub enum Whole<'t> {
    /// A transaction that has committed.
    Transaction(Commit, Changes<'t>),
    /// A transaction that was prepared; whether it commits is told later, by its name.
    Prepared(Prepare<'t>, Changes<'t>),
    /// A prepared transaction has committed.
    CommitPrepared(CommitPrepared<'t>),
    /// A prepared transaction was undone.
    RollbackPrepared(RollbackPrepared<'t>),
    /// A message that belongs to no transaction.
    Message(LogicalMessage<'t>),
}

/// What a transaction did, in its order.
#[derive(Debug)]
pub struct Changes<'t> {
    kept: &'t Kept,
    rest: Reader<'t>,
    reader: &'t mut ChangeReader,
}

/// So much more than its bytes is counted for each message.
const OVERHEAD: usize = 8;

impl Assembler {
    /// Keeps up to so many bytes, of all transactions that are open together.
    pub fn new(limit: usize) -> Assembler {
        Assembler {
            control: Decoder::new(),
            limit,
            open: Kept::default(),
            streamed: HashMap::new(),
            whole: Kept::default(),
            last: Vec::new(),
            last_streamed: false,
        }
    }

    /// How many bytes are kept.
    pub fn kept(&self) -> usize {
        self.streamed.values().fold(self.open.bytes.len(), |sum, kept| sum.saturating_add(kept.bytes.len()))
    }

    /// Takes a message; whether it makes something [whole](Assembler::whole).
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Limit`] when more would be kept than was said: the transaction can't be had whole, and the
    /// stream is to be ended. Bytes that are no message of pgoutput.
    pub fn take(&mut self, data: &[u8]) -> Result<bool> {
        // What was whole was given, and its memory isn't held beside what comes.
        if !self.whole.bytes.is_empty() {
            self.whole = Kept::default();
        }
        if matches!(data.first(), Some(b'I' | b'U' | b'D' | b'T' | b'R' | b'Y' | b'O')) {
            return self.keep(data).map(|()| false);
        }
        let streamed = self.control.streamed().is_some();
        match self.control.decode(data)? {
            Message::Message(message) if message.transactional => return self.keep(data).map(|()| false),
            Message::Begin(begin) => self.open = Kept::of(begin.xid, false),
            Message::BeginPrepare(begin) => self.open = Kept::of(begin.xid, false),
            Message::StreamStart(start) => {
                self.streamed.entry(start.xid).or_insert_with(|| Kept::of(start.xid, true));
            }
            Message::StreamAbort(abort) if abort.xid == abort.subxid => {
                self.streamed.remove(&abort.xid);
            }
            Message::StreamAbort(abort) => {
                if let Some(kept) = self.streamed.get_mut(&abort.xid) {
                    kept.undone.push(abort.subxid);
                }
            }
            Message::Commit(_) | Message::Prepare(_) => {
                self.whole = std::mem::take(&mut self.open);
                self.end(data, streamed);
                return Ok(true);
            }
            // One of which nothing was sent did nothing that is published.
            Message::StreamCommit(StreamCommit { xid, .. })
            | Message::StreamPrepare(Prepare { prepared: BeginPrepare { xid, .. }, .. }) => {
                self.whole = self.streamed.remove(&xid).unwrap_or_else(|| Kept::of(xid, true));
                self.end(data, streamed);
                return Ok(true);
            }
            Message::Message(_) | Message::CommitPrepared(_) | Message::RollbackPrepared(_) => {
                self.end(data, streamed);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    fn end(&mut self, data: &[u8], streamed: bool) {
        self.last.clear();
        self.last.extend_from_slice(data);
        self.last_streamed = streamed;
    }

    /// What the message that was taken last has made whole; `reader` reads the changes.
    ///
    /// # Errors
    /// Nothing is whole.
    pub fn whole<'t>(&'t mut self, reader: &'t mut ChangeReader) -> Result<Whole<'t>> {
        let changes = Changes { rest: Reader::new(&self.whole.bytes), kept: &self.whole, reader };
        Ok(match Decoder::new().decode_of(&self.last, self.last_streamed)? {
            Message::Commit(commit) | Message::StreamCommit(StreamCommit { commit, .. }) => {
                Whole::Transaction(commit, changes)
            }
            Message::Prepare(prepare) | Message::StreamPrepare(prepare) => Whole::Prepared(prepare, changes),
            Message::CommitPrepared(commit) => Whole::CommitPrepared(commit),
            Message::RollbackPrepared(rollback) => Whole::RollbackPrepared(rollback),
            Message::Message(message) => Whole::Message(message),
            _ => return Err(Error::usage("no transaction is whole")),
        })
    }

    fn keep(&mut self, data: &[u8]) -> Result<()> {
        let needed = data.len().saturating_add(OVERHEAD);
        let (used, limit) = (self.kept(), self.limit);
        let streamed = self.control.streamed();
        let kept = match streamed {
            Some(xid) => self.streamed.entry(xid).or_default(),
            None => &mut self.open,
        };
        if used.saturating_add(needed) > limit {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("the transaction {} can't be kept whole: {limit} bytes are too few", kept.xid),
            )
            .hint("raise the limit, or take the changes one by one, as they come"));
        }
        // The number of the (sub)transaction follows the tag.
        let xid = match streamed {
            Some(xid) => {
                data.get(1..).and_then(<[u8]>::first_chunk).map_or(xid, |xid| u32::from_be_bytes(*xid))
            }
            None => kept.xid,
        };
        put_u32(&mut kept.bytes, u32::try_from(data.len()).unwrap_or(u32::MAX));
        put_u32(&mut kept.bytes, xid);
        kept.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl Kept {
    fn of(xid: u32, is_streamed: bool) -> Kept {
        Kept { xid, is_streamed, ..Kept::default() }
    }
}

impl Changes<'_> {
    /// The transaction's number.
    pub fn xid(&self) -> u32 {
        self.kept.xid
    }

    /// A table by its OID, as it was described last.
    pub fn relation(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.reader.relations().get(oid)
    }

    /// The next of them; `None` at the end. Tables and types as they are described, truncates and messages come too.
    ///
    /// # Errors
    /// Bytes that are no message of pgoutput.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>> {
        let (mut rest, message) = loop {
            let mut rest = self.rest;
            if rest.rest().is_empty() {
                return Ok(None);
            }
            let (length, xid) = (rest.u32()?, rest.u32()?);
            let message = rest.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            if !self.kept.undone.contains(&xid) {
                break (rest, message);
            }
            self.rest = rest;
        };
        std::mem::swap(&mut self.rest, &mut rest);
        self.reader.read_of(message, self.kept.is_streamed).map(Some)
    }
}
