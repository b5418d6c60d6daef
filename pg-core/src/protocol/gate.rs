//! What keeps a CancelRequest from hitting the statement after the one that it was meant for: as long as a request for
//! a session is on its way, that session begins no statement.

use crate::error::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Shared by a session and its cancel tokens.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Requests on their way, and those whose end will never be known.
    passing: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waker>,
    lost: bool,
}

/// A request on its way.
///
/// # Drop
/// Dropped without [`Passage::arrived`], nobody knows whether and when it will hit, so that its session must end.
#[derive(Debug)]
#[must_use = "dropped without arrived(), it ends the session"]
pub struct Passage(Option<Gate>);

impl Gate {
    /// A request sets out.
    pub fn pass(&self) -> Passage {
        self.0.passing.fetch_add(1, Ordering::SeqCst);
        Passage(Some(self.clone()))
    }

    /// Whether no request is on its way.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.passing.load(Ordering::SeqCst) == 0
    }

    /// As [`Gate::is_open`], and whether it can open at all.
    ///
    /// # Errors
    /// One was lost: the session can't know when it will hit.
    pub fn look(&self) -> Result<bool> {
        self.look_at(&self.state())
    }

    fn look_at(&self, state: &State) -> Result<bool> {
        if state.lost {
            return Err(Error::new(
                ErrorKind::Timeout,
                "a CancelRequest was sent and the server did not answer it: it might hit any later statement",
            ));
        }
        Ok(self.is_open())
    }

    /// Waits until no request is on its way.
    ///
    /// # Errors
    /// As [`Gate::look`].
    pub fn poll_open(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state();
        if self.look_at(&state)? {
            return Poll::Ready(Ok(()));
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }

    /// Wakes whoever waits, to look again.
    pub fn wake(&self) {
        let waiting = std::mem::take(&mut self.state().waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage {
    /// The server has passed the request on, or it was never sent: it won't hit anything from now on.
    pub fn arrived(mut self) {
        if let Some(gate) = self.0.take() {
            gate.0.passing.fetch_sub(1, Ordering::SeqCst);
            gate.wake();
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.state().lost = true;
            gate.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(gate: &Gate) -> Poll<Result<()>> {
        gate.poll_open(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn it_opens_when_all_requests_have_arrived() {
        let gate = Gate::default();
        let (first, second) = (gate.pass(), gate.pass());
        assert!(!gate.is_open());
        first.arrived();
        assert!(look(&gate).is_pending());
        second.arrived();
        assert!(gate.is_open());
        assert!(matches!(look(&gate), Poll::Ready(Ok(()))));
    }

    #[test]
    fn it_never_opens_after_a_request_whose_end_nobody_saw() {
        let gate = Gate::default();
        drop(gate.pass());
        assert!(!gate.is_open());
        assert!(matches!(look(&gate), Poll::Ready(Err(_))));
        assert!(gate.look().is_err());
    }
}
