//! Named cursors with plain methods.

use super::complete::complete;
use crate::error::Result;
use crate::exchange::cursor::Towards;
use crate::row::FromRowOwned;
use crate::session::Session;
use crate::streams::NamedCursor;

/// [`NamedCursor`] with plain methods.
#[derive(Debug)]
#[must_use = "dropped, a cursor is closed"]
pub struct BlockingCursor<'s, S: Session, T>(pub(super) NamedCursor<'s, S, T>);

impl<S: Session, T: FromRowOwned> BlockingCursor<'_, S, T> {
    /// [`NamedCursor::fetch`]: some rows.
    pub fn fetch(&mut self, towards: Towards) -> Result<Vec<T>> {
        complete(self.0.fetch(towards))
    }

    /// [`NamedCursor::fetch_next`]: the next row.
    pub fn fetch_next(&mut self) -> Result<Option<T>> {
        complete(self.0.fetch_next())
    }

    /// [`NamedCursor::move_to`]: how many rows would have been fetched.
    pub fn move_to(&mut self, towards: Towards) -> Result<u64> {
        complete(self.0.move_to(towards))
    }

    /// [`NamedCursor::close`].
    pub fn close(self) -> Result<()> {
        complete(self.0.close())
    }

    /// [`NamedCursor::name`].
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// [`NamedCursor::quoted_name`]: as SQL has it.
    pub fn quoted_name(&self) -> &str {
        self.0.quoted_name()
    }

    /// [`NamedCursor::leave`]: leaves it open on the server.
    pub fn leave(self) {
        self.0.leave();
    }
}
