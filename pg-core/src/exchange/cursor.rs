//! Named cursors: DECLARE, FETCH, MOVE and CLOSE, each prepared without a name, for its text serves once. Manual:
//! "DECLARE", "FETCH".

use super::collect::{Affected, All};
use super::prelude::Needs;
use super::query::Request;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::{Message, Status};
use crate::params::Params;
use crate::protocol::conversation::Conversation;
use crate::protocol::statements::Reading;
use crate::quote;
use crate::row::FromRowOwned;
use std::fmt;
use std::sync::Arc;

/// What a cursor is declared as.
///
/// ```
/// use pg_core::CursorOptions;
///
/// let options = CursorOptions::new("old \"stock\"").scroll(true).hold(true);
/// assert_eq!(
///     options.to_sql("select * from stock")?,
///     r#"DECLARE "old ""stock""" SCROLL CURSOR WITH HOLD FOR select * from stock"#
/// );
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to cursor_with(..)"]
pub struct CursorOptions {
    name: String,
    scroll: Option<bool>,
    hold: bool,
}

impl CursorOptions {
    /// A cursor of this name, which is quoted. It lives in its transaction; whether it scrolls is the server's choice.
    pub fn new(name: impl Into<String>) -> CursorOptions {
        CursorOptions { name: name.into(), scroll: None, hold: false }
    }

    /// SCROLL: rows can be fetched backwards; or NO SCROLL: never, also where the server could.
    pub fn scroll(self, scroll: bool) -> CursorOptions {
        CursorOptions { scroll: Some(scroll), ..self }
    }

    /// WITH HOLD: it outlives its transaction, for which the server copies what is left at COMMIT.
    pub fn hold(self, hold: bool) -> CursorOptions {
        CursorOptions { hold, ..self }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.hold
    }

    /// The name, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The command.
    ///
    /// # Errors
    /// A name that is empty or holds NUL.
    pub fn to_sql(&self, query: &str) -> Result<String> {
        let scroll = match self.scroll {
            None => "",
            Some(true) => " SCROLL",
            Some(false) => " NO SCROLL",
        };
        let hold = if self.hold { " WITH HOLD" } else { "" };
        Ok(format!("DECLARE {}{scroll} CURSOR{hold} FOR {query}", quote::identifier(&self.name)?))
    }
}

/// Which rows are fetched, or where a cursor moves. Manual: "FETCH".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// The next row.
    Next,
    /// The row before.
    Prior,
    /// The first row of all.
    First,
    /// The last row of all.
    Last,
    /// The row of this number, counted from 1; from the end with a negative one; 0 is before the first.
    Absolute(i64),
    /// The row so many further on, or back with a negative number; 0 is the same row again.
    Relative(i64),
    /// So many rows on; 0 is the same row again.
    Forward(u64),
    /// All rows that are left.
    ForwardAll,
    /// So many rows back, the nearest first; 0 is the same row again.
    Backward(u64),
    /// All rows back to the first.
    BackwardAll,
}

impl fmt::Display for Towards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Towards::Next => f.write_str("NEXT"),
            Towards::Prior => f.write_str("PRIOR"),
            Towards::First => f.write_str("FIRST"),
            Towards::Last => f.write_str("LAST"),
            Towards::Absolute(row) => write!(f, "ABSOLUTE {row}"),
            Towards::Relative(rows) => write!(f, "RELATIVE {rows}"),
            Towards::Forward(rows) => write!(f, "FORWARD {rows}"),
            Towards::ForwardAll => f.write_str("FORWARD ALL"),
            Towards::Backward(rows) => write!(f, "BACKWARD {rows}"),
            Towards::BackwardAll => f.write_str("BACKWARD ALL"),
        }
    }
}

/// DECLARE, MOVE or CLOSE: how many rows the tag tells.
#[derive(Debug)]
pub struct CursorCommand<'q, P> {
    request: Request<'q, P, Affected>,
    needs_transaction: bool,
}

impl<'q, P: Params> CursorCommand<'q, P> {
    /// Runs `sql` with `params`; `needs_transaction` says that it makes no sense without one.
    pub(crate) fn new(sql: &'q str, params: P, needs_transaction: bool) -> CursorCommand<'q, P> {
        let mut request = Request::new(sql, params, Affected);
        request.core.once = true;
        CursorCommand { request, needs_transaction }
    }
}

impl<P: Params> Exchange for CursorCommand<'_, P> {
    type Output = u64;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if self.needs_transaction && c.transactions.depth() == 0 && c.transactions.status() == Status::Idle {
            return Err(Error::usage("a cursor without hold lives in a transaction, and none is open")
                .hint("begin() one and declare it there, or say CursorOptions::new(..).hold(true)")
                .with_sql(self.request.core.sql));
        }
        self.request.prepare(c)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.request.send(c)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.request.on_message(c, message)
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.request.wants_retry(c)
    }

    fn finish(self, c: &mut Conversation) -> Result<u64> {
        self.request.finish(c)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Cursor, ..self.request.about() }
    }
}

/// FETCH: some rows. How they are read is found out by the first.
#[derive(Debug)]
pub struct FetchCursor<'q, T> {
    request: Request<'q, (), All<T>>,
    reading: &'q mut Option<Arc<Reading>>,
}

impl<'q, T: FromRowOwned> FetchCursor<'q, T> {
    /// Runs `sql`, a FETCH of the cursor whose rows are read like this.
    pub(crate) fn new(sql: &'q str, reading: &'q mut Option<Arc<Reading>>) -> FetchCursor<'q, T> {
        let mut request = Request::new(sql, (), All::default());
        request.core.once = true;
        request.core.reading = reading.clone();
        FetchCursor { request, reading }
    }
}

impl<T: FromRowOwned> Exchange for FetchCursor<'_, T> {
    type Output = Vec<T>;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.request.prepare(c)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.request.send(c)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.request.on_message(c, message)
    }

    /// To read its rows, that is; a FETCH that failed is not run again, for the cursor may have moved.
    fn wants_retry(&mut self, _: &mut Conversation) -> bool {
        self.request.waits_for_types()
    }

    fn finish(self, c: &mut Conversation) -> Result<Vec<T>> {
        self.reading.clone_from(&self.request.core.reading);
        self.request.finish(c)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Cursor, ..self.request.about() }
    }
}
