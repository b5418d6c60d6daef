//! From a future that never waits to its value.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future that never waits: one over a blocking session, whose every await is complete when it is reached.
///
/// # Panics
/// If the future is pending: something in it waits for an async runtime, which a blocking session has none of.
#[inline(always)]
pub fn complete<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => pending(),
    }
}

#[cold]
#[allow(clippy::panic, reason = "documented: there is no runtime that could wake the future")]
fn pending() -> ! {
    panic!(
        "complete() was given a future that waits for an async runtime: over a blocking session, await only what \
         belongs to the session (a timer, a channel or an async session inside needs a runtime)"
    )
}
