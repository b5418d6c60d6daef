//! Connecting: hosts and addresses in order, one deadline over name resolution, TCP, TLS and login.

use crate::cancel::CancelToken;
use crate::client::Client;
use crate::driver::Link;
use crate::runtime::{self, Socket, Stream};
use pg_core::config::host::Host;
use pg_core::config::settings::Settings;
use pg_core::config::{Config, Connector};
use pg_core::error::Result;
use pg_core::exchange::cancel::Route;
use pg_core::exchange::connect::{self, Attempts, Encryption, Place};
use pg_core::exchange::dial::{Attempt, Dialer, Target, any_host, over_link};
use pg_core::exchange::driving::{self, Times};
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
            let (target, mut dial, mut attempts) = (target(&settings)?, Dial, Attempts::default());
            let connecting = any_host(&mut dial, &target, &mut attempts);
            let connected = runtime::before(deadline, connecting).await;
            connected.unwrap_or_else(|| Err(attempts.timed_out(&settings)))
        })
    }
}

struct Dial;

impl Dialer for Dial {
    type Session = Client;

    async fn addresses(&mut self, host: &Host) -> Result<Vec<Option<SocketAddr>>> {
        addresses(host).await
    }

    async fn log_in(&mut self, attempt: Attempt<'_>) -> Result<Client> {
        let socket = socket(&attempt.place).await?;
        log_in(attempt, socket).await
    }
}

async fn log_in(attempt: Attempt<'_>, socket: Socket) -> Result<Client> {
    let Attempt { settings, place, connection, startup, tls } = attempt;
    let mut link = Link { connection, socket };
    driving::log_in(&mut link, startup, None).await?;
    let route = Route::to(place, &link.connection, tls);
    let cancel = CancelToken { route, gate: Gate::default(), left: Arc::default() };
    Ok(Client { link, cancel, times: Times::of(settings) })
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
    let nonce = || connect::nonce(getrandom::fill);
    Ok(Target { settings, hosts, user, database, encryption, clock: SystemTime::now, nonce })
}

/// Logs in over a stream that is connected already: a proxy, a tunnel, a transport of one's own; any executor will do.
///
/// Of the settings' hosts the first counts, as the name that TLS checks. The stream is polled wherever a socket would be.
/// Nothing is known of where it leads, so that a password goes over it in clear text only where TLS is on or
/// `allow_cleartext_password` is. Deadlines need the runtime that this crate was built for.
///
/// # Errors
/// Those of connecting but the network's; an `sslmode` that demands TLS, and no host that is reached over TCP. A
/// [cancel token](crate::Lifecycle::cancel_token) goes to the settings' host, and fails if that has no address.
pub async fn connect_stream(config: &Config<Connect>, stream: impl Stream + 'static) -> Result<Client> {
    let settings = config.settings();
    let attempt = over_link(&target(settings)?)?;
    let deadline = settings.connect_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
    let mut attempts = Attempts::default();
    attempts.trying(&attempt.place);
    let connecting = log_in(attempt, Socket::over(stream));
    match deadline {
        None => connecting.await,
        Some(_) => {
            runtime::before(deadline, connecting).await.unwrap_or_else(|| Err(attempts.timed_out(settings)))
        }
    }
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
    let Host::Tcp { name, port, .. } = host else {
        return Ok(vec![None]);
    };
    if let Some(address) = host.numeric_address() {
        return Ok(vec![Some(address)]);
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
