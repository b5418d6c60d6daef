//! The imagined socket: what pg-blocking's `socket.rs` is to the system's.

pub(crate) use crate::clock::Moment as Instant;
use crate::link::Net;
use std::io;

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

impl Socket {
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
