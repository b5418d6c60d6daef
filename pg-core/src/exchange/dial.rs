//! From settings to a session that is logged in: hosts and addresses in order, each with TLS and without as far as that is
//! allowed. Written once; a client brings what opens a socket and runs the login over it.

use crate::config::host::Host;
use crate::config::settings::Settings;
use crate::config::ssl::SslMode;
use crate::error::{Error, Result};
use crate::exchange::connect::{self, Attempts, Encryption, Place};
use crate::exchange::startup::{Credentials, Startup, Tls};
use crate::protocol::connection::Connection;
use std::future::Future;
use std::net::SocketAddr;
use std::time::SystemTime;

/// What a client brings.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't open connections",
    note = "pg_blocking and pg_async bring what can: connect by their `Config`"
)]
pub trait Dialer: Send {
    /// A session that is logged in.
    type Session: Send;

    /// The addresses of a host; one `None` for a Unix socket.
    fn addresses(&mut self, host: &Host) -> impl Future<Output = Result<Vec<Option<SocketAddr>>>> + Send;

    /// Opens a socket, and [logs in](crate::exchange::driving::log_in) over it.
    fn log_in(&mut self, attempt: Attempt<'_>) -> impl Future<Output = Result<Self::Session>> + Send;
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
    /// The client's clock.
    pub clock: fn() -> SystemTime,
    /// Gives a [nonce](connect::nonce).
    pub nonce: fn() -> Result<String>,
}

/// One login at one place.
#[derive(Debug)]
pub struct Attempt<'s> {
    /// The settings.
    pub settings: &'s Settings,
    /// Where.
    pub place: Place,
    /// A new connection.
    pub connection: Connection,
    /// What to run on it.
    pub startup: Startup<'s>,
    /// TLS, if it is asked for.
    pub tls: Option<Tls>,
}

impl<'s> Target<'s> {
    /// A login at `place`; `is_local` says that nobody can listen to what is sent there.
    fn attempt(&self, place: Place, tls: Option<Tls>, is_local: bool) -> Result<Attempt<'s>> {
        let Target { settings, user, database, .. } = self;
        let credentials = Credentials {
            user: user.clone(),
            database: database.clone(),
            nonce: (self.nonce)()?,
            unix_socket: is_local,
            tls: tls.clone(),
        };
        let mut connection = Connection::new(
            settings.statement_cache_capacity(),
            settings.message_limits(),
            settings.registry().clone(),
            connect::scope(settings, &place.host, user, database),
        );
        connection.set_clock(self.clock);
        connection.set_deadline(settings.deadline());
        Ok(Attempt { settings, place, connection, startup: Startup::new(settings, credentials), tls })
    }
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
    let encryption = &target.encryption;
    let is_local = matches!(place.host, Host::Unix { .. });
    let mut failed = None;
    for tls in encryption.attempts(&place.host) {
        let asks_for_tls = tls.is_some();
        match dialer.log_in(target.attempt(place.clone(), tls, is_local)?).await {
            Err(error) if asks_for_tls && encryption.may_go_without(&error) => failed = Some(error),
            Err(error) => return Err(connect::without_tls_too(failed, error)),
            Ok(session) => return Ok(session),
        }
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}

/// The login over a link that stands already, wherever it goes: the first host gives the name that TLS checks. It
/// counts as one that others can listen to, so that no password goes over it in clear but by
/// [`allow_cleartext_password`](crate::Config::allow_cleartext_password).
///
/// # Errors
/// TLS is demanded, and no host gives a name to check.
pub fn over_link<'s>(target: &Target<'s>) -> Result<Attempt<'s>> {
    let Some(host) = target.hosts.first() else {
        return Err(Error::config("no host is named"));
    };
    let mode = target.settings.ssl_mode();
    if matches!(host, Host::Unix { .. }) && mode > SslMode::Prefer {
        return Err(Error::config(format!(
            "sslmode={mode} is set, and no host is named that the server's certificate could be checked for"
        ))
        .hint("name the server that the stream leads to, as in host=db.example.com"));
    }
    let place = Place { host: host.clone(), address: host.numeric_address(), tcp: target.settings.tcp() };
    let tls = target.encryption.attempts(host).into_iter().next().flatten();
    target.attempt(place, tls, false)
}
