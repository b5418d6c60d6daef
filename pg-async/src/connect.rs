//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::{CancelToken, Place};
use crate::client::Client;
use crate::driver::Link;
use crate::runtime::{self, Socket};
use pg_core::auth::scram;
use pg_core::config::Connector;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect;
use pg_core::exchange::startup::{Credentials, Startup};
use pg_core::protocol::connection::Connection;
use pg_core::wire::frame::Limits;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Instant;

/// What [`Config::connect`](crate::Config) does in this crate: gives a future of a [`Client`].
///
/// # Cancel safety
/// Dropping the future closes the link.
#[derive(Debug)]
pub struct Connect;

impl Connector for Connect {
    type Connecting = Pin<Box<dyn Future<Output = Result<Client>> + Send>>;

    fn connect(settings: &Settings) -> Self::Connecting {
        let settings = settings.clone();
        Box::pin(async move {
            let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
            match runtime::before(deadline, connect_any(&settings)).await {
                Some(connected) => connected,
                None => Err(connect::timed_out(&settings)),
            }
        })
    }
}

async fn connect_any(settings: &Settings) -> Result<Client> {
    settings.check()?;
    let (user, database) = connect::names(settings, system_user)?;
    let mut errors = Vec::new();
    for host in connect::hosts(settings) {
        let addresses = match addresses(&host).await {
            Ok(addresses) => addresses,
            Err(error) => {
                errors.push((host.to_string(), error));
                continue;
            }
        };
        for address in addresses {
            let place = Place { host: host.clone(), address };
            match log_in(settings, &place, &user, &database).await {
                Ok(client) => return Ok(client),
                // The server spoke: another address of it would say the same.
                Err(e) if matches!(e.kind(), ErrorKind::Server | ErrorKind::Authentication) => return Err(e),
                Err(error) => errors.push((place.describe(), error)),
            }
        }
    }
    Err(connect::failed(errors))
}

impl Place {
    fn describe(&self) -> String {
        match self.address {
            Some(address) if !self.host.to_string().contains(&address.ip().to_string()) => {
                format!("{} ({address})", self.host)
            }
            _ => self.host.to_string(),
        }
    }
}

/// TLS if it is wanted and then login; a handshake that fails is followed by an attempt without, where that is allowed.
async fn log_in(settings: &Settings, place: &Place, user: &str, database: &str) -> Result<Client> {
    #[cfg(feature = "tls")]
    let attempts = connect::tls_attempts(
        settings,
        &place.host,
        |path| std::fs::read_to_string(path),
        || rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    )?;
    #[cfg(not(feature = "tls"))]
    let attempts = connect::without_tls(settings, &place.host)?;
    let mut failed = None;
    for tls in attempts {
        let credentials = Credentials {
            user: user.to_owned(),
            database: database.to_owned(),
            nonce: nonce()?,
            unix_socket: matches!(place.host, Host::Unix { .. }),
            #[cfg(feature = "tls")]
            tls: tls.clone(),
        };
        let scope = connect::scope(settings, &place.host, user, database);
        let connection = Connection::new(
            settings.statement_cache_capacity(),
            Limits::default(),
            settings.registry().clone(),
            scope,
        );
        let mut link = Link { connection, socket: socket(place).await? };
        match link.drive(Startup::new(settings, credentials)).await {
            Ok(()) => {
                let cancel = CancelToken {
                    place: place.clone(),
                    key: link.connection.cancel_key().cloned(),
                    #[cfg(feature = "tls")]
                    tls: tls.filter(|_| link.connection.is_encrypted()),
                };
                return Ok(Client { link, cancel, drain_timeout: settings.drain_timeout(), cancelling: false });
            }
            Err(error) if connect::may_try_without_tls(&error) => failed = Some(error),
            Err(error) => return Err(error),
        }
        let _ = tls;
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}

/// Opens a socket.
pub(crate) async fn socket(place: &Place) -> Result<Socket> {
    let socket = match (&place.host, place.address) {
        #[cfg(unix)]
        (Host::Unix { .. }, _) => Socket::unix(&place.host.socket_path().unwrap_or_default()).await,
        (_, Some(address)) => Socket::tcp(address).await,
        _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
    };
    socket.map_err(|e| connect::refused(e, &place.host))
}

/// The addresses of a host.
async fn addresses(host: &Host) -> Result<Vec<Option<SocketAddr>>> {
    let Host::Tcp { name, address, port } = host else {
        return Ok(vec![None]);
    };
    if let Some(ip) = address.or_else(|| name.parse().ok()) {
        return Ok(vec![Some(SocketAddr::new(ip, *port))]);
    }
    let addresses = runtime::resolve(name, *port).await.map_err(|e| {
        Error::io("the host's name can't be resolved", e).hint("check its spelling, or give its address as hostaddr")
    })?;
    Ok(addresses.into_iter().map(Some).collect())
}

/// Eighteen random bytes for SCRAM.
fn nonce() -> Result<String> {
    let mut random = [0; 18];
    getrandom::fill(&mut random).map_err(|e| Error::new(ErrorKind::Io, format!("no random bytes: {e}")))?;
    Ok(scram::nonce(&random))
}

/// The name of the user that this process runs as.
fn system_user() -> Option<String> {
    #[cfg(unix)]
    {
        let id = rustix::process::geteuid().as_raw().to_string();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == id).then(|| name.to_owned())
        });
        named.or_else(|| std::env::var("USER").ok())
    }
    #[cfg(not(unix))]
    {
        std::env::var("USERNAME").ok()
    }
}
