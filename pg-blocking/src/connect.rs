//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::CancelToken;
use crate::client::{Client, Raw};
use crate::driver::Link;
use crate::socket::Socket;
use pg_core::blocking::Blocking;
use pg_core::config::Connector;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect::{self, Attempts, Encryption, Place};
use pg_core::exchange::dial::Target;
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::protocol::connection::Connection;
use pg_core::protocol::gate::Gate;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Instant, SystemTime};

/// What [`Config::connect`](crate::Config) does in this crate: gives a [`Client`].
#[derive(Debug)]
pub struct Connect;

impl Connector for Connect {
    type Connecting = Result<Client>;

    fn connect(settings: &Settings) -> Result<Client> {
        #[cfg(unix)]
        if let Some(strategy) = crate::wait::default() {
            return crate::wait::connect_by(settings, strategy);
        }
        let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
        let mut attempts = Attempts::default();
        match connect_any(settings, deadline, &mut attempts) {
            Ok(Some(client)) => Ok(client),
            Ok(None) => Err(attempts.give_up()),
            Err(error) if error.is_timeout() => Err(attempts.timed_out(settings)),
            Err(error) => Err(error),
        }
    }
}

/// What the settings, the system's user and files come to.
pub(crate) fn target(settings: &Settings) -> Result<Target<'_>> {
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

/// `None` when all hosts have failed. A timeout is always that of the deadline.
fn connect_any(
    settings: &Settings,
    deadline: Option<Instant>,
    attempts: &mut Attempts,
) -> Result<Option<Client>> {
    let Target { hosts, user, database, encryption, .. } = target(settings)?;
    for host in hosts {
        attempts.trying(&host);
        let addresses = match addresses(&host, deadline) {
            Err(error) if error.is_timeout() => return Err(error),
            Err(error) => {
                attempts.failed(error)?;
                continue;
            }
            Ok(addresses) => addresses,
        };
        for address in addresses {
            let place = Place { host: host.clone(), address, tcp: settings.tcp() };
            attempts.trying(&place);
            match log_in(settings, &encryption, &place, &user, &database, deadline) {
                Ok(client) => return Ok(Some(client)),
                Err(error) if error.is_timeout() => return Err(error),
                Err(error) => attempts.failed(error)?,
            }
        }
    }
    Ok(None)
}

/// TLS if it is wanted and then login; an attempt that failed over TLS is followed by one without, where that is allowed.
fn log_in(
    settings: &Settings,
    encryption: &Encryption,
    place: &Place,
    user: &str,
    database: &str,
    deadline: Option<Instant>,
) -> Result<Client> {
    let mut failed = None;
    for tls in encryption.attempts(&place.host) {
        match log_in_once(settings, tls.clone(), place, user, database, deadline) {
            Err(error) if tls.is_some() && encryption.may_go_without(&error) => failed = Some(error),
            Err(error) => return Err(connect::without_tls_too(failed, error)),
            Ok(client) => return Ok(client),
        }
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}

fn log_in_once(
    settings: &Settings,
    tls: Option<Tls>,
    place: &Place,
    user: &str,
    database: &str,
    deadline: Option<Instant>,
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
    let mut link = Link { connection, socket: socket(place, deadline)? };
    if let Err(error) = link.drive(Startup::new(settings, credentials), deadline) {
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
    };
    Ok(Blocking::new(Raw {
        link,
        cancel,
        drain_timeout: settings.drain_timeout(),
        cancel_timeout: settings.cancel_timeout(),
    }))
}

/// Opens a socket. A timeout is that of the deadline, never the system's.
pub(crate) fn socket(place: &Place, deadline: Option<Instant>) -> Result<Socket> {
    let socket = match (&place.host, place.address) {
        #[cfg(unix)]
        (Host::Unix { .. }, _) => Socket::unix(&place.host.socket_path().unwrap_or_default(), deadline),
        (_, Some(address)) => Socket::tcp(address, &place.tcp, deadline),
        _ => Err(io::ErrorKind::Unsupported.into()),
    };
    socket.map_err(|e| match e.kind() {
        io::ErrorKind::TimedOut if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
            Error::new(ErrorKind::Timeout, "the server did not answer in time")
        }
        _ => connect::refused(e, &place.host),
    })
}

/// The addresses of a host. The system's resolver knows no deadline, so it runs in a thread that may be left behind.
fn addresses(host: &Host, deadline: Option<Instant>) -> Result<Vec<Option<SocketAddr>>> {
    let Host::Tcp { name, address, port } = host else {
        return Ok(vec![None]);
    };
    if let Some(ip) = address.or_else(|| name.parse().ok()) {
        return Ok(vec![Some(SocketAddr::new(ip, *port))]);
    }
    let resolve =
        |name: &str, port: u16| (name, port).to_socket_addrs().map(|found| found.map(Some).collect());
    let resolved = match deadline {
        None => resolve(name, *port),
        Some(deadline) => {
            let (sender, receiver) = mpsc::channel();
            let (name, port) = (name.clone(), *port);
            std::thread::spawn(move || {
                // The receiver is gone when the deadline has passed.
                let _ = sender.send(resolve(&name, port));
            });
            match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(resolved) => resolved,
                Err(_) => {
                    return Err(Error::new(ErrorKind::Timeout, "the host's name was not resolved in time"));
                }
            }
        }
    };
    resolved.map_err(connect::unresolved)
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
