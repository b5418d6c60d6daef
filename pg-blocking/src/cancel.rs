//! Cancelling a statement from elsewhere: a request on a connection of its own, with TLS as the session has it.

use crate::connect;
use crate::driver::Link;
use pg_core::blocking::complete;
use pg_core::error::Result;
use pg_core::exchange::cancel::{CancelRequest, Route};
use pg_core::exchange::driving;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Cancels the statement that its session runs. Cheap to clone, and free of the session's borrow.
#[derive(Debug, Clone)]
pub struct CancelToken {
    pub(crate) route: Route,
    pub(crate) gate: Gate,
}

/// How long [`CancelToken::cancel`] tries.
const TIMEOUT: Duration = Duration::from_secs(10);

impl CancelToken {
    /// Asks the server to cancel the statement that the session runs, and waits until it has passed the request on.
    ///
    /// The statement then fails with `57014`, [`Error::is_cancelled`](crate::Error::is_cancelled); one that had just ended is not affected, nor is
    /// the next, which the session doesn't begin before this is over. In a transaction it fails like any other
    /// statement.
    ///
    /// # Errors
    /// The server can't be reached, or not within ten seconds. Whether there was a statement to cancel isn't told.
    ///
    /// It waits in the system's calls, whatever [strategy](crate::wait) its session waits by.
    pub fn cancel(&self) -> Result<()> {
        self.cancel_before(Some(Instant::now() + TIMEOUT))
    }

    pub(crate) fn cancel_before(&self, deadline: Option<Instant>) -> Result<()> {
        let request = self.route.request()?;
        let passage = self.gate.pass();
        let socket = match connect::socket(&self.route.place, deadline) {
            Ok(socket) => socket,
            Err(error) => {
                passage.arrived();
                return Err(error);
            }
        };
        let mut link = Link { connection: Connection::for_cancel(), socket };
        let outcome = CancelRequest::outcome(complete(driving::drive(&mut link, request, deadline)));
        if !CancelRequest::is_lost(&outcome) {
            passage.arrived();
        }
        outcome
    }

    /// Waits until no request of any token of this session is on its way; false if the deadline came first.
    #[cold]
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut open = pin!(poll_fn(|context| self.gate.poll_open(context)));
        loop {
            match open.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => return outcome.map(|()| true),
                Poll::Pending => match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                    None => std::thread::park(),
                    Some(left) if left.is_zero() => return Ok(false),
                    Some(left) => std::thread::park_timeout(left),
                },
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
