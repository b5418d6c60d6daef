//! A named cursor: its rows are fetched in any order, and other statements run in between.

use crate::error::Result;
use crate::exchange::cursor::{CursorCommand, CursorOptions, FetchCursor, Towards};
use crate::params::Params;
use crate::protocol::statements::Reading;
use crate::quote;
use crate::row::FromRowOwned;
use crate::run::Lender;
use std::marker::PhantomData;
use std::sync::Arc;

/// A named cursor with rows of type `T`.
///
/// Other statements run through [`session`](NamedCursor::session) while it is open, such as
/// `update .. where current of` its [name](NamedCursor::quoted_name).
///
/// # Drop
/// It is closed: that is queued, and one attempt is made to send it, without waiting. [`leave`](NamedCursor::leave)
/// leaves it open instead.
#[must_use = "dropped, a cursor is closed"]
pub struct NamedCursor<'s, S: Lender, T> {
    session: &'s mut S,
    name: String,
    quoted: String,
    reading: Option<Arc<Reading>>,
    is_open: bool,
    rows: PhantomData<fn() -> T>,
}

impl<'s, S: Lender, T: FromRowOwned> NamedCursor<'s, S, T> {
    pub(crate) async fn declare(
        session: &'s mut S,
        options: &CursorOptions,
        sql: &str,
        params: impl Params,
    ) -> Result<NamedCursor<'s, S, T>> {
        let declare = options.to_sql(sql)?;
        // Dropped while it is declared, it is closed.
        let mut cursor = NamedCursor::existing(session, options.name())?;
        let declared = cursor.session.run(CursorCommand::new(&declare, params, !options.is_held())).await;
        cursor.is_open = declared.is_ok();
        declared.map(|_| cursor)
    }

    pub(crate) fn existing(session: &'s mut S, name: &str) -> Result<NamedCursor<'s, S, T>> {
        let quoted = quote::identifier(name)?;
        Ok(NamedCursor {
            session,
            name: name.to_owned(),
            quoted,
            reading: None,
            is_open: true,
            rows: PhantomData,
        })
    }

    /// Fetches rows: the cursor stands on the last of them afterwards. None are left where fewer come than were asked for.
    ///
    /// # Errors
    /// What the server says, such as of a cursor that can't go back; a row that `T` can't hold, after which the cursor
    /// stands where it would have stood.
    ///
    /// # Cancel safety
    /// Dropped, the cursor may have moved.
    pub async fn fetch(&mut self, towards: Towards) -> Result<Vec<T>> {
        let sql = format!("FETCH {towards} FROM {}", self.quoted);
        self.session.run(FetchCursor::new(&sql, &mut self.reading)).await
    }

    /// The next row; `None` behind the last.
    ///
    /// # Errors
    /// As [`NamedCursor::fetch`].
    pub async fn fetch_next(&mut self) -> Result<Option<T>> {
        Ok(self.fetch(Towards::Next).await?.pop())
    }

    /// Moves without fetching: how many rows would have been fetched.
    ///
    /// # Errors
    /// As [`NamedCursor::fetch`].
    pub async fn move_to(&mut self, towards: Towards) -> Result<u64> {
        let sql = format!("MOVE {towards} FROM {}", self.quoted);
        self.session.run(CursorCommand::new(&sql, (), false)).await
    }

    /// Closes it, and waits for the server.
    ///
    /// # Errors
    /// What the server says, such as of a cursor that was closed by SQL.
    pub async fn close(mut self) -> Result<()> {
        let sql = format!("CLOSE {}", self.quoted);
        let closed = self.session.run(CursorCommand::new(&sql, (), false)).await;
        // One with hold outlives a CLOSE that was cancelled: the drop closes it then.
        self.is_open = closed.is_err();
        closed.map(drop)
    }
}

impl<S: Lender, T> NamedCursor<'_, S, T> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name as SQL has it: `format!("delete from stock where current of {}", cursor.quoted_name())`.
    pub fn quoted_name(&self) -> &str {
        &self.quoted
    }

    /// The session, for other statements while it is open.
    pub fn session(&mut self) -> &mut S {
        self.session
    }

    /// Leaves it open on the server: [`Session::open_cursor`](crate::session::Session::open_cursor) finds it by its
    /// name. One with hold outlives its transaction so.
    pub fn leave(mut self) {
        self.is_open = false;
    }
}

impl<S: Lender, T> Drop for NamedCursor<'_, S, T> {
    fn drop(&mut self) {
        if self.is_open {
            self.session.lent().close_cursor(&self.name);
            self.session.send_now();
        }
    }
}

impl<S: Lender, T> std::fmt::Debug for NamedCursor<'_, S, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedCursor").field("name", &self.name).finish_non_exhaustive()
    }
}
