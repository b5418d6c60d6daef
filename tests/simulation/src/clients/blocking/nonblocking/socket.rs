//! Waiting for time alone.

use super::super::socket::Instant;
use super::task::Waits;
use crate::clock;
use pg_core::error::{Error, ErrorKind, Result};
use std::future::poll_fn;
use std::task::Poll;

/// Lets time pass.
pub(super) async fn pause(_: &Waits, until: Instant, deadline: Option<Instant>) -> Result<()> {
    poll_fn(|_| {
        if Instant::now() >= until {
            return Poll::Ready(Ok(()));
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let late = Error::new(ErrorKind::Timeout, "the server did not answer in time");
            return Poll::Ready(Err(late));
        }
        clock::wake_at(until);
        deadline.into_iter().for_each(clock::wake_at);
        Poll::Pending
    })
    .await
}
