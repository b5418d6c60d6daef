//! What a client tries when it connects, worked out from the settings; the client adds sockets, files and names.

use crate::auth::scram;
use crate::config::host::Host;
use crate::config::settings::Settings;
use crate::config::ssl::SslMode;
use crate::config::tcp::Tcp;
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::startup::Tls;
use crate::sqlstate::SqlState;
use crate::types::registry::Scope;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where to connect, in this order: the settings' hosts, or the usual places.
pub fn hosts(settings: &Settings) -> Vec<Host> {
    if !settings.hosts().is_empty() {
        return settings.hosts().to_vec();
    }
    let port = settings.port();
    let unix = ["/var/run/postgresql", "/tmp"];
    let unix = unix.into_iter().filter(|_| cfg!(unix));
    unix.map(|directory| Host::Unix { directory: PathBuf::from(directory), port })
        .chain([Host::Tcp { name: "localhost".to_owned(), address: None, port }])
        .collect()
}

/// The role and the database: as set, else the operating system's user, else the role.
///
/// # Errors
/// No role is set and the system's user has no name.
pub fn names(settings: &Settings, system_user: impl FnOnce() -> Option<String>) -> Result<(String, String)> {
    let Some(user) = settings.user().map(str::to_owned).or_else(system_user) else {
        return Err(Error::config("no user is set and the operating system has no name for this one")
            .hint("name one in the connection string: postgres://user@host/database"));
    };
    let database = settings.dbname().map_or_else(|| user.clone(), str::to_owned);
    Ok((user, database))
}

/// The name of the user with this number in the text of `/etc/passwd`.
pub fn system_user(passwd: &str, id: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

/// The nonce of one SCRAM login; `fill` is the source of random bytes.
///
/// # Errors
/// The source has none.
pub fn nonce<E: fmt::Display>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<String> {
    let mut random = [0; 18];
    match fill(&mut random) {
        Ok(()) => Ok(scram::nonce(&random)),
        Err(error) => Err(Error::new(ErrorKind::Io, format!("the system has no random bytes: {error}"))),
    }
}

/// Whose catalog a connection to `host` sees.
pub fn scope(settings: &Settings, host: &Host, user: &str, database: &str) -> Scope {
    let parameters = settings.startup_parameters().filter(|(name, _)| *name != "application_name");
    Scope {
        endpoint: host.to_string(),
        database: database.to_owned(),
        user: user.to_owned(),
        options: parameters.map(|(name, value)| format!("{name}={value}\n")).collect(),
    }
}

/// Whether and how TLS is asked for, worked out once for all hosts.
#[derive(Debug, Clone)]
pub struct Encryption {
    mode: SslMode,
    #[cfg(feature = "tls")]
    config: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Encryption {
    /// What the settings ask for. `read` gives the text of the file of root certificates, `system` the roots that the
    /// client brings; neither is called when no host is reached over TCP.
    ///
    /// # Errors
    /// The file can't be read, or its certificates not understood.
    #[cfg(feature = "tls")]
    pub fn new(
        settings: &Settings,
        hosts: &[Host],
        read: impl FnOnce(&std::path::Path) -> std::io::Result<String>,
        system: impl FnOnce() -> rustls::RootCertStore,
    ) -> Result<Encryption> {
        use crate::config::ssl::RootCert;
        use crate::tls::config::{Roots, client_config};
        let mode = settings.ssl_mode();
        if mode == SslMode::Disable || !hosts.iter().any(may_encrypt) {
            return Ok(Encryption { mode, config: None });
        }
        let config = match settings.ssl_root_cert() {
            Some(RootCert::Path(path)) if mode != SslMode::Prefer => {
                let text = read(path).map_err(|e| {
                    Error::io(format!("reading sslrootcert {}", path.display()), e)
                        .with_kind(ErrorKind::Config)
                        .hint("name the file with the CA certificate that signed the server's, in PEM form")
                })?;
                client_config(mode, Roots::Pem(&text))?
            }
            Some(RootCert::Pem(text)) if mode != SslMode::Prefer => client_config(mode, Roots::Pem(text))?,
            Some(RootCert::System) => client_config(mode, Roots::Store(system()))?,
            _ => client_config(mode, Roots::None)?,
        };
        Ok(Encryption { mode, config: Some(config) })
    }

    /// What a client that was built without TLS can do.
    ///
    /// # Errors
    /// The settings demand TLS.
    #[cfg(not(feature = "tls"))]
    pub fn none(settings: &Settings, hosts: &[Host]) -> Result<Encryption> {
        let mode = settings.ssl_mode();
        if mode > SslMode::Prefer && hosts.iter().any(may_encrypt) {
            return Err(Error::config(format!("sslmode={mode} is set, and this client was built without TLS"))
                .hint("turn on the feature `tls` of the client crate, or use sslmode=disable if the network is trusted"));
        }
        Ok(Encryption { mode })
    }

    /// How TLS is asked for at `host`, one attempt after the other; `None` is an attempt without.
    pub fn attempts(&self, host: &Host) -> Vec<Option<Tls>> {
        #[cfg(feature = "tls")]
        if let (Host::Tcp { name, .. }, Some(config)) = (host, &self.config) {
            let required = self.mode > SslMode::Prefer;
            let tls = Some(Tls { config: config.clone(), server_name: name.clone(), required });
            return if required { vec![tls] } else { vec![tls, None] };
        }
        let _ = host;
        vec![None]
    }

    /// Whether an attempt without TLS may succeed where this one failed: after a handshake that went wrong, and where
    /// `pg_hba.conf` lets the role in without TLS only.
    pub fn may_go_without(&self, error: &Error) -> bool {
        self.mode <= SslMode::Prefer
            && (error.kind() == ErrorKind::Tls
                || error.sqlstate() == Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION))
    }
}

/// Nobody listens on a Unix socket; the server doesn't offer TLS there.
fn may_encrypt(host: &Host) -> bool {
    matches!(host, Host::Tcp { .. })
}

/// The error of the attempt without TLS, with that of the one before.
pub fn without_tls_too(with: Option<Error>, without: Error) -> Error {
    match with {
        Some(with) => without.within(format_args!("with TLS: {}; without", with.summary())),
        None => without,
    }
}

/// One address of one host: where a socket is opened, and later the one that carries a cancel request.
#[derive(Debug, Clone)]
pub struct Place {
    /// As the settings name it.
    pub host: Host,
    /// Of TCP, the address.
    pub address: Option<SocketAddr>,
    /// Of TCP, how the link is watched.
    pub tcp: Tcp,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match (self.address, &self.host) {
            (Some(address), Host::Tcp { name, .. }) if address.ip().to_string() != *name => {
                write!(f, " ({address})")
            }
            _ => Ok(()),
        }
    }
}

/// The places that were tried, and what came of each.
#[derive(Debug, Default)]
pub struct Attempts {
    failed: Vec<(String, Error)>,
    trying: String,
}

impl Attempts {
    /// Notes what is tried next.
    pub fn trying(&mut self, place: &impl fmt::Display) {
        self.trying = place.to_string();
    }

    /// Notes that it failed.
    ///
    /// # Errors
    /// The failure itself, where no other place would do better: a server refused the login. (One that is starting up or
    /// shutting down did not.)
    pub fn failed(&mut self, error: Error) -> Result<()> {
        let refused = matches!(error.kind(), ErrorKind::Server | ErrorKind::Authentication)
            && error.sqlstate() != Some(SqlState::CANNOT_CONNECT_NOW);
        let place = std::mem::take(&mut self.trying);
        if refused {
            return Err(error.within(format_args!("connecting to {place}")));
        }
        self.failed.push((place, error));
        Ok(())
    }

    /// All of them failed: the last one's kind and source, the words of all.
    pub fn give_up(mut self) -> Error {
        let Some((place, last)) = self.failed.pop() else {
            return Error::config("no host to connect to");
        };
        let last = last.within(format_args!("connecting to {place}"));
        if self.failed.is_empty() {
            return last;
        }
        last.within(format_args!("no host could be reached ({})", self.words()))
    }

    /// The one deadline of connecting has passed.
    pub fn timed_out(self, settings: &Settings) -> Error {
        let seconds = settings.connect_timeout().unwrap_or_default().as_secs_f64();
        let mut message = format!("connecting to {}: connect_timeout ({seconds} s) has passed", self.trying);
        if !self.failed.is_empty() {
            message = format!("{message}; before it: {}", self.words());
        }
        Error::new(ErrorKind::Timeout, message).hint(
            "the server or the network may be overloaded, or something drops the packets; raise connect_timeout, or look \
             at the server's log",
        )
    }

    fn words(&self) -> String {
        let words: Vec<String> =
            self.failed.iter().map(|(place, e)| format!("{place}: {}", e.summary())).collect();
        words.join("; ")
    }
}

/// An error of connecting a socket, with what to do about it.
pub fn refused(error: std::io::Error, host: &Host) -> Error {
    let hint = match (error.kind(), host) {
        (std::io::ErrorKind::ConnectionRefused, Host::Tcp { port, .. }) => Some(format!(
            "is PostgreSQL running there, and does it listen on TCP port {port}? (listen_addresses, port)"
        )),
        (std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound, Host::Unix { .. }) => Some(
            "is PostgreSQL running, and is this its unix_socket_directories and port? A TCP host may be meant: \
             postgres://localhost/.."
                .to_owned(),
        ),
        (std::io::ErrorKind::PermissionDenied, Host::Unix { .. }) => {
            Some("this user may not open the socket: see unix_socket_permissions".to_owned())
        }
        (std::io::ErrorKind::TimedOut | std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable, _) => {
            Some("check host and port, and whether a firewall lets you through".to_owned())
        }
        _ => None,
    };
    let error = Error::io("the server can't be reached", error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The host's name has no address.
pub fn unresolved(error: std::io::Error) -> Error {
    Error::io("the host's name can't be resolved", error)
        .hint("check its spelling, or give its address as hostaddr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_user_is_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nshort:x\n\nann:x:1000:100::/home/ann:/bin/sh\n";
        assert_eq!(system_user(passwd, 0).as_deref(), Some("root"));
        assert_eq!(system_user(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(system_user(passwd, 100), None);
    }

    #[test]
    fn a_login_that_was_refused_ends_the_search_and_a_server_that_starts_up_does_not() {
        let server = |code: &str| {
            let body = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
            Error::from_server(crate::error::ServerError::parse(body.as_bytes()).unwrap())
        };
        let mut attempts = Attempts::default();
        attempts.trying(&"a:1");
        attempts.failed(server("57P03")).unwrap();
        attempts.trying(&"b:2");
        attempts.failed(refused(std::io::ErrorKind::ConnectionRefused.into(), &Host::new("b", 2))).unwrap();
        attempts.trying(&"c:3");
        let refused = attempts.failed(server("28P01")).unwrap_err();
        assert_eq!(refused.to_string(), "connecting to c:3: FATAL 28P01 (INVALID_PASSWORD): no");
        let all = attempts.give_up();
        assert_eq!(all.kind(), ErrorKind::Io);
        assert!(
            all.to_string().starts_with("no host could be reached (a:1: no): connecting to b:2: "),
            "{all}"
        );
    }

    #[test]
    fn no_random_bytes_is_an_error() {
        assert_eq!(
            nonce(|bytes| {
                bytes.fill(7);
                Ok::<(), String>(())
            })
            .unwrap(),
            scram::nonce(&[7; 18])
        );
        assert!(nonce(|_| Err("none")).unwrap_err().to_string().ends_with("none"));
    }
}
