//! Connecting as a task: name resolution, TCP, TLS and login, none of which waits in the caller's thread.

use super::client::{Client, Times};
use super::socket;
use super::task::{Task, Waits};
use crate::cancel::CancelToken;
use crate::connect::{Connect, target};
use crate::driver::Link;
use pg_core::config::Config;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect::{Attempts, Place};
use pg_core::exchange::dial::{Dialer, any_host};
use pg_core::exchange::startup::{Startup, Tls};
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

/// Connects: a task that gives the [`Client`]. Nothing is done before it is first polled.
///
/// # Errors
/// By polling: those of [`Config::connect`](pg_core::config::Config::connect).
pub fn connect(config: &Config<Connect>) -> Task<Client> {
    connect_by(config.settings())
}

pub(crate) fn connect_by(settings: &Settings) -> Task<Client> {
    let settings = settings.clone();
    let waits = Waits::default();
    Task::new(waits.clone(), async move { connect_within(&settings, waits).await })
}

async fn connect_within(settings: &Settings, waits: Waits) -> Result<Client> {
    let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
    let mut attempts = Attempts::default();
    let target = target(settings)?;
    let times = Times { drain_timeout: settings.drain_timeout(), cancel_timeout: settings.cancel_timeout() };
    let mut dialer = Dial { waits, deadline, call_deadline: settings.deadline(), times };
    match any_host(&mut dialer, &target, &mut attempts).await {
        Err(error) if error.is_timeout() => Err(attempts.timed_out(settings)),
        other => other,
    }
}

struct Dial {
    waits: Waits,
    deadline: Option<Instant>,
    call_deadline: Option<Duration>,
    times: Times,
}

impl Dialer for Dial {
    type Session = Client;

    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes)
            .map_err(|e| Error::new(ErrorKind::Io, format!("the system has no random bytes: {e}")))
    }

    async fn addresses(&mut self, host: &Host) -> Result<Vec<Option<SocketAddr>>> {
        socket::addresses(host, &self.waits, self.deadline).await
    }

    async fn log_in(
        &mut self,
        place: &Place,
        mut connection: Connection,
        startup: Startup<'_>,
        tls: Option<Tls>,
    ) -> Result<Client> {
        connection.set_clock(SystemTime::now);
        let socket = socket::open(place, &self.waits, self.deadline).await?;
        let cancel = CancelToken { place: place.clone(), key: None, tls: None, gate: Gate::default() };
        let link = Link { connection, socket };
        let mut client = Client::new(link, cancel, self.waits.clone(), self.times);
        if let Err(error) = client.drive(startup, self.deadline).await {
            if error.kind() == ErrorKind::Tls {
                // The alert that tells the server's log why.
                client.link.nudge();
            }
            return Err(error);
        }
        client.link.connection.set_deadline(self.call_deadline);
        client.cancel.key = client.link.connection.cancel_key().cloned();
        client.cancel.tls = tls.filter(|_| client.link.connection.is_encrypted());
        Ok(client)
    }
}
