//! What an observer is told of.

use crate::error::{Error, ServerError};
use crate::exchange::Kind;
use crate::protocol::notifications::Notification;
use std::time::Duration;

/// Is told of all that a session does. It is called in the session's own thread or task, so it must not wait.
///
/// Functions `FnMut(&Event<'_>)` are observers; so are pairs of them, of which each is told.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't observe a session",
    note = "`Log` and `Tracing` do, and a closure that says its type: `|event: &Event<'_>| ..`"
)]
pub trait Observer: Send {
    /// Takes an event.
    fn observe(&mut self, event: &Event<'_>);

    /// Whether calls are to be told: asked before each, which costs nothing more while nobody wants to hear of it.
    fn is_on(&self) -> bool {
        true
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&mut self, event: &Event<'_>) {
        self.0.observe(event);
        self.1.observe(event);
    }

    fn is_on(&self) -> bool {
        self.0.is_on() || self.1.is_on()
    }
}

impl<F: FnMut(&Event<'_>) + Send> Observer for F {
    fn observe(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// What went on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// Connecting has ended, after so long.
    Connected {
        /// How long it took, all hosts together.
        took: Duration,
        /// Why there is no connection.
        error: Option<&'e Error>,
    },
    /// A call begins.
    Started(Call<'e>),
    /// A call has ended.
    Ended(Call<'e>, Ended<'e>),
    /// The server said something beside.
    Notice(&'e ServerError),
    /// A NOTIFY came.
    Notification(&'e Notification),
    /// The server reports a run-time parameter that has changed.
    Parameter {
        /// Its name.
        name: &'e str,
        /// Its new value.
        value: &'e str,
    },
    /// So many notices, notifications and parameters came within one call and found no room to be told: it takes 1,000 of
    /// them, and 1 MiB.
    Lost(u64),
    /// The session is over: closed or dropped, after so long.
    Closed {
        /// How long it was observed.
        after: Duration,
    },
}

/// What is called.
#[derive(Debug, Clone, Copy)]
pub struct Call<'e> {
    /// Its kind: prepare, query, batch, copy and so on.
    pub kind: Kind,
    /// Its SQL; of a pipeline, that of its first part. Empty if it has none. It may hold a password: what sets one is
    /// written out in it. [`Log`](super::Log) and `Tracing` don't show those.
    pub sql: &'e str,
    /// How many parameters it has. Their values are not shown to observers.
    pub parameters: usize,
}

/// How a call has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'e> {
    /// How long it took.
    pub took: Duration,
    /// Rows that came; of a statement that returns none, rows affected. Those of a stream are not counted here.
    pub rows: u64,
    /// Bytes of those rows.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<&'e Error>,
    /// It was dropped before its end.
    pub is_dropped: bool,
}
