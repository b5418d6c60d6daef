//! The imagined runtime: what pg-async's files in `runtime/` are to a real one. Whoever is pending is polled again as
//! soon as anything has happened, so that no waker is kept.

use crate::clock;
pub(crate) use crate::clock::Moment as Instant;
use crate::link::Net;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) net: Net,
}

impl Socket {
    pub(crate) fn poll_read(&mut self, _: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        pending_if_blocked(self.net.world().receive(space))
    }

    pub(crate) fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pending_if_blocked(self.net.world().send(bytes))
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.net.world().send(bytes)
    }
}

fn pending_if_blocked(outcome: io::Result<usize>) -> Poll<io::Result<usize>> {
    match outcome {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// Awaits a future up to a deadline; `None` if that came first.
pub(crate) async fn before<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match (future.as_mut().poll(context), deadline) {
        (Poll::Ready(output), _) => Poll::Ready(Some(output)),
        (Poll::Pending, Some(deadline)) if Instant::now() >= deadline => Poll::Ready(None),
        (Poll::Pending, deadline) => {
            deadline.into_iter().for_each(clock::wake_at);
            Poll::Pending
        }
    })
    .await
}

/// Nothing needs looking at: the world is asked directly.
pub(crate) async fn yield_now() {}
