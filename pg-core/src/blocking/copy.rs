//! COPY with plain methods.

use super::complete::complete;
use crate::copy::CopyRow;
use crate::error::Result;
use crate::row::{Column, FromRow, RowRef};
use crate::session::Session;
use crate::streams::{CopyIn, CopyOut, CopyRowsIn, CopyRowsOut, Progress};
use std::io::{self, Read, Write};

/// [`CopyIn`] with plain methods; it is a [`Write`] too.
#[must_use = "dropped without finish(), a COPY is failed and nothing of it remains"]
pub struct BlockingCopyIn<'s, S: Session>(pub(super) CopyIn<'s, S>);

impl<'s, S: Session> BlockingCopyIn<'s, S> {
    /// [`CopyIn::on_progress`].
    pub fn on_progress(self, watch: impl FnMut(Progress) + Send + 's) -> BlockingCopyIn<'s, S> {
        BlockingCopyIn(self.0.on_progress(watch))
    }

    /// [`CopyIn::progress`]: how far it has come.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// [`CopyIn::write`]: data of any length.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        complete(self.0.write(data))
    }

    /// [`CopyIn::write_all_of`]: all that a source gives.
    pub fn write_all_of(&mut self, source: impl Read + Send) -> Result<()> {
        complete(self.0.write_all_of(source))
    }

    /// [`CopyIn::flush`]: hands all to the link.
    pub fn flush(&mut self) -> Result<()> {
        complete(self.0.flush())
    }

    /// [`CopyIn::finish`]: the number of rows that the server took.
    pub fn finish(self) -> Result<u64> {
        complete(self.0.finish())
    }

    /// [`CopyIn::abort`]: fails the COPY.
    pub fn abort(self, reason: &str) -> Result<()> {
        complete(self.0.abort(reason))
    }
}

impl<S: Session> Write for BlockingCopyIn<'_, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        complete(self.0.write(data)).map_err(io::Error::other)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        complete(self.0.flush()).map_err(io::Error::other)
    }
}

/// [`CopyRowsIn`] with plain methods.
#[must_use = "dropped without finish(), a COPY is failed and nothing of it remains"]
pub struct BlockingCopyRowsIn<'s, S: Session, R>(pub(super) CopyRowsIn<'s, S, R>);

impl<'s, S: Session, R: CopyRow> BlockingCopyRowsIn<'s, S, R> {
    /// [`CopyRowsIn::on_progress`].
    pub fn on_progress(self, watch: impl FnMut(Progress) + Send + 's) -> BlockingCopyRowsIn<'s, S, R> {
        BlockingCopyRowsIn(self.0.on_progress(watch))
    }

    /// [`CopyRowsIn::progress`]: how far it has come.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// [`CopyRowsIn::write`]: a row.
    #[inline]
    pub fn write(&mut self, row: &R) -> Result<()> {
        complete(self.0.write(row))
    }

    /// [`CopyRowsIn::write_all`]: all rows of an iterator.
    pub fn write_all(&mut self, rows: impl IntoIterator<Item = R>) -> Result<()> {
        rows.into_iter().try_for_each(|row| self.write(&row))
    }

    /// [`CopyRowsIn::flush`]: hands all to the link.
    pub fn flush(&mut self) -> Result<()> {
        complete(self.0.flush())
    }

    /// [`CopyRowsIn::finish`]: the number of rows that the server took.
    pub fn finish(self) -> Result<u64> {
        complete(self.0.finish())
    }

    /// [`CopyRowsIn::abort`]: fails the COPY.
    pub fn abort(self, reason: &str) -> Result<()> {
        complete(self.0.abort(reason))
    }
}

/// [`CopyOut`] with plain methods.
#[must_use = "the statement was sent; its data waits"]
pub struct BlockingCopyOut<'s, S>(pub(super) CopyOut<'s, S>);

impl<S: Session> BlockingCopyOut<'_, S> {
    /// [`CopyOut::next_piece`]: the next piece, which lives until the next call.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>> {
        complete(self.0.next_piece())
    }

    /// [`CopyOut::rows`]: how many rows there were, once the end was reached.
    pub fn rows(&self) -> Option<u64> {
        self.0.rows()
    }

    /// [`CopyOut::write_to`]: writes all that is left.
    pub fn write_to(self, sink: impl Write + Send) -> Result<u64> {
        complete(self.0.write_to(sink))
    }
}

/// [`CopyRowsOut`] with plain methods.
#[must_use = "the statement was sent; its rows wait"]
pub struct BlockingCopyRowsOut<'s, S>(pub(super) CopyRowsOut<'s, S>);

impl<S: Session> BlockingCopyRowsOut<'_, S> {
    /// [`CopyRowsOut::columns`].
    pub fn columns(&self) -> &[Column] {
        self.0.columns()
    }

    /// [`CopyRowsOut::next_row`]: the next row, which lives until the next call.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<RowRef<'_>>> {
        complete(self.0.next_row())
    }

    /// [`CopyRowsOut::next_as`]: the next row as `T`.
    pub fn next_as<'r, T: FromRow<'r>>(&'r mut self) -> Result<Option<T>> {
        complete(self.0.next_as())
    }
}
