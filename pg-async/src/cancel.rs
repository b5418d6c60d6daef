//! Cancelling a statement from elsewhere: a request on a connection of its own, with TLS as the session has it.

use crate::connect;
use crate::driver::Link;
use crate::runtime;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::cancel::{CancelRequest, Route};
use pg_core::exchange::driving;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Cancels the statement that its session runs. Cheap to clone, and free of the session's borrow.
#[derive(Debug, Clone)]
pub struct CancelToken {
    pub(crate) route: Route,
    pub(crate) gate: Gate,
    pub(crate) left: Arc<Left>,
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
    /// # Cancel safety
    /// The session's next call sees to the end of a request whose future was dropped.
    pub async fn cancel(&self) -> Result<()> {
        self.cancel_before(Some(Instant::now() + TIMEOUT)).await
    }

    pub(crate) async fn cancel_before(&self, deadline: Option<Instant>) -> Result<()> {
        let request = self.route.request()?;
        let (passage, place) = (self.gate.pass(), self.route.place.clone());
        let carried = async move {
            let late = || Error::new(ErrorKind::Timeout, "the statement could not be cancelled in time");
            let socket = match runtime::before(deadline, connect::socket(&place)).await {
                Some(Ok(socket)) => socket,
                // Nothing was sent.
                other => {
                    passage.arrived();
                    return Err(other.and_then(Result::err).unwrap_or_else(late));
                }
            };
            let mut link = Link { connection: Connection::for_cancel(), socket };
            let sent = driving::drive(&mut link, request, None);
            let outcome = runtime::before(deadline, sent).await.unwrap_or_else(|| Err(late()));
            let outcome = CancelRequest::outcome(outcome);
            if !CancelRequest::is_lost(&outcome) {
                passage.arrived();
            }
            outcome
        };
        let mut unfinished = Unfinished { request: Some(Box::pin(carried)), token: self };
        poll_fn(|context| unfinished.poll(context)).await
    }

    /// Waits until no request of any token of this session is on its way; false if the deadline came first.
    #[cold]
    pub(crate) async fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        let open = poll_fn(|context| {
            self.left.poll(context);
            self.gate.poll_open(context)
        });
        runtime::before(deadline, open).await.map_or(Ok(false), |outcome| outcome.map(|()| true))
    }
}

type Request = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Requests whose futures were dropped on their way: the session brings them to their end.
#[derive(Default)]
pub(crate) struct Left(Mutex<Vec<Request>>);

impl Left {
    fn poll(&self, context: &mut Context<'_>) {
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain_mut(|request| request.as_mut().poll(context).is_pending());
    }
}

impl std::fmt::Debug for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Left")
    }
}

struct Unfinished<'t> {
    request: Option<Request>,
    token: &'t CancelToken,
}

impl Unfinished<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(request) = &mut self.request else {
            return Poll::Pending;
        };
        let outcome = request.as_mut().poll(context);
        if outcome.is_ready() {
            self.request = None;
        }
        outcome
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.token.left.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            self.token.gate.wake();
        }
    }
}
