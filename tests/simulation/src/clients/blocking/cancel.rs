//! Cancelling, as pg-blocking's `cancel.rs` does it: the calling thread waits.

use super::socket::Instant;
use crate::clients::Canceller;
use pg_core::error::Result;
use pg_core::protocol::gate::Gate;
use std::task::{Context, Poll, Waker};

/// See the module.
#[derive(Debug, Clone)]
pub struct CancelToken {
    pub(crate) canceller: Canceller,
    pub(crate) gate: Gate,
}

impl CancelToken {
    pub(crate) fn cancel_before(&self, deadline: Option<Instant>) -> Result<()> {
        let number = self.canceller.send(self.gate.pass())?;
        loop {
            if let Some(outcome) = self.canceller.outcome(number, deadline) {
                return outcome;
            }
            self.canceller.net.world().pass(deadline);
        }
    }

    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        loop {
            match self.gate.poll_open(&Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => return outcome.map(|()| true),
                Poll::Pending if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Ok(false);
                }
                Poll::Pending => {
                    let goes_on = self.canceller.net.world().pass(deadline);
                    assert!(goes_on, "a blocking call waits for what will never happen");
                }
            }
        }
    }
}
