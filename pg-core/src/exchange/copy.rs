//! COPY: the start of either direction, and what the connection does with its data. By the simple protocol, so that the
//! server is ready as soon as it has said how the COPY ended.

use super::prelude::Needs;
use super::stream::cut_off;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::message::frontend;
use crate::protocol::connection::{Connection, Polled};
use crate::protocol::conversation::Conversation;
use crate::protocol::state::Phase;
use crate::wire::frame::Frame;
use crate::wire::writer::Buffer;

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `COPY .. FROM STDIN`.
    In,
    /// `COPY .. TO STDOUT`.
    Out,
    /// `START_REPLICATION`: both ways.
    Both,
}

/// Starts a COPY: complete once the server is ready for its data, or sends it.
#[derive(Debug)]
pub struct Copy<'q> {
    sql: &'q str,
    direction: Direction,
    number: u64,
    ready: bool,
    error: Option<Error>,
}

impl<'q> Copy<'q> {
    /// Runs `sql`, a COPY in this direction.
    pub fn new(sql: &'q str, direction: Direction) -> Copy<'q> {
        Copy { sql, direction, number: 0, ready: false, error: None }
    }

    #[cold]
    fn other(&self, what: &str) -> Error {
        let error = match self.direction {
            Direction::In => {
                Error::usage(format!("copy_in runs COPY .. FROM STDIN, and the statement is {what}"))
            }
            Direction::Out => {
                Error::usage(format!("copy_out runs COPY .. TO STDOUT, and the statement is {what}"))
            }
            Direction::Both => {
                Error::usage(format!("replication begins with START_REPLICATION, and the command is {what}"))
            }
        };
        error.with_sql(self.sql)
    }
}

impl Exchange for Copy<'_> {
    type Output = CopyState;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        // With its own Sync a failed BEGIN would let the COPY commit by itself: its answer comes first.
        Ok(c.transactions.has_pending().then_some(Needs::Begin))
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        c.transactions.check()?;
        self.number = c.owner;
        c.query(self.sql)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match (message, self.direction) {
            (Message::CopyInResponse, Direction::In)
            | (Message::CopyOutResponse, Direction::Out)
            | (Message::CopyBothResponse, Direction::Both) => {
                self.ready = self.error.is_none();
                if self.error.is_some() {
                    c.refuse_copy()?;
                }
            }
            (Message::CopyInResponse, _) => {
                self.error = Some(self.other("COPY .. FROM STDIN"));
                c.refuse_copy()?;
            }
            (Message::CopyBothResponse, _) => {
                self.error = Some(self.other("START_REPLICATION"));
                c.refuse_copy()?;
            }
            (Message::CopyOutResponse, _) => self.error = Some(self.other("COPY .. TO STDOUT")),
            (Message::ErrorResponse(error), _) => {
                let error = c.server_error(*error, self.sql);
                self.error.get_or_insert(error);
            }
            // At the end of a timeline that is history there is nothing to stream: a row tells the next one.
            (Message::RowDescription(_), Direction::Both)
                if self.error.is_none() && self.sql.trim_start().starts_with("START_REPLICATION") =>
            {
                let error =
                    Error::usage("the timeline ends there: the server has nothing more of it to stream")
                        .hint("go on with a later timeline: `identify_system` tells the server's own");
                self.error = Some(error.with_sql(self.sql));
            }
            (Message::CommandComplete(_) | Message::RowDescription(_) | Message::EmptyQueryResponse, _)
                if self.error.is_none() =>
            {
                self.error = Some(self.other("no COPY"));
            }
            _ => {}
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn finish(self, _: &mut Conversation) -> Result<CopyState> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(CopyState {
                number: self.number,
                sql: self.sql.into(),
                direction: self.direction,
                error: None,
                rows: 0,
                complete: false,
                failed: false,
                is_done: false,
            }),
        }
    }

    fn about(&self) -> About<'_> {
        let kind = if self.direction == Direction::Both { Kind::Replication } else { Kind::Copy };
        About { kind, sql: Some(self.sql), parameters: 0 }
    }
}

/// Where a COPY stands. It borrows nothing: the data belongs to the connection.
#[derive(Debug)]
pub struct CopyState {
    number: u64,
    sql: Box<str>,
    direction: Direction,
    error: Option<Error>,
    rows: u64,
    complete: bool,
    /// Its error was told.
    failed: bool,
    /// The server's CopyDone came.
    is_done: bool,
}

impl CopyState {
    /// Whether its error was told.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether the server has said that there is no more data, and didn't only end the statement.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }
}

/// What [`Connection::poll_copy`] found.
#[derive(Debug)]
pub enum Copied {
    /// Data waits: [`Connection::copy_data`] gives it until the next read.
    Data(CopyFrame),
    /// The COPY is over: the number of rows that its tag tells.
    End(u64),
    /// The server takes data, or more bytes are wanted.
    Open,
}

/// Where a CopyData lies in the input buffer.
#[derive(Debug, Clone, Copy)]
pub struct CopyFrame(Frame);

impl Connection {
    /// Takes what came for a COPY, as far as the bytes that came allow.
    ///
    /// # Errors
    /// What the server said, once it is done with the statement; or a lost connection.
    #[inline]
    pub fn poll_copy(&mut self, copy: &mut CopyState) -> Result<Copied> {
        loop {
            match self.poll_message(copy.number)? {
                Polled::Message(frame) if frame.tag == b'd' => return Ok(Copied::Data(CopyFrame(frame))),
                Polled::Read if !self.conversation.owes(copy.number) => {
                    return match copy.error.take() {
                        Some(error) => {
                            copy.failed = true;
                            Err(error)
                        }
                        None if copy.complete || copy.failed => Ok(Copied::End(copy.rows)),
                        None => Err(cut_off().with_sql(&copy.sql)),
                    };
                }
                Polled::Read | Polled::NotItsTurn => return Ok(Copied::Open),
                Polled::Message(frame) => {
                    let taken = match Message::parse(frame.tag, self.input.body(frame)) {
                        Ok(Message::ErrorResponse(error)) => {
                            let error = self.conversation.server_error(*error, &copy.sql);
                            copy.error.get_or_insert(error);
                            Ok(())
                        }
                        Ok(Message::CommandComplete(complete)) => {
                            copy.rows = copy.rows.saturating_add(complete.rows());
                            copy.complete = true;
                            Ok(())
                        }
                        Ok(Message::CopyDone) => {
                            copy.is_done = true;
                            Ok(())
                        }
                        // A second COPY in the same string.
                        Ok(
                            Message::CopyInResponse | Message::CopyOutResponse | Message::CopyBothResponse,
                        ) => {
                            let error = Error::usage("one COPY at a time: the text holds another after it");
                            copy.error.get_or_insert(error.with_sql(&copy.sql));
                            self.conversation.refuse_copy()
                        }
                        Ok(_) => Ok(()),
                        Err(error) => Err(error),
                    };
                    taken.map_err(|error| self.fail(error))?;
                }
            }
        }
    }

    /// The data that [`Connection::poll_copy`] found last.
    pub fn copy_data(&self, data: CopyFrame) -> &[u8] {
        self.input.body(data.0)
    }

    /// The data, with the context that its values are read in.
    pub(crate) fn copied(&self, data: CopyFrame) -> (&[u8], &crate::types::context::Context) {
        (self.input.body(data.0), &self.conversation.context)
    }

    /// Forgets what reading the row before has made.
    pub(crate) fn clear_scratch(&mut self) {
        self.conversation.context.scratch.clear();
    }

    /// Whether the server takes data for this COPY.
    fn takes_data(&self, copy: &CopyState) -> bool {
        let open = self.conversation.expected.front().is_some_and(|front| {
            front.owner == copy.number && matches!(front.phase, Phase::SimpleCopyIn | Phase::CopyBoth)
        });
        open && !self.conversation.copy_ended && !self.is_closed()
    }

    /// Queues data of a COPY FROM STDIN. How much waits to be sent comes back; `None` after an error of the server, when
    /// data goes nowhere.
    ///
    /// # Errors
    /// Data longer than a message may be.
    pub fn put_copy_data(&mut self, copy: &CopyState, data: &[u8]) -> Result<Option<usize>> {
        if !self.takes_data(copy) {
            return Ok(None);
        }
        frontend::copy_data(&mut self.conversation.out, data)?;
        Ok(Some(self.queued()))
    }

    /// Queues a CopyData that was begun with [`frontend::OPEN_COPY_DATA`], and leaves an empty buffer: not copied once
    /// more, where nothing else waits to be sent. False after an error of the server, when data goes nowhere.
    ///
    /// # Errors
    /// Data longer than a message may be.
    pub(crate) fn put_copy_message(&mut self, copy: &CopyState, message: &mut Buffer) -> Result<bool> {
        let takes = self.takes_data(copy);
        let out = &mut self.conversation.out;
        let closed = frontend::close_copy_data(message);
        match &closed {
            Ok(()) if takes && out.is_empty() => std::mem::swap(out, message),
            Ok(()) if takes => out.extend_from_slice(message),
            Ok(()) => {}
            // The rows before it are in the same message.
            Err(_) => self.fail_copy(copy, "a row is too long for a message"),
        }
        message.clear();
        closed.map(|()| takes)
    }

    /// Queues CopyDone: the data is complete.
    pub fn end_copy(&mut self, copy: &CopyState) {
        if self.takes_data(copy) {
            frontend::copy_done(&mut self.conversation.out);
            self.conversation.copy_ended = true;
        }
    }

    /// Queues CopyFail, so that nothing of the COPY remains.
    pub fn fail_copy(&mut self, copy: &CopyState, reason: &str) {
        if self.takes_data(copy) && copy.direction == Direction::In {
            // A NUL in the reason is all that could be refused.
            let reason = if reason.contains('\0') { "the source failed" } else { head(reason) };
            let _ = frontend::copy_fail(&mut self.conversation.out, reason);
            self.conversation.copy_ended = true;
        }
    }
}

/// As much of a reason as fits: a server ends the session over a CopyFail of more than 10,000 bytes.
fn head(reason: &str) -> &str {
    const MOST: usize = 8_000;
    let fits = reason.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8()));
    let end = fits.take_while(|end| *end <= MOST).last().unwrap_or_default();
    reason.get(..end).unwrap_or_default()
}

/// Sends what is queued: complete once all of it was taken by the link, or something came.
#[derive(Debug)]
pub struct Flush;

impl Exchange for Flush {
    type Output = ();
    const PEEK: bool = true;
    const FLUSH: bool = true;

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Flush, sql: None, parameters: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(head("the disk is gone"), "the disk is gone");
        assert_eq!(head(""), "");
        let long = "é".repeat(5_000);
        assert_eq!(head(&long).len(), 8_000);
        assert_eq!(head(&format!("a{long}")).len(), 7_999);
    }
}
