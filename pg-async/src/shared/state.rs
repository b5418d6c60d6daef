//! Who is in flight, who waits, and who is woken: none of it waits for anything itself.

use super::super::client::Client;
use super::super::driver::Link;
use super::super::runtime::Instant;
use super::PATIENCE;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::operation::Operation;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

/// How many calls may be in flight.
const MOST_CALLS: usize = 256;
/// How much may be queued that the link has not taken.
const MOST_QUEUED: usize = 256 * 1024;

/// What the handles of a connection share.
#[derive(Debug)]
pub(super) struct State {
    /// None while it is leased, or after its end.
    client: Option<Client>,
    /// In flight, in the order of their start.
    calls: VecDeque<InFlight>,
    /// Those who wait, first come first served.
    waiting: VecDeque<Waiting>,
    tickets: u64,
    ended: bool,
}

#[derive(Debug)]
struct InFlight {
    number: u64,
    /// None while it is called, or polled.
    waker: Option<Waker>,
    /// Since when it is called and hasn't come.
    called: Option<Instant>,
}

/// Whether a call comes that something waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// It was woken, now or a moment ago.
    Comes,
    /// It was woken long ago.
    Absent,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    alone: bool,
    waker: Waker,
}

/// What becomes of somebody who wants the connection.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once, and seldom")]
pub(super) enum Admission {
    /// It may start an operation.
    Granted,
    /// It has the connection for itself.
    Lease(Client),
    /// It is next, and has to settle first what others left.
    Settle(Client),
    /// Others come first.
    Wait,
}

/// Those who are woken once the mutex is free.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakes {
    fn add(&mut self, waker: Option<Waker>) {
        match (&self.first, waker) {
            (None, waker) => self.first = waker,
            (Some(_), waker) => self.others.extend(waker),
        }
    }

    pub(super) fn wake(self) {
        self.first.into_iter().chain(self.others).for_each(Waker::wake);
    }
}

impl State {
    pub(super) fn new(mut client: Client) -> State {
        client.link.connection.abandon();
        client.link.connection.share(true);
        State {
            client: Some(client),
            calls: VecDeque::new(),
            waiting: VecDeque::new(),
            tickets: 0,
            ended: false,
        }
    }

    /// Admits whoever is first and finds the connection as it needs it; the others wait, in order.
    pub(super) fn admit(
        &mut self,
        ticket: &mut Option<u64>,
        alone: bool,
        waker: &Waker,
        wakes: &mut Wakes,
    ) -> Result<Admission> {
        if self.ended {
            return Err(Error::new(
                ErrorKind::Closed,
                "the connection is closed: it was closed by this client",
            )
            .hint("connect anew"));
        }
        let is_first = match (self.waiting.front(), *ticket) {
            (None, _) => true,
            (Some(first), Some(ticket)) => first.ticket == ticket,
            (Some(_), None) => false,
        };
        let admission = if is_first { self.admit_first(alone) } else { Admission::Wait };
        match &admission {
            Admission::Wait => self.wait(ticket, alone, waker),
            // Whoever settles stays the first.
            Admission::Settle(_) if ticket.is_none() => {
                self.wait(ticket, alone, waker);
                self.waiting.rotate_right(1);
            }
            Admission::Settle(_) => {}
            Admission::Granted | Admission::Lease(_) => {
                if ticket.take().is_some() {
                    self.waiting.pop_front();
                    self.wake_first(wakes);
                }
            }
        }
        Ok(admission)
    }

    fn admit_first(&mut self, alone: bool) -> Admission {
        let is_free = self.calls.is_empty();
        let Some(client) = &mut self.client else { return Admission::Wait };
        let connection = &mut client.link.connection;
        let is_settled = connection.is_closed() || client.cancel.gate.is_open() && client.is_settled();
        match (is_free, alone) {
            (true, _) if !is_settled => self.take().map_or(Admission::Wait, Admission::Settle),
            (true, true) => self.take().map_or(Admission::Wait, Admission::Lease),
            (false, true) => Admission::Wait,
            (_, false) => {
                let is_full = self.calls.len() >= MOST_CALLS
                    || client.link.connection.queued() >= MOST_QUEUED
                    || !client.cancel.gate.is_open();
                if is_full && !is_free { Admission::Wait } else { Admission::Granted }
            }
        }
    }

    fn take(&mut self) -> Option<Client> {
        let mut client = self.client.take()?;
        client.link.connection.share(false);
        Some(client)
    }

    fn wait(&mut self, ticket: &mut Option<u64>, alone: bool, waker: &Waker) {
        let known = ticket.and_then(|ticket| self.waiting.iter_mut().find(|other| other.ticket == ticket));
        match known {
            Some(known) => known.waker.clone_from(waker),
            None => {
                self.tickets = self.tickets.wrapping_add(1);
                *ticket = Some(self.tickets);
                self.waiting.push_back(Waiting { ticket: self.tickets, alone, waker: waker.clone() });
            }
        }
    }

    /// Somebody who waited doesn't any longer.
    pub(super) fn give_up(&mut self, ticket: u64, wakes: &mut Wakes) {
        self.waiting.retain(|other| other.ticket != ticket);
        self.wake_first(wakes);
    }

    fn wake_first(&mut self, wakes: &mut Wakes) {
        let is_free = self.calls.is_empty();
        let first = self.waiting.front().filter(|first| is_free || !first.alone);
        if self.client.is_some() {
            wakes.add(first.map(|first| first.waker.clone()));
        }
    }

    /// A lease is over.
    pub(super) fn give_back(&mut self, mut client: Client, wakes: &mut Wakes) {
        client.link.connection.abandon();
        client.link.connection.share(true);
        self.client = Some(client);
        self.wake_first(wakes);
    }

    /// The connection was taken out for good.
    pub(super) fn end(&mut self, wakes: &mut Wakes) {
        self.ended = true;
        self.waiting.drain(..).for_each(|waiting| wakes.add(Some(waiting.waker)));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ended || self.client.as_ref().is_some_and(|client| client.link.connection.is_closed())
    }

    /// How long each call may take.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.client.as_ref().and_then(|client| client.link.connection.deadline())
    }

    pub(super) fn link(&mut self) -> Option<&mut Link> {
        self.client.as_mut().map(|client| &mut client.link)
    }

    /// Starts the operation of somebody who was admitted.
    pub(super) fn start<E: Exchange>(&mut self, exchange: E) -> Option<Operation<E>> {
        let operation = self.link()?.connection.start(exchange);
        self.calls.push_back(InFlight { number: operation.number(), waker: None, called: None });
        Some(operation)
    }

    /// Whether others are in flight.
    pub(super) fn has_others(&self) -> bool {
        self.calls.len() > 1
    }

    /// The call waits to be called.
    pub(super) fn park(&mut self, number: u64, waker: &Waker) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.number == number) {
            call.called = None;
            match &mut call.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }

    /// Wakes a call that is parked.
    pub(super) fn call(&mut self, number: u64, wakes: &mut Wakes) -> Called {
        let Some(call) = self.calls.iter_mut().find(|call| call.number == number) else {
            return Called::Absent;
        };
        match (call.waker.take(), call.called) {
            (Some(waker), _) => {
                wakes.add(Some(waker));
                call.called = Some(Instant::now());
                Called::Comes
            }
            (None, Some(since)) if since.elapsed() >= PATIENCE => Called::Absent,
            (None, _) => Called::Comes,
        }
    }

    /// The call has its answer.
    pub(super) fn leave(&mut self, number: u64, wakes: &mut Wakes) {
        // It is the first, nearly always.
        if let Some(at) = self.calls.iter().position(|call| call.number == number) {
            self.calls.remove(at);
        }
        self.pass_on(wakes);
    }

    /// The call was dropped: the others read its answer away.
    pub(super) fn forget(&mut self, number: u64, wakes: &mut Wakes) {
        if let Some(link) = self.link() {
            link.connection.forget(number);
        }
        self.leave(number, wakes);
    }

    /// Somebody has stopped reading: the next goes on, and there may be room for one more.
    fn pass_on(&mut self, wakes: &mut Wakes) {
        let Some(client) = &self.client else { return };
        if client.link.connection.is_closed() {
            self.calls.iter_mut().for_each(|call| wakes.add(call.waker.take()));
        } else {
            let front = client.link.connection.front();
            let next = front.or_else(|| self.calls.front().map(|call| call.number));
            if let Some(next) = next {
                self.call(next, wakes);
            }
        }
        self.wake_first(wakes);
    }
}
