//! The clients: the very source of both crates' loops, of the non-blocking connection, and of the rule by which they
//! settle what dropped calls left. Only the sockets, the clock and the way of a CancelRequest are imagined.

pub(super) mod asynchronous;
mod blocking;

use super::clock::{Moment, SECOND};
use super::link::Net;
use asynchronous::runtime;
use blocking::nonblocking;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::driving::{self, Times};
use pg_core::exchange::startup::Startup;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::conversation::CancelKey;
use pg_core::protocol::gate::{Gate, Passage};
use pg_core::session::{Lifecycle, Run, Session};
use std::time::Duration;

/// Which client it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// It waits inside its calls, which are complete at their first poll.
    Blocking,
    /// Its futures are pending while they wait.
    Async,
    /// The same, and it says what it waits for.
    NonBlocking,
}

impl Flavour {
    pub(super) const ALL: [Flavour; 3] = [Flavour::Blocking, Flavour::Async, Flavour::NonBlocking];
}

/// One of the clients, over the simulated link.
#[derive(Debug)]
pub(super) enum Client {
    Blocking(blocking::Raw),
    Async(asynchronous::Client),
    NonBlocking(nonblocking::Client),
}

const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);
/// As the clients have it.
pub(super) const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
const TIMES: Times = Times { drain: DRAIN_TIMEOUT, cancel: CANCEL_TIMEOUT };

impl Client {
    /// Logs in within a deadline, as `connect_timeout` is one. After an error there is a client too, whose connection
    /// is closed: the real ones drop it.
    pub(super) async fn log_in(
        net: &Net,
        flavour: Flavour,
        connection: Connection,
        startup: Startup<'_>,
    ) -> (Client, Result<()>) {
        let deadline = Some(Moment::now() + 30 * SECOND);
        let gate = Gate::default();
        let (mut client, outcome) = match flavour {
            Flavour::Blocking => {
                let mut link = blocking::Link { connection, socket: blocking::Socket { net: net.clone() } };
                let outcome = driving::log_in(&mut link, startup, deadline).await;
                let canceller = Canceller::new(net, &link.connection);
                let cancel = blocking::CancelToken { canceller, gate: gate.clone() };
                (Client::Blocking(blocking::Raw { link, cancel, times: TIMES }), outcome)
            }
            Flavour::Async => {
                let mut link =
                    asynchronous::Link { connection, socket: runtime::Socket { net: net.clone() } };
                let late = || Err(Error::new(ErrorKind::Timeout, "the server did not answer in time"));
                let outcome = runtime::before(deadline, driving::log_in(&mut link, startup, None))
                    .await
                    .unwrap_or_else(late);
                let canceller = Canceller::new(net, &link.connection);
                let cancel = asynchronous::CancelToken { canceller, gate: gate.clone() };
                (Client::Async(asynchronous::Client { link, cancel, times: TIMES }), outcome)
            }
            Flavour::NonBlocking => {
                let (client, outcome) =
                    nonblocking::log_in(net, connection, startup, deadline, gate.clone()).await;
                (Client::NonBlocking(client), outcome)
            }
        };
        if let Err(error) = &outcome {
            client.connection().handle_failure(Error::new(ErrorKind::Closed, error.to_string()));
        } else if let Some(request) = client.connection().cancel_key().and_then(|key| key.request().ok()) {
            net.world().hand_out_token(gate, request);
        }
        (client, outcome)
    }

    /// Whether it says that it can't be used any more.
    pub(super) fn says_closed(&self) -> bool {
        match self {
            Client::NonBlocking(client) => nonblocking::is_closed(client),
            Client::Blocking(client) => client.link.connection.is_closed(),
            Client::Async(client) => client.link.connection.is_closed(),
        }
    }

    /// Says farewell.
    pub(super) async fn close(self) -> Result<()> {
        match self {
            Client::Blocking(client) => client.close().await,
            Client::Async(client) => client.close().await,
            Client::NonBlocking(client) => client.close().await,
        }
    }
}

impl Run for Client {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        match self {
            Client::Blocking(client) => client.run(exchange).await,
            Client::Async(client) => client.run(exchange).await,
            Client::NonBlocking(client) => client.run(exchange).await,
        }
    }
}

impl Session for Client {
    fn connection(&mut self) -> &mut Connection {
        match self {
            Client::Blocking(client) => client.connection(),
            Client::Async(client) => client.connection(),
            Client::NonBlocking(client) => client.connection(),
        }
    }

    fn nudge(&mut self) {
        match self {
            Client::Blocking(client) => client.nudge(),
            Client::Async(client) => client.nudge(),
            Client::NonBlocking(client) => client.nudge(),
        }
    }
}

/// What a CancelRequest is sent with; it goes on by itself.
#[derive(Debug, Clone)]
pub(crate) struct Canceller {
    net: Net,
    key: Option<CancelKey>,
}

impl Canceller {
    fn new(net: &Net, connection: &Connection) -> Canceller {
        Canceller { net: net.clone(), key: connection.cancel_key().cloned() }
    }

    /// Sends a request; gives its number.
    fn send(&self, passage: Passage) -> Result<u64> {
        match self.key.as_ref().map(CancelKey::request) {
            Some(Ok(request)) => Ok(self.net.world().cancel(request, passage)),
            _ => {
                passage.arrived();
                Err(Error::usage("the server gave no key to cancel with"))
            }
        }
    }

    /// What became of it; `None` while it is on its way.
    fn outcome(&self, number: u64, deadline: Option<Moment>) -> Option<Result<()>> {
        let mut world = self.net.world();
        if !world.is_cancelling(number) {
            return Some(Ok(()));
        }
        if deadline.is_some_and(|deadline| world.now >= deadline) {
            world.give_cancel_up(number);
            return Some(Err(Error::new(ErrorKind::Timeout, "the statement could not be cancelled in time")));
        }
        None
    }
}
