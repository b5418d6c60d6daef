//! Those who wait for the connection: first come, first served. Each looks by itself now and then; whoever didn't when it
//! should have is polled by nobody, and is passed over until it comes.

use super::super::runtime::Instant;
use super::PATIENCE;
use super::wakes::Wakes;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By their tickets, which count upwards.
    waiting: VecDeque<Waiting>,
    tickets: u64,
}

/// A place in the queue, once its holder has waited.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    number: Option<u64>,
    /// How many stood ahead when its holder last came.
    ahead: u32,
}

impl Ticket {
    /// Whether its holder waits.
    pub(super) fn is_held(&self) -> bool {
        self.number.is_some()
    }

    /// How long its holder waits before it looks by itself. Those far behind look seldom, so that it costs little however
    /// many they are.
    pub(super) fn patience(&self) -> Duration {
        PATIENCE.saturating_mul(self.ahead.saturating_div(16).saturating_add(1))
    }
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    alone: bool,
    /// None while it is called.
    waker: Option<Waker>,
    /// When it has looked by itself, if anybody polls it.
    looks_by: Option<Instant>,
}

impl Waiting {
    fn is_absent(&self) -> bool {
        self.looks_by.is_some_and(|looks_by| looks_by < Instant::now())
    }
}

impl Queue {
    fn place(&self, ticket: &Ticket) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket.number?, |waiting| waiting.ticket).ok()
    }

    /// Whether it is the turn of whoever has this ticket, or hasn't waited yet.
    pub(super) fn is_next(&self, ticket: &Ticket) -> bool {
        let ahead = self.place(ticket).unwrap_or(self.waiting.len());
        self.waiting.iter().take(ahead).all(Waiting::is_absent)
    }

    /// Somebody has come and waits on.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, alone: bool, waker: &Waker, wakes: &mut Wakes) {
        let place = self.place(ticket).unwrap_or(self.waiting.len());
        if place == self.waiting.len() {
            self.tickets = self.tickets.saturating_add(1);
            ticket.number = Some(self.tickets);
            self.waiting.push_back(Waiting { ticket: self.tickets, alone, waker: None, looks_by: None });
        }
        ticket.ahead = u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(waiting) = self.waiting.get_mut(place) {
            wakes.replace(&mut waiting.waker, waker);
            // A little later, for no runtime's clock is exact.
            waiting.looks_by = Instant::now().checked_add(ticket.patience().saturating_add(PATIENCE / 2));
        }
    }

    /// The holder of this ticket waits no longer; whether it did.
    pub(super) fn leave(&mut self, ticket: &mut Ticket, wakes: &mut Wakes) -> bool {
        let waiting = self.place(ticket).and_then(|place| self.waiting.remove(place));
        let did = waiting.is_some();
        ticket.number = None;
        wakes.spend(waiting.and_then(|waiting| waiting.waker));
        did
    }

    /// Calls whoever is next; nobody who wants the connection alone unless it is free.
    pub(super) fn call_next(&mut self, is_free: bool, wakes: &mut Wakes) {
        let next = self.waiting.iter_mut().find(|waiting| !waiting.is_absent());
        if let Some(next) = next.filter(|next| is_free || !next.alone) {
            wakes.add(next.waker.take());
        }
    }

    /// Calls all who wait, for the last time.
    pub(super) fn call_all(&mut self, wakes: &mut Wakes) {
        self.waiting.drain(..).for_each(|waiting| wakes.add(waiting.waker));
    }
}
