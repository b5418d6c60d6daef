//! Where a server listens.

use crate::error::{Error, Result};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// PostgreSQL's port.
pub const DEFAULT_PORT: u16 = 5432;

/// One place to connect to.
///
/// | in the connection string | here |
/// |---|---|
/// | `host=db.example.com` | `Tcp`, looked up by name |
/// | `host=db.example.com hostaddr=10.0.0.7` | `Tcp` with the address; the name is for TLS |
/// | `hostaddr=10.0.0.7` | `Tcp` with the address, which is the name too |
/// | `host=/run/postgresql` | `Unix`, the socket `/run/postgresql/.s.PGSQL.5432` |
/// | `host=@name` | `Unix` in the abstract namespace |
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// TCP.
    Tcp {
        /// Host name, or an address as text. TLS checks the certificate against it.
        name: String,
        /// The address to use instead of looking `name` up.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
    /// A Unix socket. TLS is never used on it.
    Unix {
        /// The directory of the socket; with a leading `@`, the abstract namespace.
        directory: PathBuf,
        /// The port, which is a part of the socket's name.
        port: u16,
    },
}

impl Host {
    /// A host as `host=` names it: a leading `/` or `@` makes it a socket directory.
    pub fn new(name: &str, port: u16) -> Host {
        if name.starts_with(['/', '@']) {
            Host::Unix { directory: name.into(), port }
        } else {
            Host::Tcp { name: name.to_owned(), address: None, port }
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        match self {
            Host::Tcp { port, .. } | Host::Unix { port, .. } => *port,
        }
    }

    /// The address of a host that needs no look-up; `None` for a name, and for a Unix socket.
    pub fn numeric_address(&self) -> Option<SocketAddr> {
        match self {
            Host::Tcp { name, address, port } => {
                let ip = address.or_else(|| name.parse().ok())?;
                Some(SocketAddr::new(ip, *port))
            }
            Host::Unix { .. } => None,
        }
    }

    /// The socket's path, `<directory>/.s.PGSQL.<port>`; `None` for TCP. (A leading `@` is not taken off.)
    pub fn socket_path(&self) -> Option<PathBuf> {
        match self {
            Host::Tcp { .. } => None,
            Host::Unix { directory, port } => Some(directory.join(format!(".s.PGSQL.{port}"))),
        }
    }

    pub(super) fn set_port(&mut self, new: u16) {
        match self {
            Host::Tcp { port, .. } | Host::Unix { port, .. } => *port = new,
        }
    }
}

impl fmt::Display for Host {
    /// `db.example.com:5432`, `[::1]:5432`, `/run/postgresql/.s.PGSQL.5432`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp { name, port, .. } if name.contains(':') => {
                write!(f, "[{}]:{port}", name.escape_debug())
            }
            Host::Tcp { name, port, .. } => write!(f, "{}:{port}", name.escape_debug()),
            Host::Unix { directory, port } => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

/// The lists of `host`, `hostaddr` and `port` as hosts, and the port for a host that is set later.
///
/// One port serves all hosts; else the lists must be equally long. An empty port is 5432. `show` tells whether an error
/// may quote a value.
pub(super) fn list(host: &str, hostaddr: &str, port: &str, show: bool) -> Result<(Vec<Host>, u16)> {
    let names: Vec<&str> = if host.is_empty() { Vec::new() } else { host.split(',').collect() };
    let addresses: Vec<&str> = if hostaddr.is_empty() { Vec::new() } else { hostaddr.split(',').collect() };
    let ports = port.split(',').map(|text| parse_port(text, show)).collect::<Result<Vec<u16>>>()?;

    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(Error::config(format!(
            "{} hosts are named, but {} hostaddr",
            names.len(),
            addresses.len()
        ))
        .hint("give each host one hostaddr, in the same order; it may be empty"));
    }
    let count = names.len().max(addresses.len());
    if ports.len() > 1 && ports.len() != count.max(1) {
        return Err(Error::config(format!("{count} hosts are named, but {} ports", ports.len()))
            .hint("give one port for all hosts, or one for each in the same order; it may be empty"));
    }
    let only = match ports.as_slice() {
        [port] => Some(*port),
        _ => None,
    };

    let mut hosts = Vec::new();
    let mut ports = ports.into_iter();
    for at in 0..count {
        let port = only.or_else(|| ports.next()).unwrap_or(DEFAULT_PORT);
        let name = names.get(at).copied().unwrap_or_default();
        let address = addresses.get(at).copied().unwrap_or_default();
        hosts.push(match (name, address) {
            ("", "") => {
                return Err(
                    Error::config(format!("host {} of the list is empty", at + 1)).hint("write localhost")
                );
            }
            (name, "") => Host::new(name, port),
            (name, address) => {
                let ip = address.parse().map_err(|_| {
                    let shown =
                        if show { format!("\"{}\"", address.escape_debug()) } else { "its value".into() };
                    Error::config(format!("hostaddr {} is not a numeric IP address: {shown}", at + 1))
                        .hint("a name to look up goes into host")
                })?;
                let name = if name.is_empty() { address } else { name };
                Host::Tcp { name: name.to_owned(), address: Some(ip), port }
            }
        });
    }
    Ok((hosts, only.unwrap_or(DEFAULT_PORT)))
}

fn parse_port(text: &str, show: bool) -> Result<u16> {
    match text.trim_ascii() {
        "" => Ok(DEFAULT_PORT),
        digits => digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            let shown =
                if show { format!("port \"{}\"", digits.escape_debug()) } else { "the port".to_owned() };
            Error::config(format!("{shown} is not a number from 1 to 65535"))
                .hint("in a URI, write @ : / and % of a password as %40 %3A %2F and %25")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(host: &str, hostaddr: &str, port: &str) -> Result<String> {
        let (hosts, port) = list(host, hostaddr, port, true)?;
        let shown: Vec<String> = hosts
            .iter()
            .map(|h| match h {
                Host::Tcp { address: Some(a), .. } => format!("{h}({a})"),
                _ => h.to_string(),
            })
            .collect();
        Ok(format!("{} {port}", shown.join(" ")))
    }

    #[test]
    fn lists_are_matched_as_in_libpq() {
        for (host, hostaddr, port, expected) in [
            ("", "", "", " 5432"),
            ("", "", "1", " 1"),
            ("a", "", "", "a:5432 5432"),
            ("a,b", "", "1", "a:1 b:1 1"),
            ("a,b", "", "1,2", "a:1 b:2 5432"),
            ("a,b", "", ",2", "a:5432 b:2 5432"),
            ("::1", "", " 7 ", "[::1]:7 7"),
            ("a", "10.0.0.1", "", "a:5432(10.0.0.1) 5432"),
            ("", "10.0.0.1,::1", "", "10.0.0.1:5432(10.0.0.1) [::1]:5432(::1) 5432"),
            ("a,b", "10.0.0.1,", "", "a:5432(10.0.0.1) b:5432 5432"),
            ("/tmp,@x,a", "", "1", "/tmp/.s.PGSQL.1 @x/.s.PGSQL.1 a:1 1"),
        ] {
            assert_eq!(hosts(host, hostaddr, port).unwrap(), expected);
        }
    }

    #[test]
    fn lists_that_do_not_match_are_refused() {
        for (host, hostaddr, port, part) in [
            ("a,b", "10.0.0.1", "", "2 hosts are named, but 1 hostaddr"),
            ("a,b", "", "1,2,3", "2 hosts are named, but 3 ports"),
            ("", "", "1,2", "0 hosts are named, but 2 ports"),
            ("a,,b", "", "", "host 2 of the list is empty"),
            ("a", "localhost", "", "not a numeric IP address: \"localhost\""),
            ("a", "", "0", "port \"0\""),
            ("a", "", "65536", "65535"),
            ("a", "", "x", "65535"),
            ("a", "", "-1", "65535"),
        ] {
            let error = hosts(host, hostaddr, port).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(!list("a", "", "hush", false).unwrap_err().to_string().contains("hush"));
        assert!(!list("a", "hush", "", false).unwrap_err().to_string().contains("hush"));
    }

    #[test]
    fn the_socket_path_is_postgresqls() {
        assert_eq!(Host::new("/tmp", 5433).socket_path(), Some("/tmp/.s.PGSQL.5433".into()));
        assert_eq!(Host::new("tmp", 5433).socket_path(), None);
    }
}
