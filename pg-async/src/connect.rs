//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::CancelToken;
use crate::client::Client;
use crate::driver::Link;
use crate::runtime::{self, Socket, Stream};
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::config::{Config, Connector};
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect::{self, Attempts, Encryption, Place};
use pg_core::exchange::dial::Target;
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

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
            let mut attempts = Attempts::default();
            match runtime::before(deadline, connect_any(&settings, &mut attempts)).await {
                Some(Ok(Some(client))) => Ok(client),
                Some(Ok(None)) => Err(attempts.give_up()),
                Some(Err(error)) => Err(error),
                None => Err(attempts.timed_out(&settings)),
            }
        })
    }
}

/// What the settings, the system's user and files come to.
fn target(settings: &Settings) -> Result<Target<'_>> {
    settings.check()?;
    let (user, database) = connect::names(settings, system_user)?;
    let hosts = connect::hosts(settings);
    #[cfg(feature = "tls")]
    let encryption = Encryption::new(
        settings,
        &hosts,
        |path| std::fs::read_to_string(path),
        || rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    )?;
    #[cfg(not(feature = "tls"))]
    let encryption = Encryption::none(settings, &hosts)?;
    Ok(Target { settings, hosts, user, database, encryption })
}

/// Logs in over a stream that is connected already: a proxy, a tunnel, a transport of one's own; any executor will do.
///
/// Of the settings' hosts the first counts, as the name that TLS checks. The stream is polled wherever a socket would be.
/// Deadlines need the runtime that this crate was built for.
///
/// # Errors
/// Those of connecting but the network's. A [cancel token](crate::Lifecycle::cancel_token) goes to the settings' host, if
/// that has an address.
pub async fn connect_stream(config: &Config<Connect>, stream: impl Stream + 'static) -> Result<Client> {
    let settings = config.settings();
    let target = target(settings)?;
    let Some(host) = target.hosts.first() else {
        return Err(Error::config("no host is named"));
    };
    let address = match host {
        Host::Tcp { address: Some(ip), port, .. } => Some(SocketAddr::new(*ip, *port)),
        Host::Tcp { name, port, .. } => name.parse().ok().map(|ip| SocketAddr::new(ip, *port)),
        Host::Unix { .. } => None,
    };
    let place = Place { host: host.clone(), address, tcp: settings.tcp() };
    let tls = target.encryption.attempts(host).into_iter().next().flatten();
    let connecting = log_in_over(settings, tls, &place, &target.user, &target.database, Socket::over(stream));
    let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
    let mut attempts = Attempts::default();
    attempts.trying(&place);
    match deadline {
        None => connecting.await,
        Some(_) => {
            runtime::before(deadline, connecting).await.unwrap_or_else(|| Err(attempts.timed_out(settings)))
        }
    }
}

/// `None` when all hosts have failed.
async fn connect_any(settings: &Settings, attempts: &mut Attempts) -> Result<Option<Client>> {
    let Target { hosts, user, database, encryption, .. } = target(settings)?;
    for host in hosts {
        attempts.trying(&host);
        let addresses = match addresses(&host).await {
            Err(error) => {
                attempts.failed(error)?;
                continue;
            }
            Ok(addresses) => addresses,
        };
        for address in addresses {
            let place = Place { host: host.clone(), address, tcp: settings.tcp() };
            attempts.trying(&place);
            match log_in(settings, &encryption, &place, &user, &database).await {
                Ok(client) => return Ok(Some(client)),
                Err(error) => attempts.failed(error)?,
            }
        }
    }
    Ok(None)
}

/// TLS if it is wanted and then login; an attempt that failed over TLS is followed by one without, where that is allowed.
async fn log_in(
    settings: &Settings,
    encryption: &Encryption,
    place: &Place,
    user: &str,
    database: &str,
) -> Result<Client> {
    let mut failed = None;
    for tls in encryption.attempts(&place.host) {
        match log_in_once(settings, tls.clone(), place, user, database).await {
            Err(error) if tls.is_some() && encryption.may_go_without(&error) => failed = Some(error),
            Err(error) => return Err(connect::without_tls_too(failed, error)),
            Ok(client) => return Ok(client),
        }
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}

async fn log_in_once(
    settings: &Settings,
    tls: Option<Tls>,
    place: &Place,
    user: &str,
    database: &str,
) -> Result<Client> {
    let socket = socket(place).await?;
    log_in_over(settings, tls, place, user, database, socket).await
}

async fn log_in_over(
    settings: &Settings,
    tls: Option<Tls>,
    place: &Place,
    user: &str,
    database: &str,
    socket: Socket,
) -> Result<Client> {
    let credentials = Credentials {
        user: user.to_owned(),
        database: database.to_owned(),
        nonce: connect::nonce(getrandom::fill)?,
        unix_socket: matches!(place.host, Host::Unix { .. }),
        tls: tls.clone(),
    };
    let scope = connect::scope(settings, &place.host, user, database);
    let mut connection = Connection::new(
        settings.statement_cache_capacity(),
        settings.message_limits(),
        settings.registry().clone(),
        scope,
    );
    connection.set_clock(SystemTime::now);
    let mut link = Link { connection, socket };
    if let Err(error) = link.drive(Startup::new(settings, credentials)).await {
        if error.kind() == ErrorKind::Tls {
            // The alert that tells the server's log why.
            link.nudge();
        }
        return Err(error);
    }
    link.connection.set_deadline(settings.deadline());
    let cancel = CancelToken {
        place: place.clone(),
        key: link.connection.cancel_key().cloned(),
        tls: tls.filter(|_| link.connection.is_encrypted()),
        gate: Gate::default(),
        left: Arc::default(),
    };
    Ok(Client {
        link,
        cancel,
        drain_timeout: settings.drain_timeout(),
        cancel_timeout: settings.cancel_timeout(),
    })
}

/// Opens a socket.
pub(crate) async fn socket(place: &Place) -> Result<Socket> {
    let socket = match (&place.host, place.address) {
        #[cfg(unix)]
        (Host::Unix { .. }, _) => Socket::unix(&place.host.socket_path().unwrap_or_default()).await,
        (_, Some(address)) => Socket::tcp(address, &place.tcp).await,
        _ => Err(io::ErrorKind::Unsupported.into()),
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
    let addresses = runtime::resolve(name, *port).await.map_err(connect::unresolved)?;
    Ok(addresses.into_iter().map(Some).collect())
}

/// The name of the user that this process runs as.
fn system_user() -> Option<String> {
    #[cfg(unix)]
    {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named = connect::system_user(&passwd, rustix::process::geteuid().as_raw());
        named.or_else(|| std::env::var("USER").ok())
    }
    #[cfg(not(unix))]
    {
        std::env::var("USERNAME").ok()
    }
}
