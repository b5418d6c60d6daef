//! Connecting as a task: name resolution, TCP, TLS and login, none of which waits in the caller's thread.

use super::client::{Client, Line};
use super::socket;
use super::task::{Task, Waits};
use crate::cancel::CancelToken;
use crate::connect::{Connect, target};
use crate::driver::Link;
use pg_core::config::Config;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::Result;
use pg_core::exchange::cancel::Route;
use pg_core::exchange::connect::Attempts;
use pg_core::exchange::dial::{Attempt, Dialer, any_host};
use pg_core::exchange::driving::{self, Times};
use pg_core::protocol::gate::Gate;
use std::net::SocketAddr;
use std::time::Instant;

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
    let mut dialer = Dial { waits, deadline };
    match any_host(&mut dialer, &target, &mut attempts).await {
        Err(error) if error.is_timeout() => Err(attempts.timed_out(settings)),
        other => other,
    }
}

struct Dial {
    waits: Waits,
    deadline: Option<Instant>,
}

impl Dialer for Dial {
    type Session = Client;

    async fn addresses(&mut self, host: &Host) -> Result<Vec<Option<SocketAddr>>> {
        socket::addresses(host, &self.waits, self.deadline).await
    }

    async fn log_in(&mut self, attempt: Attempt<'_>) -> Result<Client> {
        let Attempt { settings, place, connection, startup, tls } = attempt;
        let socket = socket::open(&place, &self.waits, self.deadline).await?;
        let mut line = Line { link: Link { connection, socket }, waits: self.waits.clone() };
        driving::log_in(&mut line, startup, self.deadline).await?;
        let route = Route::to(place, &line.link.connection, tls);
        Ok(Client::new(line, CancelToken { route, gate: Gate::default() }, Times::of(settings)))
    }
}
