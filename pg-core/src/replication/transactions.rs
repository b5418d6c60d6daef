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
use std::collections::{HashMap, HashSet};
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
    /// What earlier transactions say of tables and types, and whether in a block: it is said once, and they may have been
    /// left unread.
    described: Vec<(bool, Box<[u8]>)>,
    /// The transaction of which something could not be kept, so that none is whole from then on.
    lost: Option<u32>,
}

/// Messages as they came: for each its length, its subtransaction, and its bytes.
#[derive(Debug, Default)]
struct Kept {
    /// Whole messages each, and never more than was taken for it: memory that grows is there twice meanwhile.
    pieces: Vec<Vec<u8>>,
    /// What was taken for all of them.
    taken: usize,
    /// Subtransactions that were undone.
    undone: HashSet<u32>,
    is_streamed: bool,
    /// There are descriptions of tables and types among them.
    describes: bool,
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
    rest: Rest<'t>,
    reader: &'t mut ChangeReader,
}

/// Where reading stands: what is left of a piece, and those after it.
#[derive(Debug)]
struct Rest<'k> {
    piece: Reader<'k>,
    later: std::slice::Iter<'k, Vec<u8>>,
}

/// So much more than its bytes is kept of each message: its length and its subtransaction.
const OVERHEAD: usize = 8;

/// What a table of so many entries takes for each: it doubles as it grows, and is there twice meanwhile.
const fn of_an_entry<T>() -> usize {
    4 * (size_of::<T>() + 1)
}

/// What is kept of a streamed transaction beside its messages.
const STREAMED: usize = of_an_entry::<(u32, Kept)>();

/// What is kept of a subtransaction that was undone.
const UNDONE: usize = of_an_entry::<u32>();

/// Memory is taken in pieces of up to so many bytes, smaller ones at first; and of one message where that is longer.
const PIECE: usize = 64 << 10;

impl Assembler {
    /// Takes up to so many bytes of memory for all transactions that are open together.
    pub fn new(limit: usize) -> Assembler {
        Assembler {
            control: Decoder::new(),
            limit,
            open: Kept::default(),
            streamed: HashMap::new(),
            whole: Kept::default(),
            last: Vec::new(),
            last_streamed: false,
            described: Vec::new(),
            lost: None,
        }
    }

    /// How many bytes are kept.
    pub fn kept(&self) -> usize {
        let kept = self.streamed.values().chain([&self.open, &self.whole]);
        let entries = self.streamed.len().saturating_mul(STREAMED);
        kept.fold(entries, |sum, kept| sum.saturating_add(kept.size()))
    }

    /// Takes a message; whether it makes something [whole](Assembler::whole).
    ///
    /// # Errors
    /// Of kind [`ErrorKind::Limit`] when more would be kept than was said: the transaction can't be had whole, and the
    /// stream is to be ended; nothing is taken from then on. Bytes that are no message of pgoutput.
    pub fn take(&mut self, data: &[u8]) -> Result<bool> {
        if let Some(xid) = self.lost {
            return Err(self.too_large(xid));
        }
        // What was whole was given, and its memory isn't held beside what comes.
        if self.whole.size() > 0 {
            let whole = std::mem::take(&mut self.whole);
            self.described.extend(whole.descriptions().map(|message| (whole.is_streamed, message.into())));
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
                return self.within_limit(start.xid).map(|()| false);
            }
            Message::StreamAbort(abort) if abort.xid == abort.subxid => {
                self.streamed.remove(&abort.xid);
            }
            Message::StreamAbort(abort) => {
                if let Some(kept) = self.streamed.get_mut(&abort.xid) {
                    kept.undone.insert(abort.subxid);
                }
                return self.within_limit(abort.xid).map(|()| false);
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
        for (streamed, message) in std::mem::take(&mut self.described) {
            reader.read_of(&message, streamed)?;
        }
        let changes = Changes { rest: self.whole.rest(), kept: &self.whole, reader };
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
        let free = self.limit.saturating_sub(self.kept());
        let streamed = self.control.streamed();
        let kept = match streamed {
            Some(xid) => self.streamed.entry(xid).or_default(),
            None => &mut self.open,
        };
        // The number of the (sub)transaction follows the tag.
        let xid = match streamed {
            Some(xid) => {
                data.get(1..).and_then(<[u8]>::first_chunk).map_or(xid, |xid| u32::from_be_bytes(*xid))
            }
            None => kept.xid,
        };
        let Some(piece) = kept.room_for(data.len().saturating_add(OVERHEAD), free) else {
            let xid = kept.xid;
            self.lost = Some(xid);
            return Err(self.too_large(xid));
        };
        put_u32(piece, u32::try_from(data.len()).unwrap_or(u32::MAX));
        put_u32(piece, xid);
        piece.extend_from_slice(data);
        kept.describes |= is_description(data);
        Ok(())
    }

    fn within_limit(&mut self, xid: u32) -> Result<()> {
        if self.kept() <= self.limit {
            return Ok(());
        }
        self.lost = Some(xid);
        Err(self.too_large(xid))
    }

    #[cold]
    fn too_large(&self, xid: u32) -> Error {
        let limit = self.limit;
        let what = format!("the transaction {xid} can't be kept whole: {limit} bytes are too few");
        Error::new(ErrorKind::Limit, what)
            .hint("raise the limit and begin a new stream, or take the changes one by one, as they come")
    }
}

impl Kept {
    fn of(xid: u32, is_streamed: bool) -> Kept {
        Kept { xid, is_streamed, ..Kept::default() }
    }

    fn size(&self) -> usize {
        self.taken.saturating_add(self.undone.len().saturating_mul(UNDONE))
    }

    /// A piece with room for so many bytes, for which no more than what is free is taken; `None` if that is too little.
    fn room_for(&mut self, needed: usize, free: usize) -> Option<&mut Vec<u8>> {
        let left = self.pieces.last().map_or(0, |piece| piece.capacity().saturating_sub(piece.len()));
        if left < needed {
            let size = self.taken.clamp(256, PIECE).max(needed).min(free);
            if size < needed {
                return None;
            }
            self.pieces.push(Vec::with_capacity(size));
            self.taken = self.taken.saturating_add(size);
        }
        self.pieces.last_mut()
    }

    fn rest(&self) -> Rest<'_> {
        Rest { piece: Reader::new(&[]), later: self.pieces.iter() }
    }

    /// The messages that describe tables and types.
    fn descriptions(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.rest();
        let messages = std::iter::from_fn(move || match self.describes {
            true => self.next(&mut rest).ok().flatten(),
            false => None,
        });
        messages.filter(|message| is_description(message))
    }

    /// The next message that was not undone.
    fn next<'k>(&self, rest: &mut Rest<'k>) -> Result<Option<&'k [u8]>> {
        loop {
            while rest.piece.rest().is_empty() {
                let Some(piece) = rest.later.next() else { return Ok(None) };
                rest.piece = Reader::new(piece);
            }
            let (length, xid) = (rest.piece.u32()?, rest.piece.u32()?);
            let message = rest.piece.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            if !self.undone.contains(&xid) {
                return Ok(Some(message));
            }
        }
    }
}

/// Whether a message is Relation or Type.
fn is_description(message: &[u8]) -> bool {
    matches!(message.first(), Some(b'R' | b'Y'))
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
        match self.kept.next(&mut self.rest)? {
            Some(message) => self.reader.read_of(message, self.kept.is_streamed).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::catalog::Catalog;
    use crate::types::context::Settings;

    /// A stream of messages for one table, `t (id text)`.
    fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        [&[tag][..], &parts.concat()].concat()
    }

    fn begin(xid: u32) -> Vec<u8> {
        message(b'B', &[&[0; 16], &xid.to_be_bytes()])
    }

    fn commit() -> Vec<u8> {
        message(b'C', &[&[0; 25]])
    }

    fn table() -> Vec<u8> {
        message(b'R', &[&[0, 0, 0, 7], b"public\0t\0d", &[0, 1, 1], b"id\0", &[0, 0, 0, 25], &[255; 4]])
    }

    fn insert(id: &str) -> Vec<u8> {
        let length = u32::try_from(id.len()).unwrap().to_be_bytes();
        message(b'I', &[&[0, 0, 0, 7], b"N", &[0, 1], b"t", &length, id.as_bytes()])
    }

    fn stream_start(xid: u32) -> Vec<u8> {
        message(b'S', &[&xid.to_be_bytes(), &[1]])
    }

    /// A message in a block of a streamed transaction.
    fn within(xid: u32, message: &[u8]) -> Vec<u8> {
        [&message[..1], &xid.to_be_bytes(), &message[1..]].concat()
    }

    fn stream_abort(xid: u32, subxid: u32) -> Vec<u8> {
        message(b'A', &[&xid.to_be_bytes(), &subxid.to_be_bytes()])
    }

    fn stream_commit(xid: u32) -> Vec<u8> {
        message(b'c', &[&xid.to_be_bytes(), &[0; 25]])
    }

    fn reader() -> ChangeReader {
        ChangeReader::new(Catalog::default(), std::sync::Arc::new(Settings::default()))
    }

    fn ids(whole: Whole<'_>) -> Vec<String> {
        let Whole::Transaction(_, mut changes) = whole else { panic!("no transaction") };
        let mut ids = Vec::new();
        while let Some(event) = changes.next_event().unwrap() {
            if let Event::Change(mut change) = event {
                ids.push(change.new::<(String,)>().unwrap().0);
            }
        }
        ids
    }

    #[test]
    fn a_transaction_that_is_too_large_is_never_given_as_whole() {
        let mut assembler = Assembler::new(200);
        for message in [begin(1), table(), insert("small")] {
            assert!(!assembler.take(&message).unwrap());
        }
        let large = "x".repeat(200);
        for message in [insert(&large), insert("small"), commit(), begin(2), commit()] {
            let error = assembler.take(&message).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert!(error.to_string().contains("transaction 1"), "{error}");
        }
    }

    #[test]
    fn changes_that_are_left_unread_leave_the_tables_described() {
        let (mut assembler, mut reader) = (Assembler::new(1000), reader());
        for message in [begin(1), table(), insert("a")] {
            assert!(!assembler.take(&message).unwrap());
        }
        assert!(assembler.take(&commit()).unwrap());
        let _ = assembler.whole(&mut reader).unwrap();
        for message in [begin(2), insert("b")] {
            assert!(!assembler.take(&message).unwrap());
        }
        assert!(assembler.take(&commit()).unwrap());
        assert_eq!(ids(assembler.whole(&mut reader).unwrap()), ["b"]);
    }

    #[test]
    fn the_memory_of_what_was_read_and_undone_is_counted_and_given_back() {
        let (mut assembler, mut reader) = (Assembler::new(10_000), reader());
        assembler.take(&stream_start(1)).unwrap();
        for message in [within(1, &table()), within(1, &insert("a")), within(2, &insert("undone"))] {
            assembler.take(&message).unwrap();
        }
        assembler.take(b"E").unwrap();
        let before = assembler.kept();
        for subxid in 2..102 {
            assembler.take(&stream_abort(1, subxid)).unwrap();
        }
        assert_eq!(assembler.kept(), before + 100 * UNDONE);
        assert!(assembler.take(&stream_commit(1)).unwrap());
        assert_eq!(ids(assembler.whole(&mut reader).unwrap()), ["a"]);
        assert!(assembler.kept() > 0, "it may be read again");
        assembler.take(&begin(3)).unwrap();
        assert_eq!(assembler.kept(), 0);
    }
}
