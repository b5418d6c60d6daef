//! The non-blocking connection: exchanges that are started and polled, and a session for async code.
//!
//! The tests compile this file a second time, over a link and a clock that are imagined.

use super::super::cancel::CancelToken;
use super::super::driver::Link;
use super::super::socket::Instant;
use super::Polled;
use super::descriptor::cancel_before;
use super::socket::pause;
use super::task::Waits;
use pg_core::error::{Error, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::driving::{self, Settles, Steps, Times};
use pg_core::exchange::operation;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use pg_core::session::{Lifecycle, Run, Session};
use std::fmt;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// A connection that never waits: see [the module](super).
///
/// It is a [`Session`] too, for the code of a [task](Client::task). In any other future its calls are pending until
/// they are polled again, and wake nobody.
///
/// # Drop
/// Dropping it closes the link; the server rolls back what was open.
#[derive(Debug)]
pub struct Client {
    pub(super) line: Line,
    pub(super) cancel: CancelToken,
    pub(super) times: Times,
    dropped: Arc<Dropped>,
    /// Operations that are complete, and left rows to be read.
    left: Vec<u64>,
}

/// A link, and where it notes what it waits for.
#[derive(Debug)]
pub struct Line {
    pub(super) link: Link,
    pub(super) waits: Waits,
}

/// Numbers of operations that were dropped before they were complete.
#[derive(Debug, Default)]
struct Dropped(Mutex<Vec<u64>>);

/// An exchange that was started. It borrows nothing: keep it beside its connection.
///
/// # Drop
/// Its answer is read and thrown away while others are polled, or [`Client::poll_idle`] is. It is not cancelled: see
/// [`Client::cancel`].
pub struct Operation<E: Exchange> {
    operation: operation::Operation<E>,
    deadline: Option<Instant>,
    /// A CancelRequest is on its way, and it is looked for its end.
    look_again: Option<Instant>,
    dropped: Arc<Dropped>,
    has_begun: bool,
    is_over: bool,
}

impl<E: Exchange> Operation<E> {
    /// When to poll it again at the latest: of exchanges that wait for a time, and while a CancelRequest is on its way.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.look_again).min()
    }
}

impl<E: Exchange> Drop for Operation<E> {
    fn drop(&mut self) {
        if self.has_begun && !self.is_over {
            let mut dropped = self.dropped.0.lock().unwrap_or_else(PoisonError::into_inner);
            dropped.push(self.operation.number());
        }
    }
}

impl<E: Exchange> fmt::Debug for Operation<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("number", &self.operation.number())
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// How often it is looked whether a CancelRequest has arrived, which another task sends.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Client {
    pub(super) fn new(line: Line, cancel: CancelToken, times: Times) -> Client {
        Client { line, cancel, times, dropped: Arc::default(), left: Vec::new() }
    }

    /// Starts an exchange; it is written when it is first polled, behind those that were polled before.
    pub fn start<E: Exchange>(&mut self, exchange: E) -> Operation<E> {
        let deadline = exchange.patience().and_then(|patience| Instant::now().checked_add(patience));
        let operation = self.line.link.connection.start(exchange);
        let dropped = Arc::clone(&self.dropped);
        Operation { operation, deadline, look_again: None, dropped, has_begun: false, is_over: false }
    }

    /// Goes on with an operation as far as that is possible without waiting.
    ///
    /// Of several, only the oldest that was begun and isn't complete reads: poll in the order of starting. Rows that a
    /// stream left unread are thrown away once another operation begins.
    ///
    /// # Errors
    /// What the exchange ends with; an operation of another connection, one that is complete, or one that this
    /// connection gave up because it was used as a session in between.
    pub fn poll<E: Exchange>(&mut self, operation: &mut Operation<E>) -> Result<Polled<E::Output>> {
        let number = operation.operation.number();
        if !Arc::ptr_eq(&operation.dropped, &self.dropped) {
            return Err(Error::usage("the operation belongs to another connection"));
        }
        if !operation.is_over && self.line.link.connection.is_abandoned(number) {
            operation.is_over = true;
            return Err(Error::usage("the operation was given up: its connection ran something else since"));
        }
        self.forget_dropped();
        if !operation.has_begun {
            if self.is_gated() {
                operation.look_again = Some(Instant::now() + LOOK_AGAIN);
                return Ok(Polled::Read);
            }
            if !E::PEEK {
                let connection = &mut self.line.link.connection;
                std::mem::take(&mut self.left).into_iter().for_each(|number| connection.forget(number));
                connection.refuse_forgotten();
            }
            operation.look_again = None;
            operation.has_begun = true;
        }
        loop {
            match self.line.link.connection.poll(&mut operation.operation) {
                Ok(None) => {}
                Ok(Some(output)) => {
                    operation.is_over = true;
                    if !E::PEEK {
                        self.left.push(number);
                    }
                    return Ok(Polled::Ready(output));
                }
                Err(error) => {
                    operation.is_over = true;
                    self.line.link.connection.forget(number);
                    return Err(error);
                }
            }
            if operation.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                operation.is_over = true;
                let outcome = self.line.link.connection.give_up(&mut operation.operation);
                self.line.link.connection.forget(number);
                return outcome.map(Polled::Ready);
            }
            // One that reads on belongs to an earlier operation.
            if !E::PEEK && !self.line.link.connection.is_turn_of(number) {
                self.line.link.nudge();
                let writes = self.line.link.connection.wants_write();
                return Ok(if writes { Polled::Write } else { Polled::Read });
            }
            if let Some(wanted) = self.line.link.try_step() {
                return Ok(wanted.into());
            }
        }
    }

    /// Reads what came while nothing was asked (notifications, notices, the server's farewell) and what is owed to
    /// operations that were dropped. Never [`Polled::Ready`] while the connection is usable.
    ///
    /// # Errors
    /// The connection was closed.
    pub fn poll_idle(&mut self) -> Result<Polled<()>> {
        self.forget_dropped();
        loop {
            self.line.link.connection.poll_unasked()?;
            if !self.line.link.connection.is_turn_of(0) {
                return Ok(Polled::Read);
            }
            if let Some(wanted) = self.line.link.try_step() {
                return Ok(wanted.into());
            }
        }
    }

    /// Whether the server owes something, or something is still to be sent.
    pub fn is_executing(&mut self) -> bool {
        !self.line.link.connection.is_idle() || self.line.link.connection.wants_write()
    }

    /// Whether a CancelRequest is on its way, which may hit whatever comes next. One that was lost ends the connection.
    fn is_gated(&mut self) -> bool {
        if self.line.link.connection.is_closed() {
            return false;
        }
        match self.cancel.gate.look() {
            Ok(is_open) => !is_open,
            Err(error) => {
                self.line.link.connection.handle_failure(error);
                false
            }
        }
    }

    fn forget_dropped(&mut self) {
        let mut dropped = self.dropped.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = &mut self.line.link.connection;
        std::mem::take(&mut *dropped).into_iter().for_each(|number| connection.forget(number));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = driving::take_leave(&mut self.line);
    }
}

impl Steps for Line {
    type Moment = Instant;
    type Timer = ();

    fn now() -> Instant {
        Instant::now()
    }

    fn after(time: Duration) -> Option<Instant> {
        Instant::now().checked_add(time)
    }

    fn connection(&mut self) -> &mut Connection {
        &mut self.link.connection
    }

    fn poll_step(
        &mut self,
        _: &mut Context<'_>,
        deadline: Option<Instant>,
        (): &mut (),
    ) -> Poll<Result<bool>> {
        // Asked first, since a server that never stops sending never lets a wait time out.
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Poll::Ready(Ok(false));
        }
        let Some(wanted) = self.link.try_step() else { return Poll::Ready(Ok(true)) };
        match self.waits.note(&self.link.socket, wanted, deadline) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    async fn look(&mut self) {
        let _ = self.link.try_step();
    }

    fn nudge(&mut self) {
        self.link.nudge();
    }
}

impl Settles for Client {
    type Link = Line;

    fn link(&mut self) -> &mut Line {
        &mut self.line
    }

    fn times(&self) -> Times {
        self.times
    }

    fn gate(&self) -> &Gate {
        &self.cancel.gate
    }

    async fn wait_open(&mut self, deadline: Option<Instant>) -> Result<bool> {
        while !self.cancel.gate.look()? {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
            pause(&self.line.waits, Instant::now() + LOOK_AGAIN, None).await?;
        }
        Ok(true)
    }

    async fn cancel(&mut self, deadline: Option<Instant>) -> Result<()> {
        cancel_before(&self.cancel, &self.line.waits, deadline).await
    }

    async fn sleep(&mut self, time: Duration) -> Result<()> {
        if let Some(until) = Instant::now().checked_add(time) {
            pause(&self.line.waits, until, None).await?;
            self.line.waits.forget_fd();
        }
        Ok(())
    }
}

impl Run for Client {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        driving::run(self, exchange)
    }
}

impl Session for Client {
    fn connection(&mut self) -> &mut Connection {
        &mut self.line.link.connection
    }

    fn nudge(&mut self) {
        self.line.link.nudge();
    }
}

impl Lifecycle for Client {
    type CancelToken = CancelToken;

    fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    fn close(mut self) -> impl Future<Output = Result<()>> + Send {
        ready(driving::take_leave(&mut self.line))
    }
}
