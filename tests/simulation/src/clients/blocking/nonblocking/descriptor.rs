//! The way of a CancelRequest.

use super::super::CancelToken;
use super::super::socket::Instant;
use super::task::Waits;
use crate::clock;
use pg_core::error::Result;
use std::future::poll_fn;
use std::task::Poll;

/// Sends one, and waits until it has arrived.
pub(super) async fn cancel_before(token: &CancelToken, _: &Waits, deadline: Option<Instant>) -> Result<()> {
    let number = token.canceller.send(token.gate.pass())?;
    poll_fn(|_| match token.canceller.outcome(number, deadline) {
        Some(outcome) => Poll::Ready(outcome),
        None => {
            // It has a link of its own, which is looked at whatever happens.
            token.canceller.net.world().awaited = None;
            deadline.into_iter().for_each(clock::wake_at);
            Poll::Pending
        }
    })
    .await
}
