//! The imagined runtime: what pg-async's files in `runtime/` are to a real one. A session's only task is polled again
//! as soon as anything has happened, and leaves no waker; where there are several tasks, each is woken as a real
//! runtime would.

use crate::clock;
pub(crate) use crate::clock::Moment as Instant;
use crate::link::Net;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) net: Net,
}

impl Socket {
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = pending_if_blocked(self.net.world().receive(space));
        keep_if(polled.is_pending(), context, |wakers, waker| wakers.reader = Some(waker));
        polled
    }

    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = pending_if_blocked(self.net.world().send(bytes));
        keep_if(polled.is_pending(), context, |wakers, waker| wakers.writer = Some(waker));
        polled
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

/// Wakes at a deadline.
#[derive(Default)]
#[allow(unreachable_pub, reason = "the client's link says it in public")]
pub struct Timer(());

impl Timer {
    #[allow(clippy::unused_self, reason = "a real one keeps what wakes it")]
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        clock::wake_at(deadline);
        keep_if(true, context, |wakers, waker| {
            wakers.timers.retain(|(at, other)| *at != deadline || !other.will_wake(&waker));
            wakers.timers.push((deadline, waker));
        });
        Poll::Pending
    }
}

/// Awaits a future up to a deadline; `None` if that came first.
pub(crate) async fn before<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = Timer::default();
    poll_fn(|context| match (future.as_mut().poll(context), deadline) {
        (Poll::Ready(output), _) => Poll::Ready(Some(output)),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(deadline)) => timer.poll(deadline, context).map(|()| None),
    })
    .await
}

/// Those who wait. Of a socket's readers and writers only the last is kept, as real runtimes do it.
#[derive(Default)]
struct Wakers {
    reader: Option<Waker>,
    writer: Option<Waker>,
    timers: Vec<(Instant, Waker)>,
    others: Vec<Waker>,
}

thread_local! {
    static WAKERS: RefCell<Wakers> = RefCell::default();
}

fn keep_if(is_pending: bool, context: &Context<'_>, keep: impl FnOnce(&mut Wakers, Waker)) {
    if is_pending && !context.waker().will_wake(Waker::noop()) {
        WAKERS.with_borrow_mut(|wakers| keep(wakers, context.waker().clone()));
    }
}

/// Whoever polls is woken as soon as anything has happened.
pub(crate) fn wake_any(context: &Context<'_>) {
    keep_if(true, context, |wakers, waker| wakers.others.push(waker));
}

/// Wakes whom the world gives a reason to go on.
pub(crate) fn wake(is_readable: bool, is_writable: bool) {
    let woken: Vec<Waker> = WAKERS.with_borrow_mut(|wakers| {
        let now = Instant::now();
        let due = wakers.timers.extract_if(.., |(at, _)| *at <= now).map(|(_, waker)| waker);
        let mut woken: Vec<Waker> = due.collect();
        woken.append(&mut wakers.others);
        woken.extend(wakers.reader.take_if(|_| is_readable));
        woken.extend(wakers.writer.take_if(|_| is_writable));
        woken
    });
    woken.into_iter().for_each(Waker::wake);
}

/// Nobody waits any more: a run begins.
pub(crate) fn forget_wakers() {
    WAKERS.take();
}

/// Nothing needs looking at: the world is asked directly.
pub(crate) async fn yield_now() {}
