//! The one loop: the only place of this crate that reads or writes a socket.
//!
//! It sends without waiting, and only when the socket is full waits for both directions, so that no pipeline can
//! deadlock with a server that waits for us to read.
//!
//! The tests compile this file a second time, over a link and a clock that are imagined.

use super::socket::{Instant, Ready, Socket};
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::operation::Operation;
use pg_core::protocol::connection::Connection;
use std::io;

/// A connection and its socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) socket: Socket,
}

impl Link {
    /// Runs an exchange to its end, or to the deadline.
    #[inline]
    pub(crate) fn drive<E: Exchange>(&mut self, exchange: E, deadline: Option<Instant>) -> Result<E::Output> {
        let mut operation = self.connection.start(exchange);
        let late = || Error::new(ErrorKind::Timeout, "the server did not answer in time");
        self.go_on(&mut operation, deadline)?.ok_or_else(late)
    }

    /// Goes on with an operation to its end; `None` if the deadline came first.
    #[inline]
    pub(crate) fn go_on<E: Exchange>(
        &mut self,
        operation: &mut Operation<E>,
        deadline: Option<Instant>,
    ) -> Result<Option<E::Output>> {
        loop {
            if let Some(output) = self.connection.poll(operation)? {
                return Ok(Some(output));
            }
            if !self.step(deadline) {
                return if E::WAITS { self.end_wait(operation).map(Some) } else { Ok(None) };
            }
        }
    }

    /// The time of an exchange that waits is over; what came before that counts, however short it was.
    #[cold]
    fn end_wait<E: Exchange>(&mut self, operation: &mut Operation<E>) -> Result<E::Output> {
        self.listen();
        match self.connection.poll(operation)? {
            Some(output) => Ok(output),
            None => self.connection.give_up(operation),
        }
    }

    /// Sends what waits and reads once; false if the deadline came first. A failed link is told by the next poll.
    #[inline]
    pub(crate) fn step(&mut self, deadline: Option<Instant>) -> bool {
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                if self.connection.only_writes() {
                    return self.listen();
                }
                break;
            }
            match self.socket.send(bytes) {
                Ok(count) => self.connection.handle_sent(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => match self.socket.wait(true, deadline) {
                    Ok(Ready::Write) => {}
                    Ok(Ready::Read) => break,
                    Ok(Ready::TimedOut) => return false,
                    Err(e) => return self.failed("waiting for the server", e),
                },
                Err(e) => return self.last_words(e),
            }
        }
        let waits_first = self.socket.waits_first();
        if deadline.is_some() || waits_first {
            match self.socket.wait(false, deadline) {
                Ok(Ready::TimedOut) => return false,
                Ok(_) => {}
                Err(e) => return self.failed("waiting for the server", e),
            }
        }
        match self.socket.receive(self.connection.space()) {
            Ok(count) => self.connection.handle_read(count),
            // The strategy made the socket one that never waits, and returned early.
            Err(e) if waits_first && e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return self.failed("reading from the server", e),
        }
        true
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
        match self.socket.receive_now(self.connection.space()) {
            Ok(count) => self.connection.handle_read(count),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                return Some(wanted)
                    .filter(|wanted| *wanted == Ready::Write || !self.connection.only_writes());
            }
            Err(e) => {
                self.failed("reading from the server", e);
            }
        }
        None
    }

    /// All is sent that was to be sent; the server may have said something against it.
    #[cold]
    fn listen(&mut self) -> bool {
        match self.socket.receive_now(self.connection.space()) {
            Ok(count) => self.connection.handle_read(count),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return self.failed("reading from the server", e),
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
    fn last_words(&mut self, error: io::Error) -> bool {
        match self.socket.receive_now(self.connection.space()) {
            Ok(count) if count > 0 => {
                self.connection.handle_read(count);
                true
            }
            _ => self.failed("sending to the server", error),
        }
    }

    #[cold]
    fn failed(&mut self, doing: &str, error: io::Error) -> bool {
        self.connection.handle_failure(Error::io(doing, error));
        true
    }
}
