//! Rows read one by one, as they lie in the input buffer.

use crate::error::Result;
use crate::exchange::stream::{Cursor, Fetch, Fetched};
use crate::row::{Column, FromRow, RowRef};
use crate::run::Lender;

/// The rows of a stream. It has no destructor: the rows belong to the connection, whose next call reads the rest away.
#[derive(Debug)]
#[must_use = "the statement was sent; its rows wait"]
pub struct Rows<'s, S> {
    session: &'s mut S,
    cursor: Cursor,
}

impl<'s, S> Rows<'s, S> {
    pub(crate) fn over(session: &'s mut S, cursor: Cursor) -> Rows<'s, S> {
        Rows { session, cursor }
    }
}

impl<S: Lender> Rows<'_, S> {
    /// The columns; empty for a statement that returns no rows.
    pub fn columns(&self) -> &[Column] {
        self.cursor.columns()
    }

    /// The next row, which lives until the next call; `None` at the end.
    ///
    /// # Errors
    /// What the server said instead of a row; there are no more after it.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    #[inline]
    pub async fn next_row(&mut self) -> Result<Option<RowRef<'_>>> {
        loop {
            match self.session.lent().poll_row(&mut self.cursor)? {
                Fetched::Row(row) => return self.session.lent().row(&mut self.cursor, row).map(Some),
                Fetched::End => return Ok(None),
                Fetched::Read => self.session.run(Fetch).await?,
            }
        }
    }

    /// The next row as `T`; `None` at the end.
    ///
    /// # Errors
    /// As [`Rows::next_row`]; and a row that `T` can't hold, after which the stream goes on.
    pub async fn next_as<'r, T: FromRow<'r>>(&'r mut self) -> Result<Option<T>>
    where
        S: 'r,
    {
        self.next_row().await?.map(RowRef::get).transpose()
    }
}
