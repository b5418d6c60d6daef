//! Who is in flight, who waits, and who is woken: none of it waits for anything itself.

use super::super::client::Client;
use super::super::driver::Link;
use super::super::runtime::Instant;
use super::PATIENCE;
use super::queue::{Queue, Ticket};
use super::wakes::Wakes;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::operation::Operation;
use pg_core::message::backend::Status;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How many calls may be in flight.
const MOST_CALLS: usize = 256;
/// How much may be queued that the link has not taken.
const MOST_QUEUED: usize = 256 * 1024;

/// What the handles of a connection share.
#[derive(Debug)]
pub(super) struct State {
    whereabouts: Whereabouts,
    /// How long each call may take, as it was when the connection was last here.
    deadline: Option<Duration>,
    /// In flight, in the order of their start.
    calls: VecDeque<InFlight>,
    queue: Queue,
}

/// Where the connection is.
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
enum Whereabouts {
    /// Here, for whoever comes.
    Here(Client),
    /// What others have left is being settled, by whoever is polled and wants the connection: it is nobody's own affair,
    /// so that nobody's absence holds it up.
    Settling(Settling),
    /// With whoever has leased it.
    Leased,
    /// It was taken out for good.
    Ended,
}

/// Gives the connection back, settled or with the error that it ended with.
type Settling = Pin<Box<dyn Future<Output = (Client, Result<()>)> + Send>>;

impl fmt::Debug for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whereabouts::Here(client) => f.debug_tuple("Here").field(client).finish(),
            Whereabouts::Settling(_) => f.write_str("Settling"),
            Whereabouts::Leased => f.write_str("Leased"),
            Whereabouts::Ended => f.write_str("Ended"),
        }
    }
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

impl State {
    pub(super) fn new(client: Client) -> State {
        let mut state = State {
            whereabouts: Whereabouts::Leased,
            deadline: None,
            calls: VecDeque::new(),
            queue: Queue::default(),
        };
        state.take_in(client);
        state
    }

    /// The connection is here from now on.
    fn take_in(&mut self, mut client: Client) {
        let connection = &mut client.link.connection;
        connection.abandon();
        connection.share(true);
        self.deadline = connection.deadline();
        self.whereabouts = Whereabouts::Here(client);
    }

    /// Takes the connection, if it is here.
    fn take_out(&mut self) -> Option<Client> {
        match std::mem::replace(&mut self.whereabouts, Whereabouts::Leased) {
            Whereabouts::Here(mut client) => {
                client.link.connection.share(false);
                Some(client)
            }
            other => {
                self.whereabouts = other;
                None
            }
        }
    }

    /// Gives whoever is next what `take` takes, as soon as there is some; the others wait, in order. `alone` says that it
    /// is the connection itself.
    ///
    /// # Errors
    /// The connection was closed.
    pub(super) fn admit<T>(
        &mut self,
        ticket: &mut Ticket,
        alone: bool,
        context: &mut Context<'_>,
        wakes: &mut Wakes,
        take: fn(&mut State) -> Option<T>,
    ) -> Result<Option<T>> {
        if let Whereabouts::Ended = self.whereabouts {
            return Err(Error::new(
                ErrorKind::Closed,
                "the connection is closed: it was closed by this client",
            )
            .hint("connect anew"));
        }
        let is_next = self.queue.is_next(ticket);
        if is_next {
            self.begin_to_settle();
        }
        self.settle_on(context, wakes)?;
        let taken = if is_next { take(self) } else { None };
        match taken {
            None => self.queue.wait(ticket, alone, context.waker(), wakes),
            Some(_) if self.queue.leave(ticket, wakes) => self.call_next(wakes),
            Some(_) => {}
        }
        Ok(taken)
    }

    /// The connection itself, once nobody is in flight.
    pub(super) fn take_alone(&mut self) -> Option<Client> {
        if self.calls.is_empty() { self.take_out() } else { None }
    }

    /// Room for one more in flight.
    pub(super) fn take_room(&mut self) -> Option<()> {
        let is_free = self.calls.is_empty();
        let has_room = self.calls.len() < MOST_CALLS;
        let Whereabouts::Here(client) = &self.whereabouts else { return None };
        let connection = &client.link.connection;
        // A transaction that stands open is undone as soon as those in flight have their answers.
        let takes_more = connection.queued() < MOST_QUEUED && connection.status() == Status::Idle;
        (is_free || has_room && takes_more && client.cancel.gate.is_open()).then_some(())
    }

    /// Begins to settle what others have left, if there is something and nobody is in flight.
    fn begin_to_settle(&mut self) {
        let Whereabouts::Here(client) = &self.whereabouts else { return };
        let is_closed = client.link.connection.is_closed();
        if !self.calls.is_empty() || is_closed || client.cancel.gate.is_open() && client.is_settled() {
            return;
        }
        if let Some(mut client) = self.take_out() {
            self.whereabouts = Whereabouts::Settling(Box::pin(async move {
                let outcome = client.settle_all().await;
                (client, outcome)
            }));
        }
    }

    /// Goes on with what is being settled.
    fn settle_on(&mut self, context: &mut Context<'_>, wakes: &mut Wakes) -> Result<()> {
        let Whereabouts::Settling(settling) = &mut self.whereabouts else { return Ok(()) };
        let Poll::Ready((client, outcome)) = settling.as_mut().poll(context) else { return Ok(()) };
        self.take_in(client);
        self.call_next(wakes);
        outcome
    }

    /// Somebody who waited doesn't any longer.
    pub(super) fn give_up(&mut self, ticket: &mut Ticket, wakes: &mut Wakes) {
        if self.queue.leave(ticket, wakes) {
            self.call_next(wakes);
        }
    }

    /// Calls whoever waits and is next, for there may be room.
    fn call_next(&mut self, wakes: &mut Wakes) {
        if matches!(self.whereabouts, Whereabouts::Here(_) | Whereabouts::Settling(_)) {
            self.queue.call_next(self.calls.is_empty(), wakes);
        }
    }

    /// A lease is over. What was left open is ended, and what was left to be sent is sent now, as far as that needs no
    /// waiting: nobody else may come for long.
    pub(super) fn give_back(&mut self, mut client: Client, wakes: &mut Wakes) {
        let connection = &mut client.link.connection;
        if connection.conversation().transactions().depth() > 0 {
            connection.roll_back(1);
        }
        connection.abandon();
        if connection.wants_write() {
            client.link.nudge();
        }
        self.take_in(client);
        self.call_next(wakes);
    }

    /// The connection was taken out for good.
    pub(super) fn end(&mut self, wakes: &mut Wakes) {
        self.whereabouts = Whereabouts::Ended;
        self.queue.call_all(wakes);
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.whereabouts {
            Whereabouts::Here(client) => client.link.connection.is_closed(),
            Whereabouts::Settling(_) | Whereabouts::Leased => false,
            Whereabouts::Ended => true,
        }
    }

    /// How long each call may take.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) fn link(&mut self) -> Option<&mut Link> {
        match &mut self.whereabouts {
            Whereabouts::Here(client) => Some(&mut client.link),
            _ => None,
        }
    }

    /// Refuses the success of a call whose answer leaves a transaction open: begun by SQL, it takes in what others run,
    /// and is undone.
    pub(super) fn check_ended(&mut self) -> Result<()> {
        match self.link().map(|link| link.connection.status()) {
            None | Some(Status::Idle) => Ok(()),
            Some(_) => Err(Error::usage(
                "a transaction stands open on a connection that is shared, and is undone with all that was run in it",
            )
            .hint("open transactions by begin(), or on a lease(): begun by SQL, they take in the statements of all")),
        }
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
    pub(super) fn park(&mut self, number: u64, waker: &Waker, wakes: &mut Wakes) {
        if let Some(call) = self.call_of(number) {
            call.called = None;
            wakes.replace(&mut call.waker, waker);
        }
    }

    fn place_of(&self, number: u64) -> Option<usize> {
        self.calls.binary_search_by_key(&number, |call| call.number).ok()
    }

    fn call_of(&mut self, number: u64) -> Option<&mut InFlight> {
        self.place_of(number).and_then(|place| self.calls.get_mut(place))
    }

    /// Wakes a call that is parked.
    pub(super) fn call(&mut self, number: u64, wakes: &mut Wakes) -> Called {
        let Some(call) = self.call_of(number) else { return Called::Absent };
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
        let call = self.place_of(number).and_then(|place| self.calls.remove(place));
        wakes.spend(call.and_then(|call| call.waker));
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
        let Some(link) = self.link() else { return };
        if link.connection.is_closed() {
            self.calls.iter_mut().for_each(|call| wakes.add(call.waker.take()));
        } else {
            let front = link.connection.front();
            let next = front.or_else(|| self.calls.front().map(|call| call.number));
            if let Some(next) = next {
                self.call(next, wakes);
            }
        }
        self.call_next(wakes);
    }
}
