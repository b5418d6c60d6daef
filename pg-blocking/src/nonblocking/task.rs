//! Async code that is polled by hand: what it waits for is noted where it waits, and told by the task.

use super::Polled;
use crate::socket::Ready;
use pg_core::error::{Error, Result};
use std::fmt;
use std::future::Future;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// What the connections of a task wait for; shared by them and their task.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits(Arc<Mutex<Wait>>);

#[derive(Debug, Default)]
struct Wait {
    /// A copy of the descriptor, so that it lives as long as somebody waits for it.
    fd: Option<(RawFd, Arc<OwnedFd>)>,
    wanted: Option<Ready>,
    deadline: Option<Instant>,
    /// Two ends that nothing is ever written to, for waits for time alone.
    quiet: Option<(UnixStream, UnixStream)>,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, Wait> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is waited for, and until when.
    pub(super) fn note(&self, fd: impl AsFd, wanted: Ready, deadline: Option<Instant>) -> Result<()> {
        let mut wait = self.lock();
        let fd = fd.as_fd();
        if wait.fd.as_ref().is_none_or(|(raw, _)| *raw != fd.as_raw_fd()) {
            let copy = fd.try_clone_to_owned().map_err(|e| Error::io("copying a descriptor", e))?;
            wait.fd = Some((fd.as_raw_fd(), Arc::new(copy)));
        }
        wait.wanted = Some(wanted);
        wait.deadline = wait.deadline.into_iter().chain(deadline).min();
        Ok(())
    }

    /// Notes that only time is waited for.
    pub(super) fn note_pause(&self, until: Instant) -> Result<()> {
        let (quiet, other) = match self.lock().quiet.take() {
            Some(pair) => pair,
            None => UnixStream::pair().map_err(|e| Error::io("making a pair of sockets", e))?,
        };
        let noted = self.note(&quiet, Ready::Read, Some(until));
        self.lock().quiet = Some((quiet, other));
        noted
    }

    /// The descriptor was closed: its number may be another's from now on.
    pub(super) fn forget_fd(&self) {
        self.lock().fd = None;
    }
}

/// Async code over non-blocking connections: see [`Client::task`](super::Client::task).
///
/// # Drop
/// Drops the code where it stands, and its connection with it.
#[must_use = "a task does nothing unless it is polled"]
pub struct Task<T> {
    future: Option<Pin<Box<dyn Future<Output = Result<T>> + Send>>>,
    waits: Waits,
    fd: Option<Arc<OwnedFd>>,
    deadline: Option<Instant>,
}

impl<T> Task<T> {
    pub(super) fn new(waits: Waits, future: impl Future<Output = Result<T>> + Send + 'static) -> Task<T> {
        let mut task = Task { future: Some(Box::pin(future)), waits, fd: None, deadline: None };
        task.fd = task.waits.lock().fd.as_ref().map(|(_, fd)| Arc::clone(fd));
        task
    }

    /// Goes on as far as that is possible without waiting.
    ///
    /// # Errors
    /// What the code ends with; it was complete and is polled again; it awaits something that is no connection, which
    /// nobody would know to wait for.
    pub fn poll(&mut self) -> Result<Polled<T>> {
        let Some(future) = &mut self.future else {
            return Err(Error::usage("the task is complete and was polled again"));
        };
        {
            let mut wait = self.waits.lock();
            wait.wanted = None;
            wait.deadline = None;
        }
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                self.future = None;
                outcome.map(Polled::Ready)
            }
            Poll::Pending => {
                let wait = self.waits.lock();
                let (Some((_, fd)), Some(wanted)) = (&wait.fd, wait.wanted) else {
                    return Err(Error::usage("the task awaits something else than its connection")
                        .hint("await only what belongs to the session: nobody wakes anything else"));
                };
                self.fd = Some(Arc::clone(fd));
                self.deadline = wait.deadline;
                Ok(wanted.into())
            }
        }
    }

    /// The descriptor that is waited for. It may be another one after each poll, as long as a connection is made; ask anew.
    ///
    /// # Panics
    /// Before the first [`Task::poll`] of a connection that is made: there is none yet.
    #[allow(clippy::expect_used, reason = "documented: what was not polled waits for nothing")]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("the task was polled, and waits").as_fd()
    }

    /// When to poll again at the latest, as of the last poll.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits in this thread until it is complete: for programs that have no loop, and tests.
    ///
    /// # Errors
    /// As [`Task::poll`].
    pub fn wait(mut self) -> Result<T> {
        loop {
            match self.poll()? {
                Polled::Ready(output) => return Ok(output),
                wanted => {
                    crate::socket::wait(self.as_fd(), wanted.is_write(), self.deadline)
                        .map_err(|e| Error::io("waiting for the server", e))?;
                }
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_complete", &self.future.is_none()).finish_non_exhaustive()
    }
}
