//! The one loop: the only place of this crate that reads or writes a socket.
//!
//! It sends without waiting, and only when the socket is full waits for both directions, so that no pipeline can
//! deadlock with a server that waits for us to read.
//!
//! The tests compile this file a second time, over a link and a clock that are imagined.

use super::socket::{Instant, Ready, Socket, interrupted};
use pg_core::error::{Error, Result};
use pg_core::exchange::driving::Steps;
use pg_core::protocol::connection::Connection;
use std::future::{Future, ready};
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

/// A connection and its socket.
#[derive(Debug)]
pub struct Link {
    pub(crate) connection: Connection,
    pub(crate) socket: Socket,
}

impl Link {
    /// Sends what waits and reads once; false if the deadline came first.
    #[inline(always)]
    fn step(&mut self, deadline: Option<Instant>) -> Result<bool> {
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                if self.connection.only_writes() {
                    // All is sent that was to be sent; the server may have said something against it.
                    self.read_now();
                    return Ok(true);
                }
                break;
            }
            match self.socket.send(bytes) {
                Ok(count) => self.connection.handle_sent(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => match self.wait(true, deadline)? {
                    Some(Ready::TimedOut) => return Ok(false),
                    // A strategy may not tell the one from the other, so that sending is tried again.
                    Some(Ready::Read) if self.read_now() => return Ok(true),
                    Some(Ready::Read | Ready::Write) => {}
                    None => return Ok(true),
                },
                Err(e) => {
                    self.last_words(e);
                    return Ok(true);
                }
            }
        }
        if deadline.is_none() && !self.socket.waits_first() {
            match self.socket.receive(self.connection.space()) {
                Ok(count) => {
                    self.connection.handle_read(count);
                    return Ok(true);
                }
                // A strategy that it had before has made it one that never waits.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => {
                    self.failed("reading from the server", e);
                    return Ok(true);
                }
            }
        }
        match self.wait(false, deadline)? {
            Some(Ready::TimedOut) => return Ok(false),
            // A strategy may have returned with nothing there.
            Some(Ready::Read | Ready::Write) => drop(self.read_now()),
            None => {}
        }
        Ok(true)
    }

    /// Waits until there is something to read or, if `writing`, room to send; `None` if the link has failed.
    fn wait(&mut self, writing: bool, deadline: Option<Instant>) -> Result<Option<Ready>> {
        let waited = self.socket.wait(writing, deadline);
        if let Some(failure) = self.socket.take_failure() {
            return Err(interrupted(failure));
        }
        waited.map(Some).or_else(|e| {
            self.failed("waiting for the server", e);
            Ok(None)
        })
    }

    /// Sends and reads what can be without waiting; what is to be waited for if nothing could be read: something to read,
    /// or room to send as well. `None`: go on.
    #[allow(dead_code, reason = "only what waits elsewhere than in a call asks for it")]
    pub(crate) fn try_step(&mut self) -> Option<Ready> {
        let mut wanted = Ready::Read;
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            match self.socket.send(bytes) {
                Ok(count) => self.connection.handle_sent(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    wanted = Ready::Write;
                    break;
                }
                Err(e) => {
                    self.last_words(e);
                    return None;
                }
            }
        }
        if self.read_now() {
            return None;
        }
        Some(wanted).filter(|wanted| *wanted == Ready::Write || !self.connection.only_writes())
    }

    /// Reads without waiting; false if nothing was there.
    fn read_now(&mut self) -> bool {
        match self.socket.receive_now(self.connection.space()) {
            Ok(count) => self.connection.handle_read(count),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(e) => self.failed("reading from the server", e),
        }
        true
    }

    /// One attempt to send what waits.
    pub(crate) fn nudge(&mut self) {
        let bytes = self.connection.poll_transmit();
        if let Ok(count) = self.socket.send(bytes) {
            self.connection.handle_sent(count);
        }
    }

    /// The server may have said why before it closed: that is better than a broken pipe.
    #[cold]
    fn last_words(&mut self, error: io::Error) {
        match self.socket.receive_now(self.connection.space()) {
            Ok(count) if count > 0 => self.connection.handle_read(count),
            _ => self.failed("sending to the server", error),
        }
    }

    #[cold]
    fn failed(&mut self, doing: &str, error: io::Error) {
        self.connection.handle_failure(Error::io(doing, error));
    }
}

impl Steps for Link {
    type Moment = Instant;
    type Timer = ();

    fn now() -> Instant {
        Instant::now()
    }

    fn after(time: Duration) -> Option<Instant> {
        Instant::now().checked_add(time)
    }

    #[inline]
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    #[inline(always)]
    fn poll_step(
        &mut self,
        _: &mut Context<'_>,
        deadline: Option<Instant>,
        (): &mut (),
    ) -> Poll<Result<bool>> {
        Poll::Ready(self.step(deadline))
    }

    fn look(&mut self) -> impl Future<Output = ()> + Send {
        self.read_now();
        ready(())
    }

    fn nudge(&mut self) {
        Link::nudge(self);
    }
}
