//! One connection for many tasks: what they run travels together, without a task of its own.
//!
//! The rules. State stands behind a mutex that is held only between two awaits. Calls are written in the order in which
//! they were first polled, each whole, and answered in that order. Whoever is polled and finds nothing to take writes
//! what all have queued, and reads for all; who is next is woken when something of theirs came. A call that was just
//! queued lets the other tasks that are ready go first, so that one write carries what all of them have to say.
//!
//! The tests compile these files a second time, over a link and a clock that are imagined.

mod lease;
mod queries;
mod state;

use super::client::Client;
use super::runtime::{self, Instant};
use pg_core::error::{Error, Result};
use pg_core::exchange::operation::Operation;
use pg_core::exchange::{About, Exchange, Kind};
use pg_core::session::{Lifecycle, Run};
use state::{Admission, Called, State, Wakes};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

pub use lease::{Lease, SharedTransaction};

/// A handle of one connection for many tasks; cheap to clone.
///
/// What several tasks run at once travels together (implicit pipelining): few writes and reads carry many statements, and
/// nobody waits for another's round trip. Its methods are those of [`Session`](crate::Session) that need no connection of
/// their own, by `&self`; [`Run::run`] and [`pipeline`](pg_core::exchange::pipeline) make more. There is no background task:
/// whoever awaits does the I/O for all.
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
/// First come, first served. At most 256 calls, or 256 KiB that the link has not taken, are in flight; further calls wait.
/// [`lease`](Shared::lease) and [`begin`](Shared::begin) wait until those before them are answered, and hold up those after.
/// So do, for their own time: `batch_execute`, `execute_many`, and pipelines of more than 512 statements.
///
/// # Tasks that don't go on
/// A call that is kept and not polled doesn't stall the others for longer than 100 ms: then its answer is set aside. Of
/// such answers 1 MiB is kept in all; beyond, the call is given up and ends with an error. Streams, cursors and COPY belong
/// to a lease, whose holder stalls the others as long as it likes: read large results there, or by
/// [`for_each`](Shared::for_each).
///
/// # Cancel safety
/// Any future may be dropped at any point. What was not sent yet may still be, and its answer is read away by the others. A
/// dropped statement that runs long is cancelled as soon as somebody waits for it and nobody's statement was sent behind
/// it: a CancelRequest names no statement, and might hit the one after it.
///
/// A deadline ends a call as if it were dropped, with an error of kind `Timeout`.
///
/// # What is not for it
/// SQL that changes the session (`set`, `begin`, `listen`) changes it for all. Statements outside of a lease should leave it
/// as it is.
#[derive(Debug, Clone)]
pub struct Shared {
    state: Arc<Mutex<State>>,
}

/// How long a call may leave its answer lying once it was woken, and how often the others look.
const PATIENCE: Duration = Duration::from_millis(50);

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
        match way(&exchange.about(), exchange.is_long())? {
            Way::Alone => self.lease().await?.run(exchange).await,
            Way::Together => Call::new(self, exchange).run().await,
        }
    }

    /// The connection, for one task alone, as a full [`Session`](crate::Session): streams, COPY, transactions, whatever
    /// changes the session. It waits until all that was run before is answered.
    ///
    /// # Drop
    /// The connection is given back; what was left open or unread is settled by whoever comes next.
    ///
    /// # Errors
    /// The connection was closed.
    ///
    /// # Cancel safety
    /// A dropped future gives up its place.
    pub async fn lease(&self) -> Result<Lease> {
        let mut place = Place::new(self);
        loop {
            let admission = poll_fn(|context| place.poll(context, true)).await;
            match admission? {
                Admission::Lease(client) => return Ok(Lease::new(client, self.clone())),
                Admission::Settle(client) => Lease::new(client, self.clone()).settle().await?,
                Admission::Granted | Admission::Wait => {}
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
        _ if is_long || about.takes_data() => Ok(Way::Alone),
        Kind::Query | Kind::Pipeline | Kind::Prepare | Kind::Types | Kind::Ping => Ok(Way::Together),
        // Any statement may be among its own, such as a COPY, behind which nothing may have been sent.
        Kind::Batch => Ok(Way::Alone),
        kind => Err(Error::usage(format!("{kind:?} on a connection that is shared needs it for itself"))
            .hint("lease() it, or begin()")),
    }
}

/// A place among those who wait for the connection.
struct Place<'s> {
    shared: &'s Shared,
    ticket: Option<u64>,
}

impl Place<'_> {
    fn new(shared: &Shared) -> Place<'_> {
        Place { shared, ticket: None }
    }

    fn poll(&mut self, context: &Context<'_>, alone: bool) -> Poll<Result<Admission>> {
        let mut wakes = Wakes::default();
        let admission = self.shared.lock().admit(&mut self.ticket, alone, context.waker(), &mut wakes);
        wakes.wake();
        match admission {
            Ok(Admission::Wait) => Poll::Pending,
            other => Poll::Ready(other),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut wakes = Wakes::default();
            self.shared.lock().give_up(ticket, &mut wakes);
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

/// How far a call has come.
#[allow(clippy::large_enum_variant, reason = "moved once, and seldom")]
enum Progress<T> {
    Done(Result<T>),
    /// What others have left behind must be settled first.
    Settle(Client),
}

impl<'s, E: Exchange> Call<'s, E> {
    fn new(shared: &'s Shared, exchange: E) -> Call<'s, E> {
        Call { place: Place::new(shared), exchange: Some(exchange), operation: None }
    }

    async fn run(mut self) -> Result<E::Output> {
        let own = self.exchange.as_ref().and_then(Exchange::patience);
        let limit = own.or_else(|| self.place.shared.lock().deadline());
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            if let (Some(limit), true) = (limit, deadline.is_some_and(|deadline| Instant::now() >= deadline))
            {
                return Err(Error::late(limit, None));
            }
            // Who else is to be polled may not be: then nobody would ever tell this call that its answer has come.
            let patience = Instant::now().checked_add(PATIENCE).into_iter().chain(deadline).min();
            match runtime::before(patience, poll_fn(|context| self.poll(context))).await {
                Some(Progress::Done(outcome)) => return outcome,
                Some(Progress::Settle(client)) => {
                    Lease::new(client, self.place.shared.clone()).settle().await?;
                }
                None => {}
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Progress<E::Output>> {
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
    ) -> Poll<Progress<E::Output>> {
        let mut is_new = false;
        let operation = match (&mut self.operation, self.exchange.take()) {
            (Some(operation), _) => operation,
            (none, Some(exchange)) => {
                match state.admit(&mut self.place.ticket, false, context.waker(), wakes) {
                    Ok(Admission::Granted) => {}
                    Ok(Admission::Settle(client) | Admission::Lease(client)) => {
                        self.exchange = Some(exchange);
                        return Poll::Ready(Progress::Settle(client));
                    }
                    Ok(Admission::Wait) => {
                        self.exchange = Some(exchange);
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(Progress::Done(Err(error))),
                }
                let Some(operation) = state.start(exchange) else { return Poll::Pending };
                is_new = true;
                none.insert(operation)
            }
            (None, None) => return Poll::Pending,
        };
        let number = operation.number();
        loop {
            let Some(link) = state.link() else { return Poll::Pending };
            let outcome = match link.connection.poll(operation) {
                Ok(None) => None,
                Ok(Some(output)) => Some(Ok(output)),
                Err(error) => Some(Err(error)),
            };
            if let Some(outcome) = outcome {
                self.operation = None;
                state.leave(number, wakes);
                return Poll::Ready(Progress::Done(outcome));
            }
            if let Some(front) = link.connection.front().filter(|front| *front != number)
                && link.connection.has_news()
            {
                if state.call(front, wakes) == Called::Comes {
                    state.park(number, context.waker());
                    return Poll::Pending;
                }
                if let Some(link) = state.link()
                    && let Err(error) = link.connection.set_aside()
                {
                    self.operation = None;
                    state.leave(number, wakes);
                    return Poll::Ready(Progress::Done(Err(error)));
                }
                continue;
            }
            if std::mem::take(&mut is_new) && state.has_others() {
                // Whoever is ready too queues what it has first.
                state.park(number, context.waker());
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(link) = state.link() else { return Poll::Pending };
            if link.poll_step(context).is_pending() {
                state.park(number, context.waker());
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
