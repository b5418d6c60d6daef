//! From settings to a session that is logged in: hosts and addresses in order, each with TLS and without as far as that is
//! allowed. Written once; a client brings what opens a socket and runs the login over it.

use crate::config::host::Host;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::exchange::connect::{self, Attempts, Encryption, Place};
use crate::exchange::startup::{Credentials, Startup, Tls};
use crate::protocol::connection::Connection;
use std::future::Future;
use std::net::SocketAddr;

/// What a client brings.
pub trait Dialer: Send {
    /// A session that is logged in.
    type Session: Send;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// The system has none.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;

    /// The addresses of a host; one `None` for a Unix socket.
    fn addresses(&mut self, host: &Host) -> impl Future<Output = Result<Vec<Option<SocketAddr>>>> + Send;

    /// Opens a socket there, and runs the login of `connection` over it. `tls` is what was asked for.
    fn log_in(
        &mut self,
        place: &Place,
        connection: Connection,
        startup: Startup<'_>,
        tls: Option<Tls>,
    ) -> impl Future<Output = Result<Self::Session>> + Send;
}

/// Who logs in, where to, and how.
#[derive(Debug)]
pub struct Target<'s> {
    /// The settings.
    pub settings: &'s Settings,
    /// The hosts, in order.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// Whether and how TLS is asked for.
    pub encryption: Encryption,
}

/// Tries all hosts and addresses in order; what failed is noted in `attempts`.
///
/// # Errors
/// What no other host would do better; all of them failed; a timeout, at once.
pub async fn any_host<D: Dialer>(
    dialer: &mut D,
    target: &Target<'_>,
    attempts: &mut Attempts,
) -> Result<D::Session> {
    for host in &target.hosts {
        attempts.trying(host);
        let addresses = match dialer.addresses(host).await {
            Ok(addresses) => addresses,
            Err(error) if error.is_timeout() => return Err(error),
            Err(error) => {
                attempts.failed(error)?;
                continue;
            }
        };
        for address in addresses {
            let place = Place { host: host.clone(), address, tcp: target.settings.tcp() };
            attempts.trying(&place);
            match one_place(dialer, target, &place).await {
                Ok(session) => return Ok(session),
                Err(error) if error.is_timeout() => return Err(error),
                Err(error) => attempts.failed(error)?,
            }
        }
    }
    Err(std::mem::take(attempts).give_up())
}

/// TLS if it is wanted and then login; an attempt that failed over TLS is followed by one without, where that is allowed.
async fn one_place<D: Dialer>(dialer: &mut D, target: &Target<'_>, place: &Place) -> Result<D::Session> {
    let Target { settings, user, database, encryption, .. } = target;
    let mut failed = None;
    for tls in encryption.attempts(&place.host) {
        let credentials = Credentials {
            user: user.clone(),
            database: database.clone(),
            nonce: connect::nonce(|bytes| dialer.fill(bytes))?,
            unix_socket: matches!(place.host, Host::Unix { .. }),
            tls: tls.clone(),
        };
        let connection = Connection::new(
            settings.statement_cache_capacity(),
            settings.message_limits(),
            settings.registry().clone(),
            connect::scope(settings, &place.host, user, database),
        );
        let startup = Startup::new(settings, credentials);
        match dialer.log_in(place, connection, startup, tls.clone()).await {
            Err(error) if tls.is_some() && encryption.may_go_without(&error) => failed = Some(error),
            Err(error) => return Err(connect::without_tls_too(failed, error)),
            Ok(session) => return Ok(session),
        }
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}
