//! The client's side: the loops of pg-blocking and pg-async and the rule by which both settle what dropped calls left,
//! over the simulated link. Only the sockets and the clock are others.

use super::clock::{MILLISECOND, Moment, SECOND};
use super::link::Net;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use pg_core::session::{Run, Session};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker};

/// Which client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// It waits inside its calls, which are complete at their first poll.
    Blocking,
    /// Its futures are pending while they wait.
    Async,
}

/// A connection over the simulated link.
#[derive(Debug)]
pub(super) struct SimSession {
    pub(super) net: Net,
    pub(super) connection: Connection,
    pub(super) gate: Gate,
    flavour: Flavour,
    /// Until when a blocking call may take.
    pub(super) deadline: Option<Moment>,
    /// The most that the connection's buffers ever took.
    pub(super) most_memory: usize,
}

const DRAIN_TIMEOUT: u64 = 100 * MILLISECOND;
const CANCEL_TIMEOUT: u64 = 10 * SECOND;
const CANCEL_AGAIN: u64 = 500 * MILLISECOND;

impl SimSession {
    pub(super) fn new(net: Net, connection: Connection, flavour: Flavour) -> SimSession {
        SimSession { net, connection, gate: Gate::default(), flavour, deadline: None, most_memory: 0 }
    }

    /// Logs in, within a deadline as `connect_timeout` is one.
    pub(super) async fn log_in<E: Exchange<Output = ()>>(&mut self, startup: E) -> Result<()> {
        self.deadline = Some(self.now() + 30 * SECOND);
        let outcome = self.drive(startup).await;
        self.deadline = None;
        if let Err(error) = &outcome {
            // The real ones drop the socket.
            self.connection.handle_failure(Error::new(ErrorKind::Closed, error.to_string()));
        }
        if let Some(request) = self.connection.cancel_key().and_then(|key| key.request().ok()) {
            self.net.world().hand_out_token(self.gate.clone(), request);
        }
        outcome
    }

    pub(super) fn flavour(&self) -> Flavour {
        self.flavour
    }

    fn now(&self) -> Moment {
        self.net.world().now
    }

    /// `Link::drive`.
    pub(super) async fn drive<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        let deadline = self.deadline;
        let mut operation = self.connection.start(exchange);
        loop {
            if let Some(output) = self.connection.poll(&mut operation)? {
                return Ok(output);
            }
            if !self.step(deadline).await {
                return Err(Error::new(ErrorKind::Timeout, "the server did not answer in time"));
            }
        }
    }

    /// `Link::step`: sends what waits and reads once; false if the deadline came first.
    async fn step(&mut self, deadline: Option<Moment>) -> bool {
        match self.flavour {
            Flavour::Blocking => self.step_blocking(deadline),
            Flavour::Async => poll_fn(|_| self.poll_step(deadline)).await,
        }
    }

    fn step_blocking(&mut self, deadline: Option<Moment>) -> bool {
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            let sent = self.net.world().send(bytes);
            match sent {
                Ok(count) => self.connection.handle_sent(count),
                // Room to send or bytes to read, whichever comes first: the real one asks `poll`.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => match self.read() {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        if !self.wait(deadline) {
                            return false;
                        }
                    }
                    other => return self.finish(other),
                },
                Err(e) => return self.last_words(e),
            }
        }
        loop {
            match self.read() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait(deadline) {
                        return false;
                    }
                }
                other => return self.finish(other),
            }
        }
    }

    fn poll_step(&mut self, deadline: Option<Moment>) -> Poll<bool> {
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            let sent = self.net.world().send(bytes);
            match sent {
                Ok(count) => self.connection.handle_sent(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Poll::Ready(self.last_words(e)),
            }
        }
        match self.read() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => match deadline {
                Some(deadline) if self.now() >= deadline => Poll::Ready(false),
                Some(deadline) => {
                    self.net.world().wake_at(deadline);
                    Poll::Pending
                }
                None => Poll::Pending,
            },
            other => Poll::Ready(self.finish(other)),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        self.most_memory = self.most_memory.max(self.connection.memory());
        self.net.world().receive(self.connection.space())
    }

    fn finish(&mut self, read: io::Result<usize>) -> bool {
        match read {
            Ok(count) => self.connection.handle_read(count),
            Err(e) => self.connection.handle_failure(Error::io("reading from the server", e)),
        }
        true
    }

    fn last_words(&mut self, error: io::Error) -> bool {
        match self.read() {
            Ok(count) if count > 0 => self.connection.handle_read(count),
            _ => self.connection.handle_failure(Error::io("sending to the server", error)),
        }
        true
    }

    /// Blocks until something happens; false if that was the deadline.
    fn wait(&mut self, deadline: Option<Moment>) -> bool {
        let mut world = self.net.world();
        if deadline.is_some_and(|deadline| world.now >= deadline) {
            return false;
        }
        assert!(world.pass(deadline), "a blocking call waits for what will never happen");
        deadline.is_none_or(|deadline| world.now < deadline)
    }

    /// Waits until something happens; the caller looks whether it is what it waits for.
    async fn pause(&mut self, deadline: Option<Moment>) {
        match self.flavour {
            Flavour::Blocking => drop(self.wait(deadline)),
            Flavour::Async => {
                if let Some(deadline) = deadline {
                    self.net.world().wake_at(deadline);
                }
                let mut asked = false;
                poll_fn(
                    |_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending },
                )
                .await;
            }
        }
    }

    /// `Client::settle`.
    async fn settle(&mut self) -> Result<()> {
        if let Err(error) = self.wait_for_cancels().await {
            self.connection.handle_failure(error);
        }
        let deadline = self.now() + DRAIN_TIMEOUT;
        if self.drain(deadline).await? {
            return Ok(());
        }
        let deadline = self.now() + CANCEL_TIMEOUT;
        while self.now() < deadline && self.cancel_before(deadline).await {
            let again = deadline.min(self.now() + CANCEL_AGAIN);
            if self.drain(again).await? {
                return Ok(());
            }
        }
        self.connection.handle_failure(Error::new(
            ErrorKind::Timeout,
            "the server did not finish a dropped statement, even though it was cancelled",
        ));
        self.connection.poll_abandoned().map(|_| ())
    }

    async fn drain(&mut self, deadline: Moment) -> Result<bool> {
        while !self.connection.poll_abandoned()? {
            if self.now() >= deadline || !self.step(Some(deadline)).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `CancelToken::wait`.
    async fn wait_for_cancels(&mut self) -> Result<()> {
        loop {
            let open = self.gate.poll_open(&Context::from_waker(Waker::noop()));
            match open {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => self.pause(None).await,
            }
        }
    }

    /// `CancelToken::cancel_before`; whether the request arrived. One whose future is dropped goes on by itself.
    async fn cancel_before(&mut self, deadline: Moment) -> bool {
        let Some(request) = self.connection.cancel_key().and_then(|key| key.request().ok()) else {
            return false;
        };
        let passage = self.gate.pass();
        let number = self.net.world().cancel(request, passage);
        while self.net.world().is_cancelling(number) {
            if self.now() >= deadline {
                self.net.world().give_cancel_up(number);
                return false;
            }
            self.pause(Some(deadline)).await;
        }
        true
    }
}

impl Run for SimSession {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.connection.abandon();
            if !self.connection.is_idle() || !self.gate.is_open() {
                self.settle().await?;
            }
        }
        self.drive(exchange).await
    }
}

impl Session for SimSession {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn nudge(&mut self) {
        let bytes = self.connection.poll_transmit();
        let sent = self.net.world().send(bytes);
        if let Ok(count) = sent {
            self.connection.handle_sent(count);
        }
    }
}
