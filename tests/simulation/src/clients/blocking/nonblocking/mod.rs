//! The source of pg-blocking's non-blocking connection, compiled over the same socket. Whoever runs it polls it again only
//! when what it said that it waits for has come.

#[allow(dead_code, unreachable_pub, reason = "what only users call is here too")]
#[path = "../../../../../../pg-blocking/src/nonblocking/client.rs"]
mod client;
mod descriptor;
mod socket;
mod task;

use super::socket::{Ready, Socket};
use super::{CancelToken, Link};
use crate::clients::{Canceller, TIMES};
use crate::clock::Moment;
use crate::link::Net;
pub(crate) use client::Client;
use client::Line;
use pg_core::error::Result;
use pg_core::exchange::driving;
use pg_core::exchange::startup::Startup;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use task::Waits;

/// What polling came to: as the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled<T> {
    Ready(T),
    Read,
    Write,
}

impl<T> From<Ready> for Polled<T> {
    fn from(wanted: Ready) -> Polled<T> {
        if wanted == Ready::Write { Polled::Write } else { Polled::Read }
    }
}

/// Logs in, as `connect` does.
pub(crate) async fn log_in(
    net: &Net,
    connection: Connection,
    startup: Startup<'_>,
    deadline: Option<Moment>,
    gate: Gate,
) -> (Client, Result<()>) {
    let link = Link { connection, socket: Socket { net: net.clone() } };
    let mut line = Line { link, waits: Waits };
    let outcome = driving::log_in(&mut line, startup, deadline).await;
    let cancel = CancelToken { canceller: Canceller::new(net, &line.link.connection), gate };
    (Client::new(line, cancel, TIMES), outcome)
}

/// Whether it says that it can't be used any more.
pub(crate) fn is_closed(client: &Client) -> bool {
    client.line.link.connection.is_closed()
}
