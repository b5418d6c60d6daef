//! The client: a link that settles what dropped calls left before it runs the next exchange.

use super::cancel::CancelToken;
use super::driver::Link;
use super::socket::{Failure, Instant, interrupted};
use pg_core::blocking::Blocking;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::operation::Operation;
use pg_core::protocol::connection::Connection;
use pg_core::session::{Lifecycle, Run, Session};
use std::future::{Future, ready};
use std::time::Duration;

/// A connection to a server: see [`Blocking`] for its methods, [`Config`](crate::Config) for how to get one.
///
/// # Drop
/// Dropping it closes the link; the server rolls back what was open. [`Blocking::close`] says farewell and tells
/// whether it arrived.
pub type Client = Blocking<Raw>;

/// The session beneath [`Client`], without its face.
#[derive(Debug)]
pub struct Raw {
    pub(crate) link: Link,
    pub(crate) cancel: CancelToken,
    pub(crate) drain_timeout: Duration,
    pub(crate) cancel_timeout: Duration,
}

/// How long the server may take to end what was cancelled before it is asked again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

impl Raw {
    /// Reads what the server still owes to dropped calls; cancels the statement if that takes too long. Whether there is
    /// time left for the call.
    #[cold]
    fn settle(&mut self, deadline: Option<Instant>) -> Result<bool> {
        // A request on its way may hit whatever comes next.
        match self.cancel.wait(deadline) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => self.link.connection.handle_failure(error),
        }
        if !self.drain(earlier(deadline, self.drain_timeout))? {
            self.cut_short()?;
        }
        Ok(is_ahead(deadline))
    }

    /// Cancels what runs for nobody and reads it to its end.
    fn cut_short(&mut self) -> Result<()> {
        let until = Instant::now().checked_add(self.cancel_timeout);
        // A request that came before its statement has done nothing, so there may be more than one.
        while self.cancels(until) {
            if self.drain(earlier(until, CANCEL_AGAIN))? {
                return Ok(());
            }
        }
        self.link.connection.handle_failure(Error::new(
            ErrorKind::Timeout,
            "the server did not finish a dropped statement, even though it was cancelled",
        ));
        self.link.connection.poll_abandoned().map(|_| ())
    }

    /// Cancels an operation that is late, and goes on with it: what the server had done is not told as undone.
    #[cold]
    fn cut_off<E: Exchange>(&mut self, mut operation: Operation<E>, limit: Duration) -> Result<E::Output> {
        if E::PEEK {
            // What is read on belongs to an earlier operation.
            self.link.connection.abandon();
            self.cut_short()?;
            return Err(Error::late(limit, None));
        }
        let until = Instant::now().checked_add(self.cancel_timeout);
        while self.cancels(until) {
            match self.link.go_on(&mut operation, earlier(until, CANCEL_AGAIN)) {
                Ok(None) => {}
                Ok(Some(output)) if self.link.connection.is_idle() => return Ok(output),
                // It has only begun.
                Ok(Some(_)) => {
                    self.link.connection.abandon();
                    self.cut_short()?;
                    return Err(Error::late(limit, None));
                }
                Err(error) if error.is_cancelled() => return Err(Error::late(limit, Some(error))),
                Err(error) => return Err(error),
            }
        }
        self.link.connection.handle_failure(Error::late(limit, None).within("the server did not answer"));
        match self.link.connection.poll(&mut operation) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::late(limit, None)),
        }
    }

    /// The user's way of waiting has failed: cancels the operation and goes on with it, waiting in the plain way.
    #[cold]
    fn interrupt<E: Exchange>(&mut self, operation: Operation<E>, failure: Failure) -> Result<E::Output> {
        self.link.socket.suspend(true);
        let outcome = self.cut_off(operation, Duration::ZERO);
        self.link.socket.suspend(false);
        outcome.map_err(|error| if error.is_timeout() { interrupted(failure) } else { error })
    }

    /// Sends a CancelRequest, if there is time left for it; whether it arrived.
    fn cancels(&mut self, until: Option<Instant>) -> bool {
        is_ahead(until) && self.cancel.cancel_before(until).is_ok()
    }

    /// Reads what is owed to nobody; false if the deadline came first.
    fn drain(&mut self, deadline: Option<Instant>) -> Result<bool> {
        while !self.link.connection.poll_abandoned()? {
            if !self.link.step(deadline) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The deadline, or the end of `time` from now on, if that comes first. What is too far ahead is none.
fn earlier(deadline: Option<Instant>, time: Duration) -> Option<Instant> {
    deadline.into_iter().chain(Instant::now().checked_add(time)).min()
}

fn is_ahead(deadline: Option<Instant>) -> bool {
    deadline.is_none_or(|deadline| Instant::now() < deadline)
}

impl Run for Raw {
    #[inline]
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if E::SLEEPS {
            std::thread::sleep(exchange.patience().unwrap_or_default());
            let mut operation = self.link.connection.start(exchange);
            return self.link.connection.give_up(&mut operation);
        }
        let limit = exchange.patience().or(self.link.connection.deadline().filter(|_| !E::WAITS));
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        if !E::PEEK {
            self.link.connection.abandon();
            let settled = self.link.connection.is_idle() && self.cancel.gate.is_open();
            // What only waits is complete when its time is over, whatever took it.
            if !settled && !self.settle(deadline)? && !E::WAITS {
                return Err(Error::late(limit.unwrap_or_default(), None));
            }
        }
        let mut operation = self.link.connection.start(exchange);
        match self.link.go_on(&mut operation, deadline)? {
            // One that waits is complete when its time is over, and an interrupt is no time.
            Some(output) if E::WAITS => {
                self.link.socket.take_failure().map_or(Ok(output), |f| Err(interrupted(f)))
            }
            Some(output) => Ok(output),
            None => match self.link.socket.take_failure() {
                None => self.cut_off(operation, limit.unwrap_or_default()),
                Some(failure) => self.interrupt(operation, failure),
            },
        }
    }
}

impl Session for Raw {
    #[inline]
    fn connection(&mut self) -> &mut Connection {
        &mut self.link.connection
    }

    fn nudge(&mut self) {
        self.link.nudge();
    }
}

impl Lifecycle for Raw {
    type CancelToken = CancelToken;

    fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    fn close(mut self) -> impl Future<Output = Result<()>> + Send {
        self.link.connection.terminate();
        self.link.nudge();
        ready(if self.link.connection.wants_write() {
            Err(Error::new(ErrorKind::Io, "the farewell could not be sent: the link is full or lost"))
        } else {
            Ok(())
        })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.link.connection.terminate();
        self.link.nudge();
    }
}
