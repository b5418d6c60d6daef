//! A large object: bytes of up to 4 TB that are read and written at any place. Manual: "Large Objects".
//!
//! Each step tells the server where it reads or writes, in the same round trip, so that one that was dropped or failed
//! leaves no position behind that is somewhere else than it seems.

use crate::error::{Error, Result};
use crate::exchange::collect::Value;
use crate::exchange::query::Request;
use crate::params::Params;
use crate::run::Lender;
use crate::types::typecaster::TypecasterOwned;
use postgres_types::Oid;
use std::io::{Read, SeekFrom, Write};

/// So much is read at once, and written at once.
const BUFFER: usize = 64 * 1024;

/// What a large object is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeObjectMode {
    /// Reading, as it was when the statement's snapshot was taken.
    Read,
    /// Writing.
    Write,
    /// Both; what was written is read.
    ReadWrite,
}

impl LargeObjectMode {
    /// The server's INV_READ and INV_WRITE.
    fn bits(self) -> i32 {
        match self {
            LargeObjectMode::Read => 0x4_0000,
            LargeObjectMode::Write => 0x2_0000,
            LargeObjectMode::ReadWrite => 0x6_0000,
        }
    }
}

/// A large object that is open in a transaction. 64 KiB are buffered in either direction.
///
/// # Drop
/// What was written and not [flushed](LargeObject::flush) is lost; [`close`](LargeObject::close) flushes. The server
/// closes its side at the end of the transaction.
#[must_use = "what is written to it is complete after close() or flush()"]
pub struct LargeObject<'s, S: Lender> {
    session: &'s mut S,
    descriptor: i32,
    /// Where the next byte is read or written.
    position: u64,
    /// What was read ahead, and where it begins.
    ahead: Vec<u8>,
    ahead_at: u64,
    /// Nothing was found where it was read ahead: the end.
    at_end: bool,
    /// What is to be written, and where.
    behind: Vec<u8>,
    behind_at: u64,
}

pub(crate) async fn unlink<S: Lender>(session: &mut S, oid: Oid) -> Result<()> {
    value::<S, i32>(session, "select lo_unlink($1)", (oid,)).await.map(drop)
}

async fn value<S: Lender, T: TypecasterOwned + Send>(
    session: &mut S,
    sql: &str,
    params: impl Params,
) -> Result<T> {
    session.run(Request::new(sql, params, Value::<T>::default())).await
}

fn offset(position: u64) -> Result<i64> {
    i64::try_from(position)
        .map_err(|_| Error::usage("a large object has no such position: the limit is 4 TB"))
}

impl<'s, S: Lender> LargeObject<'s, S> {
    pub(crate) async fn open(
        session: &'s mut S,
        oid: Oid,
        mode: LargeObjectMode,
    ) -> Result<LargeObject<'s, S>> {
        if !session.lent().is_inside() {
            return Err(Error::usage("a large object is open in a transaction, and none is")
                .hint("begin() one and open it there"));
        }
        let descriptor = value(session, "select lo_open($1, $2)", (oid, mode.bits())).await?;
        Ok(LargeObject {
            session,
            descriptor,
            position: 0,
            ahead: Vec::new(),
            ahead_at: 0,
            at_end: false,
            behind: Vec::new(),
            behind_at: 0,
        })
    }

    /// Reads what comes next, as much as is there and fits: how many bytes; 0 at the end.
    ///
    /// # Errors
    /// What the server says, such as of an object that was opened for writing alone.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            if let Some(count) = self.read_ahead(buffer) {
                return Ok(count);
            }
            self.fill().await?;
        }
    }

    /// Reads of what was read ahead: how many bytes, 0 at the end; `None` if [`fill`](LargeObject::fill) must ask the
    /// server first.
    pub fn read_ahead(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if std::mem::take(&mut self.at_end) || buffer.is_empty() {
            return Some(0);
        }
        let mut buffer = buffer;
        // As much as fits.
        let count = buffer.write(self.waiting()).ok()?;
        self.position = self.position.saturating_add(count as u64);
        (count > 0).then_some(count)
    }

    /// What was read ahead of here; nothing while something is to be written, which it may be.
    fn waiting(&self) -> &[u8] {
        let skip = self.position.checked_sub(self.ahead_at).and_then(|skip| usize::try_from(skip).ok());
        match skip {
            Some(skip) if self.behind.is_empty() => self.ahead.get(skip..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Reads ahead from here, after what is to be written was.
    ///
    /// # Errors
    /// As [`LargeObject::read`].
    pub async fn fill(&mut self) -> Result<()> {
        self.flush().await?;
        let most = i32::try_from(BUFFER).unwrap_or(i32::MAX);
        // The position is set before the function is called: what stands in FROM comes first.
        let sql = "select loread($1, $3) from lo_lseek64($1, $2, 0)";
        let read = value(self.session, sql, (self.descriptor, offset(self.position)?, most)).await?;
        (self.ahead, self.ahead_at) = (read, self.position);
        self.at_end = self.ahead.is_empty();
        Ok(())
    }

    /// What comes next; one round trip if nothing was read ahead. Empty at the end.
    async fn piece(&mut self) -> Result<&[u8]> {
        if self.waiting().is_empty() {
            self.fill().await?;
            self.at_end = false;
        }
        Ok(self.waiting())
    }

    /// Reads all that is left, behind what `all` holds: how many bytes.
    ///
    /// # Errors
    /// As [`LargeObject::read`].
    pub async fn read_to_end(&mut self, all: &mut Vec<u8>) -> Result<usize> {
        let before = all.len();
        loop {
            let piece = self.piece().await?;
            if piece.is_empty() {
                return Ok(all.len().saturating_sub(before));
            }
            let count = piece.len() as u64;
            all.extend_from_slice(piece);
            self.position = self.position.saturating_add(count);
        }
    }

    /// Writes as much of the data as is buffered at once: how many bytes, at least one of any.
    ///
    /// # Errors
    /// What the server says of what was written before, such as of an object that was opened for reading alone.
    ///
    /// # Cancel safety
    /// Dropped, nothing of this data was taken.
    pub async fn write(&mut self, data: &[u8]) -> Result<usize> {
        loop {
            if let Some(count) = self.write_behind(data) {
                return Ok(count);
            }
            self.flush().await?;
        }
    }

    /// Takes data into the buffer: how many bytes; `None` if [`flush`](LargeObject::flush) must empty it first.
    pub fn write_behind(&mut self, data: &[u8]) -> Option<usize> {
        let end = self.behind_at.saturating_add(self.behind.len() as u64);
        if self.behind.is_empty() {
            self.behind_at = self.position;
        } else if end != self.position || self.behind.len() >= BUFFER {
            return None;
        }
        let room = BUFFER.saturating_sub(self.behind.len());
        let taken = data.get(..room).unwrap_or(data);
        self.behind.extend_from_slice(taken);
        self.position = self.position.saturating_add(taken.len() as u64);
        // What was read ahead may be what is overwritten.
        self.ahead.clear();
        self.at_end = false;
        Some(taken.len())
    }

    /// Whether something waits for [`flush`](LargeObject::flush).
    pub fn wants_flush(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Writes all of the data.
    ///
    /// # Errors
    /// As [`LargeObject::write`].
    pub async fn write_all(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let taken = self.write(data).await?;
            data = data.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Hands what is buffered to the server, and waits for it.
    ///
    /// # Errors
    /// As [`LargeObject::write`]; what is buffered stays so.
    ///
    /// # Cancel safety
    /// Dropped, what is buffered is written again by the next step, at the same place.
    pub async fn flush(&mut self) -> Result<()> {
        if !self.behind.is_empty() {
            let sql = "select lowrite($1, $3) from lo_lseek64($1, $2, 0)";
            let at = offset(self.behind_at)?;
            let _: i32 = value(self.session, sql, (self.descriptor, at, &*self.behind)).await?;
            self.behind.clear();
        }
        Ok(())
    }

    /// Goes to a place, which may lie behind the end: what is between reads as zeros once something is written there. Gives
    /// the place. Only [`SeekFrom::End`] asks the server.
    ///
    /// # Errors
    /// A place before the beginning, or beyond 4 TB.
    pub async fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size().await?.checked_add_signed(by),
        };
        let to = to.ok_or_else(|| Error::usage("the place lies before the beginning of the large object"))?;
        offset(to)?;
        self.position = to;
        self.at_end = false;
        Ok(to)
    }

    /// Where the next byte is read or written.
    pub fn tell(&self) -> u64 {
        self.position
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// What the server says.
    pub async fn size(&mut self) -> Result<u64> {
        self.flush().await?;
        let size: i64 = value(self.session, "select lo_lseek64($1, 0, 2)", (self.descriptor,)).await?;
        Ok(u64::try_from(size).unwrap_or_default())
    }

    /// Makes it so long: what is behind is cut off, what is missing reads as zeros.
    ///
    /// # Errors
    /// What the server says, such as of an object that was opened for reading alone.
    pub async fn truncate(&mut self, size: u64) -> Result<()> {
        self.flush().await?;
        self.ahead.clear();
        self.at_end = false;
        let sql = "select lo_truncate64($1, $2)";
        value::<S, i32>(self.session, sql, (self.descriptor, offset(size)?)).await.map(drop)
    }

    /// Flushes and closes it, before the end of its transaction.
    ///
    /// # Errors
    /// As [`LargeObject::flush`].
    pub async fn close(mut self) -> Result<()> {
        self.flush().await?;
        value::<S, i32>(self.session, "select lo_close($1)", (self.descriptor,)).await.map(drop)
    }

    /// Writes all that a source gives: how many bytes.
    ///
    /// # Errors
    /// As [`LargeObject::write`]; and the source's own.
    ///
    /// In the async client the source must not wait, as a slice or a `Cursor` doesn't: the task would wait with it.
    pub async fn write_all_of(&mut self, mut source: impl Read + Send) -> Result<u64> {
        let mut piece = vec![0; BUFFER];
        let mut count = 0u64;
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    self.write_all(piece.get(..read).unwrap_or_default()).await?;
                    count = count.saturating_add(read as u64);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("reading what a large object is made of", error)),
            }
        }
        self.flush().await?;
        Ok(count)
    }

    /// Writes all that is left into `sink`: how many bytes.
    ///
    /// # Errors
    /// As [`LargeObject::read`]; and the sink's own.
    ///
    /// In the async client the sink must not wait, as a `Vec` doesn't: the task would wait with it.
    pub async fn write_to(&mut self, mut sink: impl Write + Send) -> Result<u64> {
        let failed = |error| Error::io("writing what a large object holds", error);
        let mut written = 0u64;
        loop {
            let piece = self.piece().await?;
            if piece.is_empty() {
                break;
            }
            let count = piece.len() as u64;
            sink.write_all(piece).map_err(failed)?;
            self.position = self.position.saturating_add(count);
            written = written.saturating_add(count);
        }
        sink.flush().map_err(failed)?;
        Ok(written)
    }
}

impl<S: Lender> std::fmt::Debug for LargeObject<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LargeObject").field("position", &self.position).finish_non_exhaustive()
    }
}
