//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::{CancelToken, Place};
use crate::client::{Client, Raw};
use crate::driver::Link;
use crate::socket::Socket;
use pg_core::auth::scram;
use pg_core::blocking::Blocking;
use pg_core::config::Connector;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect;
use pg_core::exchange::startup::{Credentials, Startup};
use pg_core::protocol::connection::Connection;
use pg_core::wire::frame::Limits;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Instant;

/// What [`Config::connect`](crate::Config) does in this crate: gives a [`Client`].
#[derive(Debug)]
pub struct Connect;

impl Connector for Connect {
    type Connecting = Result<Client>;

    fn connect(settings: &Settings) -> Result<Client> {
        settings.check()?;
        let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
        let (user, database) = connect::names(settings, system_user)?;
        let mut errors = Vec::new();
        for host in connect::hosts(settings) {
            let addresses = match addresses(&host, deadline) {
                Ok(addresses) => addresses,
                Err(error) => {
                    errors.push((host.to_string(), error));
                    continue;
                }
            };
            for address in addresses {
                let place = Place { host: host.clone(), address };
                match log_in(settings, &place, &user, &database, deadline) {
                    Ok(client) => return Ok(client),
                    Err(e) if e.is_timeout() => return Err(connect::timed_out(settings)),
                    // The server spoke: another address of it would say the same.
                    Err(e) if matches!(e.kind(), ErrorKind::Server | ErrorKind::Authentication) => return Err(e),
                    Err(error) => errors.push((place.describe(), error)),
                }
            }
        }
        Err(connect::failed(errors))
    }
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
fn log_in(settings: &Settings, place: &Place, user: &str, database: &str, deadline: Option<Instant>) -> Result<Client> {
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
        let mut link = Link { connection, socket: socket(place, deadline)? };
        match link.drive(Startup::new(settings, credentials), deadline) {
            Ok(()) => {
                let cancel = CancelToken {
                    place: place.clone(),
                    key: link.connection.cancel_key().cloned(),
                    #[cfg(feature = "tls")]
                    tls: tls.filter(|_| link.connection.is_encrypted()),
                };
                return Ok(Blocking::new(Raw { link, cancel, drain_timeout: settings.drain_timeout() }));
            }
            Err(error) if connect::may_try_without_tls(&error) => failed = Some(error),
            Err(error) => return Err(error),
        }
        let _ = tls;
    }
    Err(failed.unwrap_or_else(|| Error::config("there is no way to connect")))
}

/// Opens a socket.
pub(crate) fn socket(place: &Place, deadline: Option<Instant>) -> Result<Socket> {
    let socket = match (&place.host, place.address) {
        #[cfg(unix)]
        (Host::Unix { .. }, _) => {
            let path = place.host.socket_path().unwrap_or_default();
            std::os::unix::net::UnixStream::connect(path).map(Socket::Unix)
        }
        (_, Some(address)) => tcp(address, deadline).map(Socket::Tcp),
        _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
    };
    socket.map_err(|e| match e.kind() {
        io::ErrorKind::TimedOut => Error::new(ErrorKind::Timeout, "the server did not answer in time"),
        _ => connect::refused(e, &place.host),
    })
}

fn tcp(address: SocketAddr, deadline: Option<Instant>) -> io::Result<TcpStream> {
    let stream = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(left) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
        Some(left) => TcpStream::connect_timeout(&address, left)?,
        None => TcpStream::connect(address)?,
    };
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_keepalive(true)?;
    Ok(stream)
}

/// The addresses of a host. The system's resolver knows no deadline, so it runs in a thread that may be left behind.
fn addresses(host: &Host, deadline: Option<Instant>) -> Result<Vec<Option<SocketAddr>>> {
    let Host::Tcp { name, address, port } = host else {
        return Ok(vec![None]);
    };
    if let Some(ip) = address.or_else(|| name.parse().ok()) {
        return Ok(vec![Some(SocketAddr::new(ip, *port))]);
    }
    let resolved = match deadline {
        None => (name.as_str(), *port).to_socket_addrs().map(Iterator::collect::<Vec<_>>),
        Some(deadline) => {
            let (sender, receiver) = mpsc::channel();
            let (name, port) = (name.clone(), *port);
            std::thread::spawn(move || {
                // The receiver is gone when the deadline has passed.
                let _ = sender.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect));
            });
            match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(resolved) => resolved,
                Err(_) => {
                    return Err(Error::new(ErrorKind::Timeout, "the host's name was not resolved in time"));
                }
            }
        }
    };
    let addresses = resolved.map_err(|e| {
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
