//! The client: a connection's link, its socket's waits, and how its statements are cancelled. What a call does is
//! [`driving`]'s.

use super::cancel::CancelToken;
use super::driver::Link;
use super::socket::Instant;
use pg_core::blocking::Blocking;
use pg_core::error::Result;
use pg_core::exchange::Exchange;
use pg_core::exchange::driving::{self, Settles, Times};
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
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
    pub(crate) times: Times,
}

impl Settles for Raw {
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

    fn wait_open(&mut self, deadline: Option<Instant>) -> impl Future<Output = Result<bool>> + Send {
        ready(self.cancel.wait(deadline))
    }

    fn cancel(&mut self, deadline: Option<Instant>) -> impl Future<Output = Result<()>> + Send {
        ready(self.cancel.cancel_before(deadline))
    }

    fn sleep(&mut self, time: Duration) -> impl Future<Output = Result<()>> + Send {
        ready(self.link.socket.pause(time))
    }

    fn wait_plainly(&mut self, plainly: bool) {
        self.link.socket.suspend(plainly);
    }
}

impl Run for Raw {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        driving::run(self, exchange)
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
        ready(driving::take_leave(&mut self.link))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = driving::take_leave(&mut self.link);
    }
}
