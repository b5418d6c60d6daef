//! A call's way over a link, from its first byte to its last. What dropped calls left is settled before it; one that is
//! late, or whose wait was interrupted, is cancelled and gone on with, so that what the server had done is not told as
//! undone. Written once; a client brings the link, the clock, and the way of a CancelRequest.

use super::Exchange;
use super::operation::Operation;
use super::startup::Startup;
use crate::config::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::Connection;
use crate::protocol::gate::Gate;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A connection's link, which goes on by steps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no link that a connection goes over",
    note = "pg_blocking and pg_async bring theirs: connect by their `Config`"
)]
pub trait Steps: Send {
    /// A moment of its clock.
    type Moment: Copy + Ord + Send;

    /// What a wait keeps between its polls.
    type Timer: Default + Send;

    /// What time it is.
    fn now() -> Self::Moment;

    /// The moment that is so far ahead; `None` if that is too far to be told.
    fn after(time: Duration) -> Option<Self::Moment>;

    /// What goes over it.
    fn connection(&mut self) -> &mut Connection;

    /// Sends what waits and reads once; false if the deadline came first, which it has even where there is something to
    /// read. A failed link is told by the connection's next poll.
    ///
    /// # Errors
    /// The wait was interrupted. The link is as it was.
    fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        deadline: Option<Self::Moment>,
        timer: &mut Self::Timer,
    ) -> Poll<Result<bool>>;

    /// Reads what is there, without waiting for it.
    fn look(&mut self) -> impl Future<Output = ()> + Send;

    /// One attempt to send what waits.
    fn nudge(&mut self);
}

/// A session's link, and what settles the calls that were dropped or are late.
#[diagnostic::on_unimplemented(
    message = "`{Self}` settles no dropped calls",
    note = "the sessions of pg_blocking and pg_async do: connect by their `Config`"
)]
pub trait Settles: Send {
    /// The link.
    type Link: Steps;

    /// The link.
    fn link(&mut self) -> &mut Self::Link;

    /// How long is waited for what was dropped or is late.
    fn times(&self) -> Times;

    /// Where its CancelRequests pass.
    fn gate(&self) -> &Gate;

    /// Waits until no CancelRequest is on its way, which may hit whatever comes next; false if the deadline came first.
    ///
    /// # Errors
    /// One was lost.
    fn wait_open(&mut self, deadline: Option<Moment<Self>>) -> impl Future<Output = Result<bool>> + Send;

    /// Sends a CancelRequest, and waits until the server has passed it on.
    ///
    /// # Errors
    /// Whatever keeps it from arriving before the deadline.
    fn cancel(&mut self, deadline: Option<Moment<Self>>) -> impl Future<Output = Result<()>> + Send;

    /// Lets time pass.
    ///
    /// # Errors
    /// The wait was interrupted.
    fn sleep(&mut self, time: Duration) -> impl Future<Output = Result<()>> + Send;

    /// Whether waits go the plain way meanwhile, and not the user's.
    fn wait_plainly(&mut self, plainly: bool) {
        let _ = plainly;
    }
}

/// A moment of a client's clock.
pub type Moment<C> = <<C as Settles>::Link as Steps>::Moment;

/// How long is waited for what dropped or late calls left.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Until what was dropped is cancelled.
    pub drain: Duration,
    /// From then on, or from a deadline on, until the connection is given up.
    pub cancel: Duration,
}

impl Times {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Times {
        Times { drain: settings.drain_timeout(), cancel: settings.cancel_timeout() }
    }
}

/// How long the server may take to end what was cancelled before it is asked again: a request that came before its
/// statement has done nothing.
const CANCEL_AGAIN: Duration = Duration::from_millis(500);

/// How far an operation went.
enum Went<T> {
    Done(T),
    Late,
    Interrupted(Error),
}

/// Why an operation is cut off.
enum Why {
    Late(Duration),
    Interrupted(Error),
}

impl Why {
    /// What the call says; `beneath` is what the server said, or what kept it from being asked.
    fn told(self, beneath: Option<Error>) -> Error {
        match self {
            Why::Late(limit) => Error::late(limit, beneath),
            Why::Interrupted(error) => error,
        }
    }
}

/// Runs an exchange over a session's link: what [`Run::run`](crate::run::Run::run) is in a client.
///
/// # Errors
/// What the exchange ends with; of kind `Timeout` if it took longer than it may, of kind `Interrupted` if a wait was.
// Its operation is made before the block and captured by it: a parameter of an async function is kept beside the variable
// that it becomes, which makes each call's future twice as long to move.
#[inline(always)]
pub fn run<C: Settles, E: Exchange>(
    client: &mut C,
    exchange: E,
) -> impl Future<Output = Result<E::Output>> + Send {
    let mut operation = Operation::of(exchange);
    async move {
        if E::SLEEPS {
            return Box::pin(sleep(client, operation)).await;
        }
        let connection = client.link().connection();
        let limit = operation.patience().or(connection.deadline().filter(|_| !E::WAITS));
        let is_settled = E::PEEK || {
            connection.abandon();
            connection.is_idle() && client.gate().is_open()
        };
        // What came before is told without a look at the clock, which would cost as much as the telling.
        if E::WAITS && is_settled {
            let connection = client.link().connection();
            connection.begin(&mut operation);
            if let Some(output) = connection.poll(&mut operation)? {
                return Ok(output);
            }
        }
        let deadline = limit.and_then(C::Link::after);
        if !is_settled && !Box::pin(settle(client, deadline)).await? {
            if !E::WAITS {
                return Err(Error::late(limit.unwrap_or_default(), None));
            }
            // What only waits is complete when its time is over, whatever took it. It isn't prepared: what is still
            // owed may be a ROLLBACK.
            let connection = client.link().connection();
            connection.begin(&mut operation);
            return connection.give_up(&mut operation);
        }
        client.link().connection().begin(&mut operation);
        let look = |connection: &mut Connection| connection.poll(&mut operation);
        match Stepping::until(client.link(), deadline, look).await? {
            Went::Done(output) => Ok(output),
            Went::Late if E::WAITS => Box::pin(end_wait(client.link(), operation)).await,
            Went::Late => Box::pin(cut_off(client, operation, Why::Late(limit.unwrap_or_default()))).await,
            // It has asked for nothing and taken nothing.
            Went::Interrupted(error) if E::WAITS => Err(error),
            Went::Interrupted(error) => Box::pin(cut_off(client, operation, Why::Interrupted(error))).await,
        }
    }
}

/// Runs an exchange over a link alone: a login, a CancelRequest.
///
/// # Errors
/// What the exchange ends with; of kind `Timeout` if the deadline came first.
pub async fn drive<L: Steps, E: Exchange>(
    link: &mut L,
    exchange: E,
    deadline: Option<L::Moment>,
) -> Result<E::Output> {
    let mut operation = link.connection().start(exchange);
    match go_on(link, &mut operation, deadline).await? {
        Went::Done(output) => Ok(output),
        Went::Late => Err(Error::new(ErrorKind::Timeout, "the server did not answer in time")),
        Went::Interrupted(error) => Err(error),
    }
}

/// Says farewell to the server, in one attempt to send it.
///
/// # Errors
/// It could not be sent.
pub fn take_leave<L: Steps>(link: &mut L) -> Result<()> {
    link.connection().terminate();
    link.nudge();
    if link.connection().wants_write() {
        return Err(Error::new(ErrorKind::Io, "the farewell could not be sent: the link is full or lost"));
    }
    Ok(())
}

/// Logs in over a link.
///
/// # Errors
/// Those of the login. The server is told of one that concerns TLS.
pub async fn log_in<L: Steps>(link: &mut L, startup: Startup<'_>, deadline: Option<L::Moment>) -> Result<()> {
    let outcome = drive(link, startup, deadline).await;
    if matches!(&outcome, Err(error) if error.kind() == ErrorKind::Tls) {
        // The alert that tells the server's log why.
        link.nudge();
    }
    outcome
}

/// Reads what the server still owes to dropped calls; cancels the statement if that takes too long. Whether there is
/// time left.
///
/// # Errors
/// The connection was closed; the wait was interrupted, and what was dropped is settled all the same.
#[cold]
pub async fn settle<C: Settles>(client: &mut C, deadline: Option<Moment<C>>) -> Result<bool> {
    // A request on its way may hit whatever comes next.
    match client.wait_open(deadline).await {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(error) => client.link().connection().handle_failure(error),
    }
    let until = earlier::<C::Link>(deadline, client.times().drain);
    match drain(client.link(), until).await? {
        Went::Done(()) => {}
        Went::Late => cut_short(client).await?,
        Went::Interrupted(error) => return cut_short(client).await.and(Err(error)),
    }
    Ok(is_ahead::<C::Link>(deadline))
}

async fn sleep<C: Settles, E: Exchange>(client: &mut C, mut operation: Operation<E>) -> Result<E::Output> {
    client.sleep(operation.patience().unwrap_or_default()).await?;
    let connection = client.link().connection();
    connection.begin(&mut operation);
    connection.give_up(&mut operation)
}

/// Goes on with an operation to its end, or to the deadline.
async fn go_on<L: Steps, E: Exchange>(
    link: &mut L,
    operation: &mut Operation<E>,
    deadline: Option<L::Moment>,
) -> Result<Went<E::Output>> {
    Stepping::until(link, deadline, |connection| poll_again(connection, operation)).await
}

/// [`Connection::poll`], which is inlined where a call begins, and only there.
#[inline(never)]
fn poll_again<E: Exchange>(
    connection: &mut Connection,
    operation: &mut Operation<E>,
) -> Result<Option<E::Output>> {
    connection.poll(operation)
}

/// Looks for something, and steps as long as it isn't there. No async block, which costs each call a hundred instructions.
struct Stepping<'l, L: Steps, F> {
    link: &'l mut L,
    deadline: Option<L::Moment>,
    look: F,
    timer: L::Timer,
    is_waiting: bool,
}

impl<L: Steps, F> Unpin for Stepping<'_, L, F> {}

impl<'l, L: Steps, F> Stepping<'l, L, F> {
    #[inline(always)]
    fn until<T>(link: &'l mut L, deadline: Option<L::Moment>, look: F) -> Self
    where
        F: FnMut(&mut Connection) -> Result<Option<T>>,
    {
        Stepping { link, deadline, look, timer: L::Timer::default(), is_waiting: false }
    }
}

impl<L: Steps, T, F: FnMut(&mut Connection) -> Result<Option<T>>> Future for Stepping<'_, L, F> {
    type Output = Result<Went<T>>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Went<T>>> {
        let this = self.get_mut();
        loop {
            if !this.is_waiting
                && let Some(found) = (this.look)(this.link.connection())?
            {
                return Poll::Ready(Ok(Went::Done(found)));
            }
            let step = this.link.poll_step(context, this.deadline, &mut this.timer);
            this.is_waiting = step.is_pending();
            match ready!(step) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(Went::Late)),
                Err(error) => return Poll::Ready(Ok(Went::Interrupted(error))),
            }
        }
    }
}

/// The time of an exchange that waits is over; what came before that counts, however short it was.
async fn end_wait<L: Steps, E: Exchange>(link: &mut L, mut operation: Operation<E>) -> Result<E::Output> {
    link.look().await;
    match poll_again(link.connection(), &mut operation)? {
        Some(output) => Ok(output),
        None => link.connection().give_up(&mut operation),
    }
}

/// Reads what is owed to nobody.
async fn drain<L: Steps>(link: &mut L, deadline: Option<L::Moment>) -> Result<Went<()>> {
    Stepping::until(link, deadline, |connection| Ok(connection.poll_abandoned()?.then_some(()))).await
}

/// Cancels what runs for nobody and reads it to its end.
async fn cut_short<C: Settles>(client: &mut C) -> Result<()> {
    let mut client = Plainly::waiting(client);
    let until = C::Link::after(client.times().cancel);
    let mut refused = None;
    while is_ahead::<C::Link>(until) {
        refused = client.cancel(until).await.err();
        match drain(client.link(), earlier::<C::Link>(until, CANCEL_AGAIN)).await? {
            Went::Done(()) => return Ok(()),
            Went::Late => {}
            Went::Interrupted(error) => return Err(error),
        }
    }
    let connection = client.link().connection();
    connection.handle_failure(match refused {
        None => Error::new(
            ErrorKind::Timeout,
            "the server did not finish a dropped statement, even though it was cancelled",
        ),
        Some(refused) => Error::new(ErrorKind::Timeout, "the server did not finish a dropped statement")
            .with_source(refused),
    });
    connection.poll_abandoned().map(|_| ())
}

/// Cancels an operation and goes on with it: what the server had done is not told as undone.
#[cold]
async fn cut_off<C: Settles, E: Exchange>(
    client: &mut C,
    mut operation: Operation<E>,
    why: Why,
) -> Result<E::Output> {
    let mut client = Plainly::waiting(client);
    if E::PEEK {
        // What is read on belongs to an earlier operation.
        client.link().connection().abandon();
        cut_short(&mut *client).await?;
        return Err(why.told(None));
    }
    let until = C::Link::after(client.times().cancel);
    let mut refused = None;
    while is_ahead::<C::Link>(until) {
        refused = client.cancel(until).await.err();
        match go_on(client.link(), &mut operation, earlier::<C::Link>(until, CANCEL_AGAIN)).await {
            Ok(Went::Late) => {}
            Ok(Went::Done(output)) => {
                let connection = client.link().connection();
                // What was done when the link was lost is done, though the server never was ready for more.
                if connection.is_idle() || connection.is_closed() {
                    return Ok(output);
                }
                // It has only begun.
                connection.abandon();
                cut_short(&mut *client).await?;
                return Err(why.told(None));
            }
            Err(error) if error.is_cancelled() => return Err(why.told(Some(error))),
            Ok(Went::Interrupted(error)) | Err(error) => return Err(error),
        }
    }
    let connection = client.link().connection();
    connection.handle_failure(why.told(refused).within("the server did not answer"));
    poll_again(connection, &mut operation)?
        .ok_or_else(|| Error::new(ErrorKind::Closed, "the connection is closed"))
}

/// The deadline, or the end of `time` from now on, if that comes first. What is too far ahead is none.
fn earlier<L: Steps>(deadline: Option<L::Moment>, time: Duration) -> Option<L::Moment> {
    deadline.into_iter().chain(L::after(time)).min()
}

fn is_ahead<L: Steps>(deadline: Option<L::Moment>) -> bool {
    deadline.is_none_or(|deadline| L::now() < deadline)
}

/// A client that waits in the plain way until this is dropped: what failed or is late already is neither interrupted
/// again nor kept waiting by whoever interrupted it.
struct Plainly<'c, C: Settles>(&'c mut C);

impl<'c, C: Settles> Plainly<'c, C> {
    fn waiting(client: &'c mut C) -> Self {
        client.wait_plainly(true);
        Plainly(client)
    }
}

impl<C: Settles> Drop for Plainly<'_, C> {
    fn drop(&mut self) {
        self.0.wait_plainly(false);
    }
}

impl<C: Settles> Deref for Plainly<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.0
    }
}

impl<C: Settles> DerefMut for Plainly<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        self.0
    }
}
