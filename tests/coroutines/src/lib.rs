//! What a coroutine library needs to make pg-blocking cooperate: one function that waits for a descriptor. Here it is for
//! the crate `may`, in forty lines.

use may::io::{CoIo, WaitIo};
use pg_blocking::wait::{Failure, Ready, Wait, WaitPoll, Wanted};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Waits by letting other coroutines run: one for each connection.
#[derive(Debug, Default)]
pub struct MayWait(Mutex<HashMap<RawFd, Arc<CoIo<OwnedFd>>>>);

impl Wait for MayWait {
    fn wait(&self, fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>) -> Result<Ready, Failure> {
        if !may::coroutine::is_coroutine() || deadline.is_some() {
            // may's wait knows no deadline.
            return WaitPoll::new().wait(fd, wanted, deadline);
        }
        let registered = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(&fd.as_raw_fd()) {
                Some(registered) => Arc::clone(registered),
                None => {
                    let copy = fd.try_clone_to_owned()?;
                    let registered = Arc::new(CoIo::new(copy).map_err(|e| e.to_string())?);
                    known.insert(fd.as_raw_fd(), Arc::clone(&registered));
                    registered
                }
            }
        };
        // It tells changes only, so that what is there already is looked for first.
        let events =
            PollFlags::IN | if wanted == Wanted::Write { PollFlags::OUT } else { PollFlags::empty() };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut [PollFd::new(&fd, events)], Some(&now))? == 0 {
            registered.wait_io();
        }
        // Too early is harmless.
        Ok(Ready::Read)
    }
}
