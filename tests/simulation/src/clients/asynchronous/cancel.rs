//! Cancelling, as pg-async's `cancel.rs` does it: a request whose future is dropped goes on.

use super::runtime::{self, Instant};
use crate::clients::Canceller;
use crate::clock;
use pg_core::error::Result;
use pg_core::protocol::gate::Gate;
use std::future::poll_fn;
use std::task::Poll;

/// See the module.
#[derive(Debug, Clone)]
pub struct CancelToken {
    pub(crate) canceller: Canceller,
    pub(crate) gate: Gate,
}

impl CancelToken {
    pub(crate) async fn cancel_before(&self, deadline: Option<Instant>) -> Result<()> {
        let number = self.canceller.send(self.gate.pass())?;
        poll_fn(|context| match self.canceller.outcome(number, deadline) {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                runtime::wake_any(context);
                deadline.into_iter().for_each(clock::wake_at);
                Poll::Pending
            }
        })
        .await
    }

    pub(crate) async fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        let open = poll_fn(|context| self.gate.poll_open(context));
        runtime::before(deadline, open).await.map_or(Ok(false), |outcome| outcome.map(|()| true))
    }
}
