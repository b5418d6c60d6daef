//! The client: a connection's link, and how its statements are cancelled. What a call does is [`driving`]'s.

use super::cancel::CancelToken;
use super::driver::Link;
use super::runtime::{self, Instant};
use pg_core::error::Result;
use pg_core::exchange::Exchange;
use pg_core::exchange::batch::Batch;
use pg_core::exchange::driving::{self, Settles, Steps, Times};
use pg_core::message::backend::Status;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use pg_core::session::{Lifecycle, Run, Session};
use std::future::Future;
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
    pub(crate) times: Times,
}

impl Settles for Client {
    type Link = Link;

    #[inline]
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn times(&self) -> Times {
        self.times
    }

    #[inline]
    fn gate(&self) -> &Gate {
        &self.cancel.gate
    }

    async fn wait_open(&mut self, deadline: Option<Instant>) -> Result<bool> {
        self.cancel.wait(deadline).await
    }

    async fn cancel(&mut self, deadline: Option<Instant>) -> Result<()> {
        self.cancel.cancel_before(deadline).await
    }

    async fn sleep(&mut self, time: Duration) -> Result<()> {
        runtime::before(Link::after(time), std::future::pending::<()>()).await;
        Ok(())
    }
}

impl Client {
    /// Whether nothing is owed to anybody, nothing is left to be sent, and no transaction stands open.
    pub(crate) fn is_settled(&self) -> bool {
        self.link.connection.is_idle() && self.link.connection.status() == Status::Idle
    }

    /// Settles what is left of everything that was run before, and undoes a transaction that stands open.
    pub(crate) async fn settle_all(&mut self) -> Result<()> {
        self.link.connection.abandon();
        driving::settle(self, None).await?;
        if self.is_settled() { Ok(()) } else { self.run(Batch::new("rollback")).await }
    }
}

impl Run for Client {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        driving::run(self, exchange)
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
        driving::take_leave(&mut self.link)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = driving::take_leave(&mut self.link);
    }
}
