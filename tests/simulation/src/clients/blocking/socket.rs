//! The imagined socket: what pg-blocking's `socket.rs` is to the system's.

pub(crate) use crate::clock::Moment as Instant;
use crate::link::Net;
use pg_core::error::{Error, ErrorKind, Result};
use std::io;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) net: Net,
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    Read,
    Write,
    TimedOut,
}

/// Why a strategy of the user's has ended a wait before its time.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The error of a call whose wait has failed.
pub(crate) fn interrupted(failure: Failure) -> Error {
    Error::new(ErrorKind::Interrupted, failure.to_string())
}

impl Socket {
    pub(crate) fn waits_first(&self) -> bool {
        false
    }

    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        None
    }

    pub(crate) fn suspend(&mut self, _: bool) {}

    pub(crate) fn pause(&self, time: Duration) -> Result<()> {
        let until = Instant::now() + u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut world = self.net.world();
        while world.now < until {
            world.pass(Some(until));
        }
        Ok(())
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.net.world().send(bytes)
    }

    pub(crate) fn receive(&self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.receive_now(space) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.net.world().wait(None)?,
                other => return other,
            }
        }
    }

    pub(crate) fn receive_now(&self, space: &mut [u8]) -> io::Result<usize> {
        self.net.world().receive(space)
    }

    pub(crate) fn wait(&self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
        let mut world = self.net.world();
        loop {
            if deadline.is_some_and(|deadline| world.now >= deadline) {
                return Ok(Ready::TimedOut);
            }
            if world.is_readable() {
                return Ok(Ready::Read);
            }
            if writing && world.is_writable() {
                return Ok(Ready::Write);
            }
            world.wait(deadline)?;
        }
    }
}
