//! One connection for many tasks: what they run travels together, without a task of its own.
//!
//! The rules. State stands behind a mutex that is held only between two awaits. Calls are written in the order in which
//! they were first polled, each whole, and answered in that order. Whoever is polled and finds nothing to take writes
//! what all have queued, and reads for all; who is next is woken when something of theirs came. A call that was just
//! queued lets the other tasks that are ready go first, so that one write carries what all of them have to say.
//!
//! The tests compile these files a second time, over a link and a clock that are imagined.

mod lease;
mod limit;
mod queries;
mod queue;
mod state;
mod wakes;

use super::client::Client;
use super::runtime;
use limit::Limit;
use pg_core::error::{Error, Result};
use pg_core::exchange::operation::Operation;
use pg_core::exchange::under::{Terms, Under};
use pg_core::exchange::{About, Exchange, Kind};
use pg_core::session::{Lifecycle, Run};
use queue::Ticket;
use state::{Called, State};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use wakes::Wakes;

pub use lease::{Lease, SharedTransaction};

/// A handle of one connection for many tasks; cheap to clone.
///
/// What several tasks run at once travels together (implicit pipelining): few writes and reads carry many statements,
/// and nobody waits for another's round trip. Its methods are those of [`Session`](crate::Session) that need no
/// connection of their own, by `&self`; [`Run::run`] and [`pipeline`](pg_core::exchange::pipeline) make more. There is
/// no background task: whoever awaits does the I/O for all.
///
/// ```no_run
/// # async fn run(client: pg_async::Client) -> Result<(), pg_async::Error> {
/// use pg_async::Shared;
///
/// let shared = Shared::new(client);
/// let tasks = (0..64_i64).map(|n| {
///     let shared = shared.clone();
///     tokio::spawn(async move { shared.query_value::<i64>("select $1 * 2", (n,)).await })
/// });
/// for task in tasks.collect::<Vec<_>>() {
///     println!("{}", task.await.expect("it doesn't panic")?);
/// }
/// let tx = shared.begin().await?; // leases the connection; the other tasks wait
/// # tx.rollback().await
/// # }
/// ```
///
/// # Order and bounds
/// First come, first served. At most 256 calls, or 256 KiB that the link has not taken, are in flight; further calls
/// wait. [`lease`](Shared::lease) and [`begin`](Shared::begin) wait until those before them are answered, and hold up
/// those after. So do, for their own time: `batch_execute`, `execute_many`, and pipelines of more than 512 statements.
///
/// Whoever holds a lease or transaction and awaits another call of the same connection waits for itself: run all of a
/// transaction's statements on it.
///
/// # Deadlines
/// That of the connection ([`set_deadline`](pg_core::Session::set_deadline), before it is shared or on a lease) holds for
/// each call, from its first poll on: also while others have the connection, and while what they left is settled. A call
/// that is late ends as if it were dropped, with an error of kind `Timeout`; what came too late while it waited says so.
///
/// # Tasks that don't go on
/// A call that is kept and not polled doesn't stall the others for much longer than 100 ms, whether it waits or is in
/// flight: it is passed over, or its answer is set aside. Of such answers 1 MiB is kept in all; beyond, the call is
/// given up and ends with an error. Streams, cursors and COPY belong to a lease, whose holder stalls the others as long
/// as it likes: read large results there, or by [`for_each`](Shared::for_each).
///
/// # Cancel safety
/// Any future may be dropped at any point. What was not sent yet may still be, and its answer is read away by the others. A
/// dropped statement that runs long is cancelled as soon as somebody waits for it and nobody's statement was sent behind
/// it: a CancelRequest names no statement, and might hit the one after it. For the same reason a
/// [`CancelToken`](crate::CancelToken) that was made before the connection was shared cancels whatever runs at that moment,
/// whose ever it is.
///
/// # What is not for it
/// SQL that changes the session (`set`, `listen`) changes it for all. Statements outside of a lease should leave it as
/// it is. A transaction that SQL begins there (`begin`) takes in what the other tasks run: all these calls end with an
/// error of kind `Usage`, and the transaction is undone.
#[derive(Debug, Clone)]
pub struct Shared {
    state: Arc<Mutex<State>>,
}

/// How long a call may leave its answer lying once it was woken, and how often the others look.
const PATIENCE: Duration = Duration::from_millis(50);

const WAITED: &str = "the connection was waited for, while others had it";

impl Shared {
    /// Shares a connection. Its settings, registry and statements stay as they are.
    pub fn new(client: Client) -> Shared {
        Shared { state: Arc::new(Mutex::new(State::new(client))) }
    }

    /// Runs an exchange, together with what the other tasks run.
    ///
    /// # Errors
    /// What the exchange ends with. One that needs the connection for longer than its answer (a stream, a COPY, a
    /// transaction) is refused: [`Shared::lease`] is for these.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point.
    pub async fn run<E: Exchange>(&self, exchange: E) -> Result<E::Output> {
        let limit = Limit::of(exchange.patience().or(self.lock().deadline()));
        match way(&exchange.about(), exchange.is_long())? {
            Way::Alone => {
                let mut lease = self.lease_within(limit).await?;
                lease.run(Under::new(exchange, Terms { limit: limit.left(), codecs: None })).await
            }
            Way::Together => Call::new(self, exchange).run(limit).await,
        }
    }

    /// The connection, for one task alone, as a full [`Session`](crate::Session): streams, COPY, transactions, whatever
    /// changes the session. It waits until all that was run before is answered.
    ///
    /// # Drop
    /// The connection is given back, as [`Lease`] says.
    ///
    /// # Errors
    /// The connection was closed, or others had it until the connection's deadline.
    ///
    /// # Cancel safety
    /// A dropped future gives up its place.
    pub async fn lease(&self) -> Result<Lease> {
        let limit = Limit::of(self.lock().deadline());
        self.lease_within(limit).await
    }

    async fn lease_within(&self, limit: Limit) -> Result<Lease> {
        let mut place = Place::new(self);
        loop {
            limit.check().map_err(|late| late.within(WAITED))?;
            let until = limit.or_after(place.ticket.patience());
            let client = poll_fn(|context| place.poll_alone(context));
            if let Some(client) = runtime::before(until, client).await {
                return Ok(Lease::new(client?, self.clone()));
            }
        }
    }

    /// Begins a transaction on a lease of its own, as [`Session::begin`](crate::Session::begin) does.
    ///
    /// # Drop
    /// It is rolled back, and the connection is given back.
    ///
    /// # Errors
    /// As [`Shared::lease`].
    pub async fn begin(&self) -> Result<SharedTransaction> {
        self.begin_with(pg_core::TransactionOptions::default()).await
    }

    /// Begins a transaction with an isolation level or modes.
    ///
    /// # Errors
    /// As [`Shared::lease`].
    pub async fn begin_with(&self, options: pg_core::TransactionOptions) -> Result<SharedTransaction> {
        SharedTransaction::begin(self.lease().await?, options).await
    }

    /// Whether the connection is known to be unusable. While it is leased, that is its holder's to say.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    /// Says farewell to the server, once all that was run before is answered. Other handles are told that it is closed.
    ///
    /// # Errors
    /// The link was lost before.
    pub async fn close(self) -> Result<()> {
        let client = self.lease().await?.keep();
        let mut wakes = Wakes::default();
        self.lock().end(&mut wakes);
        wakes.wake();
        match client {
            Some(client) => client.close().await,
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run for Shared {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        Shared::run(self, exchange).await
    }
}

/// How an exchange gets at the connection.
enum Way {
    /// It travels with others.
    Together,
    /// On a lease of its own.
    Alone,
}

fn way(about: &About<'_>, is_long: bool) -> Result<Way> {
    match about.kind {
        // Any statement may be among a batch's, such as a COPY, behind which nothing may have been sent.
        Kind::Batch | Kind::Many => Ok(Way::Alone),
        Kind::Query | Kind::Pipeline if is_long || about.takes_data() => Ok(Way::Alone),
        Kind::Query | Kind::Pipeline | Kind::Prepare | Kind::Types | Kind::Ping => Ok(Way::Together),
        kind => Err(Error::usage(format!("{kind:?} on a connection that is shared needs it for itself"))
            .hint("lease() it, or begin()")),
    }
}

/// A place among those who wait for the connection.
struct Place<'s> {
    shared: &'s Shared,
    ticket: Ticket,
}

impl Place<'_> {
    fn new(shared: &Shared) -> Place<'_> {
        Place { shared, ticket: Ticket::default() }
    }

    fn poll_alone(&mut self, context: &mut Context<'_>) -> Poll<Result<Client>> {
        let mut wakes = Wakes::default();
        let mut state = self.shared.lock();
        let client = state.admit(&mut self.ticket, true, context, &mut wakes, State::take_alone);
        drop(state);
        wakes.wake();
        client.transpose().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.ticket.is_held() {
            let mut wakes = Wakes::default();
            self.shared.lock().give_up(&mut self.ticket, &mut wakes);
            wakes.wake();
        }
    }
}

/// An exchange on its way.
struct Call<'s, E> {
    place: Place<'s>,
    exchange: Option<E>,
    operation: Option<Operation<E>>,
}

impl<'s, E: Exchange> Call<'s, E> {
    fn new(shared: &'s Shared, exchange: E) -> Call<'s, E> {
        Call { place: Place::new(shared), exchange: Some(exchange), operation: None }
    }

    async fn run(mut self, limit: Limit) -> Result<E::Output> {
        loop {
            let is_in_flight = self.operation.is_some();
            limit.check().map_err(|late| if is_in_flight { late } else { late.within(WAITED) })?;
            // Who else is to be polled may not be: then nobody would ever tell this call that its answer has come.
            let patience = if is_in_flight { PATIENCE } else { self.place.ticket.patience() };
            let answer = poll_fn(|context| self.poll(context));
            if let Some(answer) = runtime::before(limit.or_after(patience), answer).await {
                return answer;
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<E::Output>> {
        let mut wakes = Wakes::default();
        let shared = self.place.shared;
        let mut state = shared.lock();
        let polled = self.poll_in(&mut state, context, &mut wakes);
        drop(state);
        wakes.wake();
        polled
    }

    fn poll_in(
        &mut self,
        state: &mut State,
        context: &mut Context<'_>,
        wakes: &mut Wakes,
    ) -> Poll<Result<E::Output>> {
        let mut is_new = self.operation.is_none();
        if is_new {
            match state.admit(&mut self.place.ticket, false, context, wakes, State::take_room) {
                Ok(Some(())) => {}
                Ok(None) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
            self.operation = self.exchange.take().and_then(|exchange| state.start(exchange));
        }
        let Some(operation) = &mut self.operation else { return Poll::Pending };
        let number = operation.number();
        loop {
            let Some(link) = state.link() else { return Poll::Pending };
            let outcome = match link.connection.poll(operation) {
                Ok(None) => None,
                Ok(Some(output)) => Some(Ok(output)),
                Err(error) => Some(Err(error)),
            };
            if let Some(outcome) = outcome {
                let outcome = outcome.and_then(|output| state.check_ended().map(|()| output));
                self.operation = None;
                state.leave(number, wakes);
                return Poll::Ready(outcome);
            }
            if let Some(front) = link.connection.front().filter(|front| *front != number)
                && link.connection.has_news()
            {
                if state.call(front, wakes) == Called::Comes {
                    state.park(number, context.waker(), wakes);
                    return Poll::Pending;
                }
                if let Some(link) = state.link()
                    && let Err(error) = link.connection.set_aside()
                {
                    self.operation = None;
                    state.leave(number, wakes);
                    return Poll::Ready(Err(error));
                }
                continue;
            }
            if std::mem::take(&mut is_new) && state.has_others() {
                // Whoever is ready too queues what it has first.
                state.park(number, context.waker(), wakes);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(link) = state.link() else { return Poll::Pending };
            if link.poll_step(context).is_pending() {
                state.park(number, context.waker(), wakes);
                return Poll::Pending;
            }
        }
    }
}

impl<E> Drop for Call<'_, E> {
    fn drop(&mut self) {
        if let Some(operation) = &self.operation {
            let mut wakes = Wakes::default();
            self.place.shared.lock().forget(operation.number(), &mut wakes);
            wakes.wake();
        }
    }
}
