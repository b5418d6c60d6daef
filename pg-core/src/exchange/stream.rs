//! A statement whose rows are read one by one: at most one read buffer and one message are held, however many rows
//! there are, and whoever stops reading stops the server.

use super::prelude::Needs;
use super::statement::Statement;
use super::{About, Exchange, Kind, text};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::{DataRow, Message};
use crate::params::Params;
use crate::protocol::connection::{Connection, Polled};
use crate::protocol::conversation::Conversation;
use crate::protocol::statements::Reading;
use crate::row::{RowPlan, RowRef, Shape, of_one_row};
use std::sync::Arc;

/// Starts a stream: complete once its rows begin.
#[derive(Debug)]
pub struct Stream<'q, P> {
    core: Statement<'q>,
    params: P,
    number: u64,
    ready: bool,
}

impl<'q, P: Params> Stream<'q, P> {
    /// Runs `sql` with `params`; rows are planned for `shape`.
    pub fn new(sql: &'q str, params: P, shape: &'static Shape) -> Stream<'q, P> {
        Stream { core: Statement::new(sql, shape, &params), params, number: 0, ready: false }
    }
}

impl<P: Params> Exchange for Stream<'_, P> {
    type Output = Cursor;
    const ACKNOWLEDGEMENTS: bool = true;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.core.prepare(c, &self.params)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.number = c.owner;
        self.ready = false;
        self.core.send(c, &self.params)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        // A plan is there from the start, or with the description, which comes after BindComplete.
        let begun = matches!(message, Message::BindComplete | Message::RowDescription(_));
        self.core.on_message(c, message)?;
        // Columns that don't fit the row type end it at once, however many rows there are.
        self.ready |= begun && (self.core.error.is_some() || self.core.reading.is_some());
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        !self.ready && self.core.wants_retry(c)
    }

    fn finish(self, _: &mut Conversation) -> Result<Cursor> {
        if let Some(error) = self.core.error {
            return Err(error);
        }
        Ok(Cursor {
            number: self.number,
            reading: self.core.reading,
            other: None,
            sql: self.core.sql.into(),
            error: None,
            complete: self.core.complete,
        })
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Stream, sql: Some(self.core.sql), parameters: self.params.count() }
    }
}

/// Where a stream stands. It borrows nothing: the rows belong to the connection.
#[derive(Debug)]
pub struct Cursor {
    number: u64,
    /// None for a statement that returns no rows.
    reading: Option<Arc<Reading>>,
    /// The plan for a row type other than the one the stream was started with.
    other: Option<RowPlan>,
    sql: Box<str>,
    error: Option<Error>,
    complete: bool,
}

impl Cursor {
    /// The columns; empty for a statement that returns no rows.
    pub fn columns(&self) -> &[crate::row::Column] {
        self.reading.as_ref().map_or(&[], |reading| reading.plan.columns())
    }
}

/// What [`Connection::poll_row`] found.
#[derive(Debug)]
pub enum Fetched {
    /// A row waits: [`Connection::row`] gives it until the next read.
    Row(FetchedRow),
    /// There are no more rows.
    End,
    /// More bytes are wanted.
    Read,
}

/// Where a row lies in the input buffer.
#[derive(Debug, Clone, Copy)]
pub struct FetchedRow(crate::wire::frame::Frame);

impl Connection {
    /// The next row of a stream, as far as the bytes that came allow.
    ///
    /// # Errors
    /// What the server said instead of a row, once it is done with the statement; or a lost connection.
    #[inline]
    pub fn poll_row(&mut self, cursor: &mut Cursor) -> Result<Fetched> {
        loop {
            match self.poll_message(cursor.number)? {
                Polled::Message(frame) if frame.tag == b'D' && cursor.error.is_none() => {
                    return Ok(Fetched::Row(FetchedRow(frame)));
                }
                Polled::Read if !self.conversation.owes(cursor.number) => {
                    return match cursor.error.take() {
                        Some(error) => {
                            cursor.complete = true;
                            Err(error)
                        }
                        None if cursor.complete => Ok(Fetched::End),
                        None => Err(cut_off().with_sql(&cursor.sql)),
                    };
                }
                Polled::Read | Polled::NotItsTurn => return Ok(Fetched::Read),
                Polled::Message(frame) => {
                    let taken = match Message::parse(frame.tag, self.input.body(frame)) {
                        Ok(Message::ErrorResponse(error)) => {
                            let error = self.conversation.server_error(*error, &cursor.sql);
                            cursor.error.get_or_insert(error);
                            Ok(())
                        }
                        Ok(
                            Message::CopyInResponse | Message::CopyOutResponse | Message::CopyBothResponse,
                        ) => {
                            let error =
                                Error::usage("the statement is a COPY, which has a stream of its own");
                            cursor.error.get_or_insert(error.with_sql(&cursor.sql));
                            self.conversation.refuse_copy()
                        }
                        Ok(Message::EmptyQueryResponse) => {
                            cursor.complete = true;
                            text::check_empty(&cursor.sql)
                        }
                        Ok(Message::CommandComplete(_)) => {
                            cursor.complete = true;
                            Ok(())
                        }
                        Ok(_) => Ok(()),
                        Err(error) => Err(error),
                    };
                    if let Err(error) = taken {
                        return Err(self.fail(error));
                    }
                }
            }
        }
    }

    /// The row that [`Connection::poll_row`] found last.
    ///
    /// # Errors
    /// A row that isn't well-formed.
    #[inline]
    pub fn row<'r>(&'r mut self, cursor: &'r mut Cursor, row: FetchedRow) -> Result<RowRef<'r>> {
        self.conversation.context.scratch.clear();
        let Some(reading) = &cursor.reading else {
            return Err(Error::decode("a row came of a statement that has no columns"));
        };
        Ok(RowRef {
            row: DataRow::new(self.input.body(row.0)).map_err(of_one_row)?,
            plan: &reading.plan,
            cache: &mut cursor.other,
            context: &self.conversation.context,
        })
    }
}

/// A deadline has passed while a stream or COPY was open, and what was left of it was read away.
#[cold]
pub(super) fn cut_off() -> Error {
    Error::new(ErrorKind::Timeout, "it was cut off by a deadline, and what was left of it is lost")
}

/// Reads on for a stream: complete as soon as a whole message waits.
#[derive(Debug)]
pub struct Fetch;

impl Exchange for Fetch {
    type Output = ();
    const PEEK: bool = true;

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Fetch, sql: None, parameters: 0 }
    }
}
