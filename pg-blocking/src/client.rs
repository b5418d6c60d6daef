//! The client: a link that settles what dropped calls left before it runs the next exchange.

use super::cancel::CancelToken;
use super::driver::Link;
use super::socket::Instant;
use pg_core::blocking::Blocking;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
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
}

/// How long the server may take to answer after a CancelRequest, before the connection is given up.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take before it is asked again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

impl Raw {
    /// Reads what the server still owes to dropped calls; cancels the statement if that takes too long.
    #[cold]
    fn settle(&mut self) -> Result<()> {
        // A request on its way may hit whatever comes next.
        if let Err(error) = self.cancel.wait() {
            self.link.connection.handle_failure(error);
        }
        if self.drain(Instant::now().checked_add(self.drain_timeout))? {
            return Ok(());
        }
        let deadline = Instant::now() + CANCEL_TIMEOUT;
        while Instant::now() < deadline && self.cancel.cancel_before(Some(deadline)).is_ok() {
            // A request that came before its statement has done nothing, so there may be more than one.
            if self.drain(Some(deadline.min(Instant::now() + CANCEL_AGAIN)))? {
                return Ok(());
            }
        }
        self.link.connection.handle_failure(Error::new(
            ErrorKind::Timeout,
            "the server did not finish a dropped statement, even though it was cancelled",
        ));
        self.drain(Some(deadline)).map(|_| ())
    }

    /// Reads what is owed to nobody; false if the deadline came first.
    fn drain(&mut self, deadline: Option<Instant>) -> Result<bool> {
        while !self.link.connection.poll_abandoned()? {
            // Asked here too, since a server that never stops sending never lets a wait time out.
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) || !self.link.step(deadline) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Run for Raw {
    #[inline]
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.link.connection.abandon();
            if !self.link.connection.is_idle() || !self.cancel.gate.is_open() {
                self.settle()?;
            }
        }
        self.link.drive(exchange, None)
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
