//! The messages, in the manual's order of fields.

use super::relation::Relation;
use super::tuple::{Old, Tuple};
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::wire::reader::Reader;

/// A message of pgoutput.
///
/// `xid` in a change is the number of its (sub)transaction, which is told in streamed transactions alone. Times are the
/// server's, in microseconds since 2000-01-01 00:00 UTC.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// A transaction begins, which has committed.
    Begin(Begin),
    /// It ends.
    Commit(Commit),
    /// It came from another server.
    Origin(Origin<'a>),
    /// A table, before its first change and when it was altered.
    Relation {
        /// Of a streamed transaction.
        xid: Option<u32>,
        /// The table.
        relation: Relation,
    },
    /// A type that isn't PostgreSQL's own, before the first table with it.
    Type(TypeName<'a>),
    /// A row was inserted.
    Insert(Insert<'a>),
    /// A row was updated.
    Update(Update<'a>),
    /// A row was deleted.
    Delete(Delete<'a>),
    /// Tables were emptied.
    Truncate(Truncate<'a>),
    /// `pg_logical_emit_message`.
    Message(LogicalMessage<'a>),
    /// A block of a transaction that is still open. From version 2.
    StreamStart(StreamStart),
    /// The block's end.
    StreamStop,
    /// A streamed transaction has committed.
    StreamCommit(StreamCommit),
    /// A streamed transaction, or a part of it, is undone.
    StreamAbort(StreamAbort),
    /// A prepared transaction begins. From version 3.
    BeginPrepare(BeginPrepare<'a>),
    /// It is prepared.
    Prepare(Prepare<'a>),
    /// A streamed transaction is prepared.
    StreamPrepare(Prepare<'a>),
    /// A prepared transaction has committed.
    CommitPrepared(CommitPrepared<'a>),
    /// A prepared transaction is undone.
    RollbackPrepared(RollbackPrepared<'a>),
}

/// Begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// The place of its commit.
    pub final_lsn: Lsn,
    /// When it committed.
    pub time: i64,
    /// Its number.
    pub xid: u32,
}

/// Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// None are defined.
    pub flags: u8,
    /// The place of the commit.
    pub lsn: Lsn,
    /// The place after it: what to confirm, and to go on from.
    pub end_lsn: Lsn,
    /// When it committed.
    pub time: i64,
}

/// Origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The place of the commit there.
    pub lsn: Lsn,
    /// The origin's name.
    pub name: &'a str,
}

/// Type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// Its OID.
    pub oid: u32,
    /// Its schema; empty for `pg_catalog`.
    pub schema: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insert<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// The table's OID.
    pub relation: u32,
    /// The row.
    pub new: Tuple<'a>,
}

/// Update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// The table's OID.
    pub relation: u32,
    /// What was: the key if it changed, the whole row with `REPLICA IDENTITY FULL`.
    pub old: Option<Old<'a>>,
    /// The row.
    pub new: Tuple<'a>,
}

/// Delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// The table's OID.
    pub relation: u32,
    /// What was: the key, or the whole row with `REPLICA IDENTITY FULL`.
    pub old: Old<'a>,
}

/// Truncate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// TRUNCATE .. CASCADE.
    pub cascade: bool,
    /// TRUNCATE .. RESTART IDENTITY.
    pub restart_identity: bool,
    oids: &'a [u8],
}

impl Truncate<'_> {
    /// The tables' OIDs.
    pub fn relations(&self) -> impl Iterator<Item = u32> + '_ {
        self.oids.chunks_exact(4).filter_map(|oid| oid.first_chunk().copied()).map(u32::from_be_bytes)
    }
}

/// Message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalMessage<'a> {
    /// Of a streamed transaction.
    pub xid: Option<u32>,
    /// It belongs to its transaction; else it was sent whether or not that committed, and stands outside of any.
    pub transactional: bool,
    /// Its place.
    pub lsn: Lsn,
    /// What it is for, as its sender says.
    pub prefix: &'a str,
    /// The message.
    pub content: &'a [u8],
}

/// Stream Start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStart {
    /// The transaction.
    pub xid: u32,
    /// Its first block.
    pub first: bool,
}

/// Stream Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCommit {
    /// The transaction.
    pub xid: u32,
    /// Of the commit.
    pub commit: Commit,
}

/// Stream Abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamAbort {
    /// The transaction.
    pub xid: u32,
    /// The part that is undone: the same for all of it.
    pub subxid: u32,
    /// Place and time of the abort, where streaming is parallel (version 4).
    pub abort: Option<(Lsn, i64)>,
}

/// Begin Prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginPrepare<'a> {
    /// The place of its PREPARE.
    pub lsn: Lsn,
    /// The place after it.
    pub end_lsn: Lsn,
    /// When it was prepared.
    pub time: i64,
    /// Its number.
    pub xid: u32,
    /// Its name.
    pub gid: &'a str,
}

/// Prepare, and Stream Prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepare<'a> {
    /// None are defined.
    pub flags: u8,
    /// The transaction.
    pub prepared: BeginPrepare<'a>,
}

/// Commit Prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPrepared<'a> {
    /// Its number.
    pub xid: u32,
    /// Of the commit.
    pub commit: Commit,
    /// Its name.
    pub gid: &'a str,
}

/// Rollback Prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackPrepared<'a> {
    /// None are defined.
    pub flags: u8,
    /// The place after its PREPARE.
    pub prepare_end_lsn: Lsn,
    /// The place after the rollback.
    pub end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: i64,
    /// When it was undone.
    pub time: i64,
    /// Its number.
    pub xid: u32,
    /// Its name.
    pub gid: &'a str,
}

/// The manual's name of a message.
pub(super) fn name(tag: u8) -> &'static str {
    match tag {
        b'B' => "Begin",
        b'M' => "Message",
        b'C' => "Commit",
        b'O' => "Origin",
        b'R' => "Relation",
        b'Y' => "Type",
        b'I' => "Insert",
        b'U' => "Update",
        b'D' => "Delete",
        b'T' => "Truncate",
        b'S' => "Stream Start",
        b'E' => "Stream Stop",
        b'c' => "Stream Commit",
        b'A' => "Stream Abort",
        b'b' => "Begin Prepare",
        b'P' => "Prepare",
        b'K' => "Commit Prepared",
        b'r' => "Rollback Prepared",
        b'p' => "Stream Prepare",
        _ => "a message",
    }
}

impl<'a> Message<'a> {
    /// Reads one; `streamed` says that it stands in a block of a streamed transaction.
    pub(super) fn read(mut r: Reader<'a>, streamed: bool) -> Result<Message<'a>> {
        let tag = r.u8()?;
        // The most frequent first.
        let message = match tag {
            b'I' => {
                let (xid, relation) = change(&mut r, streamed)?;
                Message::Insert(Insert { xid, relation, new: Tuple::new_row(&mut r)? })
            }
            b'U' => {
                let (xid, relation) = change(&mut r, streamed)?;
                let old = if r.rest().first() == Some(&b'N') { None } else { Some(Old::read(&mut r)?) };
                Message::Update(Update { xid, relation, old, new: Tuple::new_row(&mut r)? })
            }
            b'D' => {
                let (xid, relation) = change(&mut r, streamed)?;
                Message::Delete(Delete { xid, relation, old: Old::read(&mut r)? })
            }
            b'B' => Message::Begin(Begin { final_lsn: lsn(&mut r)?, time: int8(&mut r)?, xid: r.u32()? }),
            b'C' => Message::Commit(Commit::read(&mut r)?),
            b'O' => Message::Origin(Origin { lsn: lsn(&mut r)?, name: r.c_str()? }),
            b'R' => {
                let xid = streamed.then(|| r.u32()).transpose()?;
                Message::Relation { xid, relation: Relation::read(&mut r)? }
            }
            b'Y' => Message::Type(TypeName {
                xid: streamed.then(|| r.u32()).transpose()?,
                oid: r.u32()?,
                schema: r.c_str()?,
                name: r.c_str()?,
            }),
            b'T' => {
                let xid = streamed.then(|| r.u32()).transpose()?;
                let (count, options) = (r.u32()?, r.u8()?);
                let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(4));
                let oids = r.take(length.unwrap_or(usize::MAX))?;
                let (cascade, restart_identity) = (options & 1 != 0, options & 2 != 0);
                Message::Truncate(Truncate { xid, cascade, restart_identity, oids })
            }
            b'M' => {
                let xid = streamed.then(|| r.u32()).transpose()?;
                let (flags, lsn, prefix) = (r.u8()?, lsn(&mut r)?, r.c_str()?);
                let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
                let content = r.take(length)?;
                Message::Message(LogicalMessage { xid, transactional: flags & 1 != 0, lsn, prefix, content })
            }
            b'S' => Message::StreamStart(StreamStart { xid: r.u32()?, first: r.u8()? != 0 }),
            b'E' => Message::StreamStop,
            b'c' => Message::StreamCommit(StreamCommit { xid: r.u32()?, commit: Commit::read(&mut r)? }),
            b'A' => {
                let (xid, subxid) = (r.u32()?, r.u32()?);
                let abort = if r.rest().is_empty() { None } else { Some((lsn(&mut r)?, int8(&mut r)?)) };
                Message::StreamAbort(StreamAbort { xid, subxid, abort })
            }
            b'b' => Message::BeginPrepare(BeginPrepare::read(&mut r)?),
            b'P' => Message::Prepare(Prepare { flags: r.u8()?, prepared: BeginPrepare::read(&mut r)? }),
            b'p' => Message::StreamPrepare(Prepare { flags: r.u8()?, prepared: BeginPrepare::read(&mut r)? }),
            b'K' => {
                let commit = Commit::read(&mut r)?;
                Message::CommitPrepared(CommitPrepared { commit, xid: r.u32()?, gid: r.c_str()? })
            }
            b'r' => Message::RollbackPrepared(RollbackPrepared {
                flags: r.u8()?,
                prepare_end_lsn: lsn(&mut r)?,
                end_lsn: lsn(&mut r)?,
                prepare_time: int8(&mut r)?,
                time: int8(&mut r)?,
                xid: r.u32()?,
                gid: r.c_str()?,
            }),
            other => return Err(Error::decode(format!("the tag {:?} is unknown", other as char))),
        };
        r.finish()?;
        Ok(message)
    }
}

/// What begins each change: its transaction, where told, and its table.
#[inline]
fn change(r: &mut Reader<'_>, streamed: bool) -> Result<(Option<u32>, u32)> {
    let xid = if streamed { Some(r.u32()?) } else { None };
    Ok((xid, r.u32()?))
}

#[inline]
fn lsn(r: &mut Reader<'_>) -> Result<Lsn> {
    r.array().map(|bytes| Lsn(u64::from_be_bytes(bytes)))
}

#[inline]
fn int8(r: &mut Reader<'_>) -> Result<i64> {
    r.array().map(i64::from_be_bytes)
}

impl Commit {
    fn read(r: &mut Reader<'_>) -> Result<Commit> {
        Ok(Commit { flags: r.u8()?, lsn: lsn(r)?, end_lsn: lsn(r)?, time: int8(r)? })
    }
}

impl<'a> BeginPrepare<'a> {
    fn read(r: &mut Reader<'a>) -> Result<BeginPrepare<'a>> {
        Ok(BeginPrepare { lsn: lsn(r)?, end_lsn: lsn(r)?, time: int8(r)?, xid: r.u32()?, gid: r.c_str()? })
    }
}
