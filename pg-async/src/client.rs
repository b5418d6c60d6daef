//! The client: a link that settles what dropped calls left before it runs the next exchange.

use super::cancel::CancelToken;
use super::driver::Link;
use super::runtime::{self, Instant};
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::batch::Batch;
use pg_core::exchange::operation::Operation;
use pg_core::message::backend::Status;
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
    pub(crate) cancel_timeout: Duration,
}

/// How long the server may take to end what was cancelled before it is asked again.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

impl Client {
    /// Reads what the server still owes to dropped calls; cancels the statement if that takes too long. Whether there is
    /// time left for the call.
    #[cold]
    async fn settle(&mut self, deadline: Option<Instant>) -> Result<bool> {
        // A request on its way may hit whatever comes next.
        match self.cancel.wait(deadline).await {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => self.link.connection.handle_failure(error),
        }
        if !self.drain(earlier(deadline, self.drain_timeout)).await? {
            self.cut_short().await?;
        }
        Ok(is_ahead(deadline))
    }

    /// Cancels what runs for nobody and reads it to its end.
    async fn cut_short(&mut self) -> Result<()> {
        let until = Instant::now().checked_add(self.cancel_timeout);
        // A request that came before its statement has done nothing, so there may be more than one.
        while self.cancels(until).await {
            if self.drain(earlier(until, CANCEL_AGAIN)).await? {
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
    async fn cut_off<E: Exchange>(
        &mut self,
        mut operation: Operation<E>,
        limit: Duration,
    ) -> Result<E::Output> {
        if E::PEEK {
            // What is read on belongs to an earlier operation.
            self.link.connection.abandon();
            self.cut_short().await?;
            return Err(Error::late(limit, None));
        }
        let until = Instant::now().checked_add(self.cancel_timeout);
        while self.cancels(until).await {
            match self.link.go_on(&mut operation, earlier(until, CANCEL_AGAIN)).await {
                Ok(None) => {}
                Ok(Some(output)) if self.link.connection.is_idle() => return Ok(output),
                // It has only begun.
                Ok(Some(_)) => {
                    self.link.connection.abandon();
                    self.cut_short().await?;
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

    /// Sends a CancelRequest, if there is time left for it; whether it arrived.
    async fn cancels(&mut self, until: Option<Instant>) -> bool {
        is_ahead(until) && self.cancel.cancel_before(until).await.is_ok()
    }

    /// Whether nothing is owed to anybody, nothing is left to be sent, and no transaction stands open.
    pub(crate) fn is_settled(&self) -> bool {
        self.link.connection.is_idle() && self.link.connection.status() == Status::Idle
    }

    /// Settles what is left of everything that was run before, and undoes a transaction that stands open.
    pub(crate) async fn settle_all(&mut self) -> Result<()> {
        self.link.connection.abandon();
        self.settle(None).await?;
        if self.is_settled() { Ok(()) } else { self.run(Batch::new("rollback")).await }
    }

    /// Reads what is owed to nobody; false if the deadline came first.
    async fn drain(&mut self, deadline: Option<Instant>) -> Result<bool> {
        while !self.link.connection.poll_abandoned()? {
            if !self.link.step(deadline).await {
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

impl Run for Client {
    #[inline]
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if E::SLEEPS {
            let until = Instant::now().checked_add(exchange.patience().unwrap_or_default());
            Box::pin(runtime::before(until, std::future::pending::<()>())).await;
            let mut operation = self.link.connection.start(exchange);
            return self.link.connection.give_up(&mut operation);
        }
        let limit = exchange.patience().or(self.link.connection.deadline().filter(|_| !E::WAITS));
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        if !E::PEEK {
            self.link.connection.abandon();
            let settled = self.link.connection.is_idle() && self.cancel.gate.is_open();
            // What only waits is complete when its time is over, whatever took it.
            if !settled && !self.settle(deadline).await? && !E::WAITS {
                return Err(Error::late(limit.unwrap_or_default(), None));
            }
        }
        let mut operation = self.link.connection.start(exchange);
        match self.link.go_on(&mut operation, deadline).await? {
            Some(output) => Ok(output),
            None => self.cut_off(operation, limit.unwrap_or_default()).await,
        }
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
