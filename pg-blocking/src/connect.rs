//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::CancelToken;
use crate::client::{Client, Raw};
use crate::driver::Link;
use crate::socket::Socket;
use pg_core::blocking::{Blocking, complete};
use pg_core::config::Connector;
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::cancel::Route;
use pg_core::exchange::connect::{self, Attempts, Encryption, Place};
use pg_core::exchange::dial::{Attempt, Dialer, Target, any_host};
use pg_core::exchange::driving::{self, Times};
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
        match complete(any_host(&mut Dial { deadline }, &target(settings)?, &mut attempts)) {
            Err(error) if error.is_timeout() => Err(attempts.timed_out(settings)),
            other => other,
        }
    }
}

struct Dial {
    deadline: Option<Instant>,
}

impl Dialer for Dial {
    type Session = Client;

    async fn addresses(&mut self, host: &Host) -> Result<Vec<Option<SocketAddr>>> {
        addresses(host, self.deadline)
    }

    async fn log_in(&mut self, attempt: Attempt<'_>) -> Result<Client> {
        let Attempt { settings, place, connection, startup, tls } = attempt;
        let mut link = Link { connection, socket: socket(&place, self.deadline)? };
        driving::log_in(&mut link, startup, self.deadline).await?;
        let cancel = CancelToken { route: Route::to(place, &link.connection, tls), gate: Gate::default() };
        Ok(Blocking::new(Raw { link, cancel, times: Times::of(settings) }))
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
    let nonce = || connect::nonce(getrandom::fill);
    Ok(Target { settings, hosts, user, database, encryption, clock: SystemTime::now, nonce })
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
    let Host::Tcp { name, port, .. } = host else {
        return Ok(vec![None]);
    };
    if let Some(address) = host.numeric_address() {
        return Ok(vec![Some(address)]);
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
