//! The client: a link that settles what dropped calls left before it runs the next exchange.

use super::cancel::CancelToken;
use super::driver::Link;
use super::runtime::{self, Instant};
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::protocol::connection::Connection;
use pg_core::session::{Lifecycle, Run, Session};
use std::time::Duration;

/// A connection to a server: see [`Session`] for its methods, [`Config`](crate::Config) for how to get one.
///
/// # Cancel safety
/// Any of its futures may be dropped at any await: the connection stays usable, and no row or error of the dropped
/// call reaches a later one.
///
/// # Drop
/// Dropping it closes the link; the server rolls back what was open. [`Client::close`](Lifecycle::close) says farewell
/// and tells whether it arrived.
#[derive(Debug)]
pub struct Client {
    pub(crate) link: Link,
    pub(crate) cancel: CancelToken,
    pub(crate) drain_timeout: Duration,
}

/// How long the server may take to answer after a CancelRequest, before the connection is given up.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take before it is asked again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

impl Client {
    /// Reads what the server still owes to dropped calls; cancels the statement if that takes too long.
    #[cold]
    async fn settle(&mut self) -> Result<()> {
        // A request on its way may hit whatever comes next.
        if let Err(error) = self.cancel.wait().await {
            self.link.connection.handle_failure(error);
        }
        if self.drain(Instant::now().checked_add(self.drain_timeout)).await? {
            return Ok(());
        }
        let deadline = Instant::now() + CANCEL_TIMEOUT;
        while Instant::now() < deadline && self.cancel.cancel_before(Some(deadline)).await.is_ok() {
            // A request that came before its statement has done nothing, so there may be more than one.
            if self.drain(Some(deadline.min(Instant::now() + CANCEL_AGAIN))).await? {
                return Ok(());
            }
        }
        self.link.connection.handle_failure(Error::new(
            ErrorKind::Timeout,
            "the server did not finish a dropped statement, even though it was cancelled",
        ));
        self.link.connection.poll_abandoned().map(|_| ())
    }

    /// Reads what is owed to nobody; false if the deadline came first.
    async fn drain(&mut self, deadline: Option<Instant>) -> Result<bool> {
        while !self.link.connection.poll_abandoned()? {
            // Asked here too, since a server that never stops sending never lets a wait time out.
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
            if runtime::before(deadline, self.link.step()).await.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Run for Client {
    #[inline]
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.link.connection.abandon();
            if !self.link.connection.is_idle() || !self.cancel.gate.is_open() {
                self.settle().await?;
            }
        }
        self.link.drive(exchange).await
    }
}

impl Session for Client {
    #[inline]
    fn connection(&mut self) -> &mut Connection {
        &mut self.link.connection
    }

    fn nudge(&mut self) {
        self.link.nudge();
    }
}

impl Lifecycle for Client {
    type CancelToken = CancelToken;

    fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    async fn close(mut self) -> Result<()> {
        self.link.connection.terminate();
        self.link.nudge();
        if self.link.connection.wants_write() {
            return Err(Error::new(
                ErrorKind::Io,
                "the farewell could not be sent: the link is full or lost",
            ));
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.link.connection.terminate();
        self.link.nudge();
    }
}
