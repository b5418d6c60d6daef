//! What a client tries when it connects, worked out from the settings; the client adds sockets, files and names.

use crate::config::host::Host;
use crate::config::settings::Settings;
#[cfg(feature = "tls")]
use crate::config::ssl::{RootCert, SslMode};
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "tls")]
use crate::exchange::startup::Tls;
use crate::types::registry::Scope;
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

/// How TLS is asked for at `host`, one attempt after the other; `None` is an attempt without.
///
/// `read` gives the text of the root certificates' file, `system` the roots that the client brings.
///
/// # Errors
/// The file can't be read, or its certificates not understood.
#[cfg(feature = "tls")]
pub fn tls_attempts(
    settings: &Settings,
    host: &Host,
    read: impl FnOnce(&std::path::Path) -> std::io::Result<String>,
    system: impl FnOnce() -> rustls::RootCertStore,
) -> Result<Vec<Option<Tls>>> {
    use crate::tls::config::{Roots, client_config};
    let mode = settings.ssl_mode();
    let Host::Tcp { name, .. } = host else {
        // Nobody listens on a Unix socket; the server doesn't offer TLS there.
        return Ok(vec![None]);
    };
    if mode == SslMode::Disable {
        return Ok(vec![None]);
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
    let required = mode != SslMode::Prefer;
    let tls = Some(Tls { config, server_name: name.clone(), required });
    Ok(if required { vec![tls] } else { vec![tls, None] })
}

/// The one attempt of a client that was built without TLS.
///
/// # Errors
/// The settings demand TLS.
#[cfg(not(feature = "tls"))]
pub fn without_tls(settings: &Settings, host: &Host) -> Result<Vec<Option<()>>> {
    let mode = settings.ssl_mode();
    if matches!(host, Host::Tcp { .. }) && mode > crate::config::ssl::SslMode::Prefer {
        return Err(Error::config(format!("sslmode={mode} is set, and this client was built without TLS"))
            .hint("turn on the feature `tls` of the client crate, or use sslmode=disable if the network is trusted"));
    }
    Ok(vec![None])
}

/// Whether the next attempt may succeed where this one failed: one without TLS after a handshake that failed.
pub fn may_try_without_tls(error: &Error) -> bool {
    error.kind() == ErrorKind::Tls
}

/// Tells all failed attempts as one error: the last one's kind and source, all of their words.
pub fn failed(mut errors: Vec<(String, Error)>) -> Error {
    let Some((place, last)) = errors.pop() else {
        return Error::config("no host to connect to");
    };
    let last = last.within(format_args!("connecting to {place}"));
    if errors.is_empty() {
        return last;
    }
    let others: Vec<String> = errors.iter().map(|(place, e)| format!("{place}: {}", e.summary())).collect();
    last.within(format_args!("no host could be reached ({})", others.join("; ")))
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
        (std::io::ErrorKind::PermissionDenied, _) => {
            Some("this user may not open the socket: see unix_socket_permissions".to_owned())
        }
        _ => None,
    };
    let error = Error::io("the server can't be reached", error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The one deadline of connecting has passed.
pub fn timed_out(settings: &Settings) -> Error {
    let seconds = settings.connect_timeout().unwrap_or_default().as_secs_f64();
    Error::new(ErrorKind::Timeout, format!("no connection within connect_timeout ({seconds} s)"))
        .hint("the server or the network may be overloaded; raise connect_timeout, or look at the server's log")
}
