//! Layer 5, exchanges: each operation of the protocol is one, in a file of its own. An exchange says what to send,
//! which messages complete it and what comes out; it knows no socket, so every client runs it alike.

pub mod batch;
pub mod cancel;
pub mod check;
pub mod collect;
pub mod committing;
pub mod connect;
pub mod copy;
pub mod cursor;
pub mod dial;
pub mod driving;
mod held;
pub mod isolated;
pub mod many;
pub mod operation;
mod parts;
pub mod pipeline;
mod planning;
pub mod portal;
pub mod prelude;
pub mod query;
pub mod replication;
pub mod session;
pub mod startup;
mod statement;
pub mod stream;
mod text;
pub mod types;
pub mod under;
pub mod waiting;

#[cfg(feature = "tracing")]
pub(crate) use text::from_first_word;

use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::protocol::conversation::Conversation;
use prelude::Needs;
use std::time::Duration;

/// One operation: what is sent, which messages complete it, what comes out.
///
/// The order of calls is [`prepare`](Exchange::prepare), again after each round of what it needs; [`send`](Exchange::send);
/// [`on_message`](Exchange::on_message) for each message that belongs to it, with `send` again while there is
/// [`more`](Exchange::more) to write; and [`finish`](Exchange::finish) once the
/// server owes it nothing more. It may be dropped at any point between: the connection reads its answers to the end.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no exchange, so that no session runs it",
    note = "`Session` has a method for each; of a declared statement, `BY_EMAIL.one(params)` and its like are exchanges"
)]
pub trait Exchange: Send {
    /// What comes out.
    type Output: Send;

    /// Reads on for rows that are in flight: it is complete as soon as a whole message waits, and nothing is
    /// considered dropped by it.
    const PEEK: bool = false;

    /// Only writes: complete as soon as all that is queued was sent, or a whole message waits.
    const FLUSH: bool = false;

    /// Sends nothing and waits for what comes unasked: complete when it [has heard enough](Exchange::has_heard), or
    /// when its [time](Exchange::patience) is over.
    const WAITS: bool = false;

    /// Of one that [waits](Exchange::WAITS): nothing is sent or read meanwhile.
    const SLEEPS: bool = false;

    /// Wants to hear of ParseComplete, BindComplete, CloseComplete and ReadyForQuery too.
    const ACKNOWLEDGEMENTS: bool = false;

    /// Finds out whether something must be asked of the server first; nothing is written.
    ///
    /// # Errors
    /// The exchange ends with them.
    fn prepare(&mut self, conversation: &mut Conversation) -> Result<Option<Needs>> {
        let _ = conversation;
        Ok(None)
    }

    /// Takes the error of a need that could not be met: the exchange ends with it, unless it is that of a part alone.
    ///
    /// # Errors
    /// What the exchange ends with.
    fn unmet(&mut self, conversation: &Conversation, error: Error) -> Result<()> {
        let _ = conversation;
        Err(error)
    }

    /// Writes the request, or its next piece; nothing, where all was asked before or nothing is. A Sync is added after the
    /// last, where the extended protocol wants one.
    ///
    /// # Errors
    /// The exchange ends with them. Of this piece nothing is sent, and of the pieces before it nothing remains.
    fn send(&mut self, conversation: &mut Conversation) -> Result<()> {
        let _ = conversation;
        Ok(())
    }

    /// How long it may take, from when it is started, if that was said for it; the client has the clock. One that
    /// [waits](Exchange::WAITS) is complete then; any other is cancelled. `None`: as long as the
    /// [connection](crate::protocol::connection::Connection::set_deadline) says.
    #[inline]
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Of one that [waits](Exchange::WAITS): whether what came unasked is enough.
    fn has_heard(&mut self, conversation: &mut Conversation) -> bool {
        let _ = conversation;
        false
    }

    /// Whether it is so long that it is written in pieces, for whose time the connection must be its own.
    fn is_long(&self) -> bool {
        false
    }

    /// Whether there is more to write than was: asked after each piece, and after each message.
    #[inline]
    fn more(&self) -> More {
        More::No
    }

    /// Takes a message; ParseComplete, BindComplete, CloseComplete and ReadyForQuery only if it
    /// [wants to](Exchange::ACKNOWLEDGEMENTS).
    ///
    /// # Errors
    /// Only what makes the connection unusable; what concerns this exchange alone is kept for [`Exchange::finish`].
    fn on_message(&mut self, conversation: &mut Conversation, message: Message<'_>) -> Result<()> {
        let _ = (conversation, message);
        Ok(())
    }

    /// Whether it is complete although the server still answers, as a stream is once its rows begin.
    fn is_ready(&self) -> bool {
        false
    }

    /// Whether it is to be sent once more, after the server owes it nothing: asked before [`Exchange::finish`].
    fn wants_retry(&mut self, conversation: &mut Conversation) -> bool {
        let _ = conversation;
        false
    }

    /// What comes out.
    ///
    /// # Errors
    /// What the server said, or what went wrong on our side.
    fn finish(self, conversation: &mut Conversation) -> Result<Self::Output>;

    /// Whether what it asked for is done and was told, though the server isn't ready for the next: a connection that is lost
    /// then takes nothing from it. The next call hears of the loss.
    fn is_done(&self) -> bool {
        false
    }

    /// How a lost connection is told: an exchange that may have changed something says so.
    fn lost(&self, error: Error) -> Error {
        error
    }

    /// What it is, for decorators and observers.
    fn about(&self) -> About<'_>;
}

/// Whether an exchange has more to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// All was written, or the rest won't be: the Sync follows.
    No,
    /// As soon as the link has taken what was written.
    Yes,
    /// Once answers to what was written have come.
    AfterAnswers,
}

/// What an exchange is, for those who watch.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The kind of operation.
    pub kind: Kind,
    /// Its SQL, if it has one.
    pub sql: Option<&'a str>,
    /// How many parameters it has.
    pub parameters: usize,
}

impl About<'_> {
    /// Whether its SQL is a COPY FROM STDIN, after which a server takes nothing but data.
    pub fn takes_data(&self) -> bool {
        self.sql.is_some_and(text::copies_from_client)
    }
}

/// The kinds of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Login.
    Startup,
    /// A statement with parameters.
    Query,
    /// A statement that is only prepared.
    Prepare,
    /// A look-up of types by itself.
    Types,
    /// Several statements of the simple protocol.
    Batch,
    /// Several exchanges in one round trip.
    Pipeline,
    /// A statement with many sets of parameters.
    Many,
    /// A statement whose rows are read one by one.
    Stream,
    /// A portal that is opened, or some of its rows.
    Portal,
    /// A cursor that is declared, moved or closed, or some of its rows.
    Cursor,
    /// More rows of a stream, or more data of a COPY.
    Fetch,
    /// A COPY in either direction.
    Copy,
    /// A replication command, with its answer.
    Command,
    /// The start of a replication stream.
    Replication,
    /// What is queued is sent.
    Flush,
    /// The start of a transaction or savepoint; it travels with the next statement.
    Begin,
    /// The end of a transaction or savepoint that keeps what it did.
    Commit,
    /// The end of a transaction or savepoint that undoes what it did.
    Rollback,
    /// A round trip that does nothing else.
    Ping,
    /// A request to cancel another session's statement.
    Cancel,
    /// Nothing is sent: a wait for notifications, or a pause.
    Wait,
}
