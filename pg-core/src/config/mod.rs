//! How to connect: connection strings, setters, and what a client crate reads of them.
//!
//! Nothing here touches a file, the environment or a socket: `sslrootcert` is a path that the client crate reads, a
//! missing user is one that it finds. Source: "libpq: Connection Strings" and "libpq: Parameter Key Words".

pub mod host;
pub mod settings;
pub mod ssl;
pub mod tcp;

mod conninfo;
mod keyword;

use crate::auth::password::Password;
use crate::auth::policy::{ChannelBinding, RequireAuth};
use crate::auth::scram::SaltedKeys;
use crate::config::host::Host;
use crate::config::settings::{ProtocolVersion, Replication, Settings};
use crate::config::ssl::{RootCert, SslMode};
use crate::config::tcp::Tcp;
use crate::error::{Error, Result};
use crate::types::registry::Registry;
use crate::wire::frame::Limits;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a client crate does with settings: the one thing that [`Config`] doesn't know.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no client, so that a `Config` of it doesn't connect",
    note = "`pg_blocking::Config` and `pg_async::Config` are those of the clients"
)]
pub trait Connector {
    /// What connecting gives: a result, or a future of one.
    type Connecting;

    /// Connects with `settings`.
    fn connect(settings: &Settings) -> Self::Connecting;
}

/// How to connect. Each client crate gives it its own `connect()`.
///
/// ```
/// use pg_core::config::Config;
/// use std::time::Duration;
///
/// let config: Config = Config::new("postgres://app:secret@db.example.com/shop?sslmode=verify-full")?
///     .application_name("till")
///     .connect_timeout(Duration::from_secs(5))
///     .setting("statement_timeout", "30s");
/// assert_eq!(config.settings().hosts()[0].to_string(), "db.example.com:5432");
/// assert!(format!("{config:?}").contains("password: ***"));
///
/// // The same as key=value pairs.
/// let config: Config = Config::new("host=db.example.com user=app password='s e c r e t' dbname=shop")?;
/// # assert_eq!(config.settings().password().unwrap().reveal(), "s e c r e t");
/// # Ok::<(), pg_core::error::Error>(())
/// ```
///
/// Without a host, the Unix sockets in `/var/run/postgresql` and `/tmp` are tried, then `localhost`. Without a user,
/// the operating system's name is used, without a database the user's. Of several hosts the first that answers is
/// taken. Nothing else is read: neither `PGHOST`, `PGUSER`, `PGPASSWORD` and their like, nor `~/.pgpass`, nor service files.
/// Client certificates (`sslcert`, `sslkey`) are not supported.
///
/// | keyword | setter | default |
/// |---|---|---|
/// | `host`, `hostaddr`, `port` | [`host`](Config::host), [`hostaddr`](Config::hostaddr), [`port`](Config::port), [`hosts`](Config::hosts) | see above, 5432 |
/// | `user`, `password`, `dbname` | [`user`](Config::user), [`password`](Config::password), [`dbname`](Config::dbname) | see above |
/// | `application_name`, `fallback_application_name` | [`application_name`](Config::application_name) | none |
/// | `options` | [`options`](Config::options), [`setting`](Config::setting) | none |
/// | `connect_timeout` (seconds, 0 = none) | [`connect_timeout`](Config::connect_timeout) | none |
/// | `keepalives` (0 = off), `keepalives_idle`, `keepalives_interval` (seconds), `keepalives_count`, `tcp_user_timeout` (milliseconds) | [`tcp`](Config::tcp) | on; the rest as the system has it |
/// | `sslmode` | [`ssl_mode`](Config::ssl_mode) | `prefer`; `verify-full` with `sslrootcert=system` |
/// | `sslrootcert` | [`ssl_root_cert`](Config::ssl_root_cert), [`ssl_root_cert_pem`](Config::ssl_root_cert_pem) | none |
/// | `channel_binding`, `require_auth` | [`channel_binding`](Config::channel_binding), [`require_auth`](Config::require_auth) | `prefer`, anything |
/// | `replication` (`database`, `true`) | [`replication`](Config::replication) | none |
/// | `min_protocol_version`, `max_protocol_version` | [`min_protocol_version`](Config::min_protocol_version), [`max_protocol_version`](Config::max_protocol_version) | 3.0, 3.0 |
///
/// The other keywords of libpq are errors that say so, except with the values that change nothing
/// (`target_session_attrs=any`). Words that libpq doesn't know are errors too.
pub struct Config<C = ()> {
    settings: Settings,
    connector: PhantomData<fn() -> C>,
}

impl<C: Connector> Config<C> {
    /// Connects: in blocking code the result is there, in async code it is a future, which needs the runtime that pg-async
    /// was built for (of tokio, one with I/O and time enabled; without one it panics).
    ///
    /// # Errors
    /// Settings that don't go together; hosts that can't be reached, each with its reason; `Timeout` after
    /// [`connect_timeout`](Config::connect_timeout); `Authentication` and `Tls`; what the server says against the login.
    pub fn connect(&self) -> C::Connecting {
        C::connect(&self.settings)
    }
}

impl<C> Config<C> {
    /// Reads a connection string: a URI (`postgres://` or `postgresql://`) or `key=value` pairs. Empty: all defaults.
    ///
    /// # Errors
    /// A configuration error for what libpq would refuse, for unknown and unsupported keywords, and for settings that
    /// contradict each other. It never quotes a password.
    pub fn new(conninfo: &str) -> Result<Config<C>> {
        Ok(Config { settings: Settings::parse(conninfo)?, connector: PhantomData })
    }

    /// All settings, as a client crate reads them.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The server, or several separated by commas; a leading `/` or `@` makes it a Unix socket directory. Replaces the
    /// hosts named before, keeps the port.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        let port = self.settings.port;
        self.settings.hosts = name.split(',').filter(|n| !n.is_empty()).map(|n| Host::new(n, port)).collect();
        self
    }

    /// The servers to try, in this order. Replaces the hosts named before.
    #[must_use]
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = Host>) -> Self {
        self.settings.hosts = hosts.into_iter().collect();
        self
    }

    /// The address of the (first) host, so that its name isn't looked up; TLS still checks the name.
    #[must_use]
    pub fn hostaddr(mut self, new: IpAddr) -> Self {
        let port = self.settings.port;
        match self.settings.hosts.first_mut() {
            Some(Host::Tcp { address, .. }) => *address = Some(new),
            Some(unix) => *unix = Host::Tcp { name: new.to_string(), address: Some(new), port: unix.port() },
            None => self.settings.hosts.push(Host::Tcp { name: new.to_string(), address: Some(new), port }),
        }
        self
    }

    /// The port of every host, those named later too.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self.settings.hosts.iter_mut().for_each(|host| host.set_port(port));
        self
    }

    /// The role to log in as.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.settings.user = Some(user.into());
        self
    }

    /// Its password; an empty one counts as none.
    #[must_use]
    pub fn password(mut self, password: impl Into<Password>) -> Self {
        self.settings.password = Some(password.into()).filter(|p: &Password| !p.is_empty());
        self.settings.keys = SaltedKeys::default();
        self
    }

    /// The database.
    #[must_use]
    pub fn dbname(mut self, dbname: impl Into<String>) -> Self {
        self.settings.dbname = Some(dbname.into());
        self
    }

    /// The name that `pg_stat_activity` and the server's log show.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.settings.application_name = Some(name.into());
        self
    }

    /// Command-line options for the server, such as `-c geqo=off`; [`setting`](Config::setting) is easier.
    #[must_use]
    pub fn options(mut self, options: impl Into<String>) -> Self {
        self.settings.options = Some(options.into());
        self
    }

    /// A run-time parameter for the session, such as `statement_timeout`; `RESET` comes back to it. The last of a name
    /// counts.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.settings.parameters.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        self.settings.parameters.push((name, value.into()));
        self
    }

    /// How much TLS.
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.settings.ssl_mode = Some(mode);
        self
    }

    /// A PEM file with the certificates that are trusted, or `system`.
    #[must_use]
    pub fn ssl_root_cert(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let system = path.as_os_str() == "system";
        self.settings.ssl_root_cert = Some(if system { RootCert::System } else { RootCert::Path(path) });
        self
    }

    /// The same as PEM text.
    #[must_use]
    pub fn ssl_root_cert_pem(mut self, pem: impl Into<String>) -> Self {
        self.settings.ssl_root_cert = Some(RootCert::Pem(pem.into()));
        self
    }

    /// One deadline over everything that connecting takes, all hosts together; zero: none.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = Some(timeout).filter(|t| !t.is_zero());
        self
    }

    /// How a TCP link finds out that the other end is gone. On Linux all of it counts, elsewhere whether there are
    /// keepalives.
    #[must_use]
    pub fn tcp(mut self, tcp: Tcp) -> Self {
        self.settings.tcp = tcp;
        self
    }

    /// Whether SCRAM is tied to the TLS channel.
    #[must_use]
    pub fn channel_binding(mut self, binding: ChannelBinding) -> Self {
        self.settings.policy.channel_binding = binding;
        self
    }

    /// The authentication methods that are answered: `"scram-sha-256".parse()?`.
    #[must_use]
    pub fn require_auth(mut self, methods: RequireAuth) -> Self {
        self.settings.policy.require_auth = methods;
        self
    }

    /// Sends the password in clear text without TLS, if the server asks for it. (Over TLS and Unix sockets it is always
    /// sent.) Default: no.
    #[must_use]
    pub fn allow_cleartext_password(mut self, allow: bool) -> Self {
        self.settings.policy.allow_cleartext_password = allow;
        self
    }

    /// How many SCRAM iterations a server may ask for: fewer make the password cheap to guess, more burn CPU at each
    /// login. Default: 4096 to 100 000.
    #[must_use]
    pub fn scram_iterations(mut self, iterations: RangeInclusive<u32>) -> Self {
        self.settings.policy.scram_iterations = iterations;
        self
    }

    /// The lowest protocol version that is accepted. Default: 3.0.
    #[must_use]
    pub fn min_protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.settings.min_protocol_version = version;
        self
    }

    /// The protocol version to ask for. Default: 3.0, because some poolers refuse 3.2.
    #[must_use]
    pub fn max_protocol_version(mut self, version: ProtocolVersion) -> Self {
        self.settings.max_protocol_version = version;
        self
    }

    /// How many prepared statements a connection keeps. Default: 100.
    ///
    /// 0: none. Statements are sent without a name, still in one round trip; that is all that a pooler in transaction mode
    /// needs, such as PgBouncer (from 1.21 on it can keep named statements itself). Behind it nothing that is notified would be
    /// heard, so such a connection refuses to listen. Run COPY FROM STDIN in a transaction there: outside of one PgBouncer
    /// gives the server's connection to others as soon as the server has refused the data, though more of it is on its way,
    /// and a connection is lost.
    #[must_use]
    pub fn statement_cache_capacity(mut self, statements: usize) -> Self {
        self.settings.statement_cache_capacity = statements;
        self
    }

    /// The registry that this connection shares with others. Default: one of its own, so each configuration (and its
    /// clones) looks types up once.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.settings.registry = registry;
        self
    }

    /// How large a message of the server may be; a larger one closes the connection, at its header. Default: 64 KiB in
    /// all before login, 1 GiB - 1 for rows, which is the most that PostgreSQL sends, 30 000 bytes for what is always
    /// small.
    #[must_use]
    pub fn message_limits(mut self, limits: Limits) -> Self {
        self.settings.message_limits = limits;
        self
    }

    /// How long each call may take; zero: as long as it takes, which is the default. See
    /// [`Session::within`](crate::Session::within) for what happens then, and for a time for one call.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = Some(deadline).filter(|deadline| !deadline.is_zero());
        self
    }

    /// How long the server may take to end a statement that was cancelled, because its deadline passed or because it was
    /// dropped; the connection is closed then. A call ends at most so long after its deadline. Default: 5 s.
    #[must_use]
    pub fn cancel_timeout(mut self, timeout: Duration) -> Self {
        self.settings.cancel_timeout = timeout;
        self
    }

    /// Makes it a connection for replication: see [`replication`](crate::replication). It takes replication commands, and a
    /// logical one simple statements, and nothing with parameters.
    #[must_use]
    pub fn replication(mut self, replication: Replication) -> Self {
        self.settings.replication = Some(replication);
        self
    }

    /// How long the next call drains what a dropped one left before it sends a CancelRequest. Default: 100 ms.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }
}

impl<C> Default for Config<C> {
    fn default() -> Config<C> {
        Config { settings: Settings::default(), connector: PhantomData }
    }
}

impl<C> Clone for Config<C> {
    fn clone(&self) -> Config<C> {
        Config { settings: self.settings.clone(), connector: PhantomData }
    }
}

impl<C> FromStr for Config<C> {
    type Err = Error;

    fn from_str(conninfo: &str) -> Result<Config<C>> {
        Config::new(conninfo)
    }
}

impl<C> fmt::Debug for Config<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Config").field(&self.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::new(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn error(text: &str) -> String {
        let error = Config::<()>::new(text).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert_eq!(error.kind(), crate::error::ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn the_link_is_watched_as_libpq_does() {
        let all = "keepalives_idle=30 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=1500";
        let tcp = config(all).settings().tcp();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(
            (tcp.keepalives, tcp.idle, tcp.interval, tcp.count),
            (true, seconds(30), seconds(5), Some(3))
        );
        assert_eq!(tcp.user_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(config("keepalives=0").settings().tcp(), Tcp { keepalives: false, ..Tcp::default() });
        for nothing in ["", "keepalives=1 keepalives_idle=0 tcp_user_timeout=0", "keepalives_count=-1"] {
            assert_eq!(config(nothing).settings().tcp(), Tcp::default(), "{nothing}");
        }
        assert!(error("keepalives_idle=soon").contains("keepalives_idle is not a number of seconds"));
        assert!(error("tcp_user_timeout=1s").contains("tcp_user_timeout is not a number"));
    }

    #[test]
    fn every_setting_of_a_string_arrives() {
        let config = config(
            "postgres://al%69ce:s%40crit@h1:1,h2/shop?application_name=till&options=-c%20geqo%3Doff&sslmode=require\
             &sslrootcert=/ca.pem&connect_timeout=7&channel_binding=require&require_auth=scram-sha-256\
             &min_protocol_version=3.0&max_protocol_version=latest&client_encoding=utf-8",
        );
        let s = config.settings();
        assert_eq!(s.hosts(), [Host::new("h1", 1), Host::new("h2", 5432)]);
        assert_eq!((s.user(), s.dbname()), (Some("alice"), Some("shop")));
        assert_eq!(s.password().unwrap().reveal(), "s@crit");
        assert_eq!(s.ssl_mode(), SslMode::VerifyCa, "require with a root certificate");
        assert_eq!(s.ssl_root_cert(), Some(&RootCert::Path("/ca.pem".into())));
        assert_eq!(s.connect_timeout(), Some(Duration::from_secs(7)));
        assert_eq!(s.policy().channel_binding, ChannelBinding::Require);
        assert_eq!(s.policy().require_auth.to_string(), "scram-sha-256");
        assert_eq!((s.min_protocol_version().code(), s.max_protocol_version().code()), (196608, 196610));
        let parameters: Vec<_> = s.startup_parameters().collect();
        assert_eq!(
            parameters,
            [("client_encoding", "UTF8"), ("application_name", "till"), ("options", "-c geqo=off")]
        );
    }

    #[test]
    fn defaults() {
        let config = config("");
        let s = config.settings();
        assert!(
            s.hosts().is_empty()
                && s.user().is_none()
                && s.password().is_none()
                && s.connect_timeout().is_none()
        );
        assert_eq!((s.port(), s.statement_cache_capacity()), (5432, 100));
        assert_eq!((s.ssl_mode(), s.drain_timeout()), (SslMode::Prefer, Duration::from_millis(100)));
        assert_eq!(s.max_protocol_version(), ProtocolVersion::V3_0);
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::<()>::default()));
    }

    #[test]
    fn empty_values_count_as_unset() {
        let config = config(
            "host='' port='' user='' password='' dbname='' sslmode='' connect_timeout='' sslcert='' service=",
        );
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::<()>::default()));
    }

    #[test]
    fn setters_override_the_string() {
        let config = config("postgres://u:p@h:7/d")
            .host("other,/tmp")
            .port(9)
            .password("")
            .setting("Work_Mem", "1MB")
            .setting("work_mem", "2MB");
        let s = config.settings();
        assert_eq!(s.hosts(), [Host::new("other", 9), Host::new("/tmp", 9)]);
        assert!(s.password().is_none());
        assert_eq!(s.startup_parameters().last(), Some(("work_mem", "2MB")));
        let with = Config::<()>::default().port(3).hostaddr("::1".parse().unwrap());
        assert_eq!(with.settings().hosts()[0].to_string(), "[::1]:3");
        assert_eq!(Config::<()>::new("port=7").unwrap().host("a").settings().hosts()[0].port(), 7);
    }

    #[test]
    fn known_keywords_without_support_are_named_and_their_defaults_taken() {
        for (text, name) in [
            ("service=x", "service"),
            ("passfile=/x", "passfile"),
            ("target_session_attrs=read-write", "target_session_attrs"),
            ("load_balance_hosts=random", "load_balance_hosts"),
            ("sslcert=a", "sslcert"),
            ("sslnegotiation=direct", "sslnegotiation"),
            ("gssencmode=require", "gssencmode"),
            ("sslmode=allow", "sslmode=allow"),
            ("postgres://u:p@h/d?sslmode=allow", "sslmode=allow"),
        ] {
            let error = error(text);
            assert!(error.contains(name) && error.contains("supported"), "{error}");
        }
        config(
            "target_session_attrs=any load_balance_hosts=disable sslnegotiation=postgres gssencmode=prefer keepalives=1 \
             sslsni=1 sslcompression=0 ssl_min_protocol_version=TLSv1.2 replication=false krbsrvname=postgres",
        );
    }

    #[test]
    fn replication_is_a_database_or_the_log() {
        let of = |text: &str| config(text).settings().replication();
        for (text, expected) in [
            ("replication=database", Some(Replication::Logical)),
            ("postgres://h/d?replication=on", Some(Replication::Physical)),
            ("replication=0", None),
            ("replication=''", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert!(error("replication=perhaps").contains("database (logical)"));
        let set = Config::<()>::default().replication(Replication::Physical);
        assert_eq!(set.settings().startup_parameters().last(), Some(("replication", "true")));
    }

    #[test]
    fn unknown_keywords_get_the_nearest_or_the_way_for_parameters() {
        assert!(
            error("sslmod=require")
                .contains("\"sslmod\" is not a connection keyword\nHINT:  the nearest keyword is sslmode")
        );
        assert!(error("postgres://h/d?aplication_name=x").contains("application_name"));
        assert!(error("postgres://u:p@h/d?aplication_name=x").contains("application_name"));
        assert!(error("statement_timeout=5s").contains("-c statement_timeout"));
        assert!(error("statement_cache_capacity=0").contains("method of Config"));
        assert!(error("Host=x").contains("the nearest keyword is host"));
    }

    #[test]
    fn contradictions_are_refused() {
        for mode in ["disable", "prefer", "require", "verify-ca"] {
            assert!(error(&format!("sslrootcert=system sslmode={mode}")).contains("verify-full"));
        }
        assert_eq!(config("sslrootcert=system").settings().ssl_mode(), SslMode::VerifyFull);
        assert_eq!(config("sslmode=require").settings().ssl_mode(), SslMode::Require);
        assert!(error("min_protocol_version=3.2").contains("above max_protocol_version"));
        let check = |config: Config| config.settings().check().unwrap_err().to_string();
        assert!(
            check(Config::default().ssl_root_cert("system").ssl_mode(SslMode::Require))
                .contains("verify-full")
        );
        assert!(check(Config::default().setting("database", "x")).contains("dbname(..)"));
        assert!(check(Config::default().setting("client_encoding", "latin1")).contains("UTF8"));
        assert!(check(Config::default().setting("a", "b\0c")).contains("NUL"));
        assert!(check(Config::default().user("b\0c")).contains("\"user\""));
        let (lowest, highest) = (2, 1);
        let empty = lowest..=highest;
        assert!(check(Config::default().scram_iterations(empty)).contains("empty range"));
    }

    #[test]
    fn wrong_values_are_named() {
        for (text, part) in [
            ("sslmode=requir", "\"requir\""),
            ("port=x", "\"x\""),
            ("connect_timeout=soon", "\"soon\""),
            ("channel_binding=x", "disable, prefer or require"),
            ("require_auth=x", "scram-sha-256"),
            ("max_protocol_version=3.1", "3.0, 3.2 or latest"),
            ("client_encoding=latin1", "UTF8"),
        ] {
            assert!(error(text).contains(part), "{}", error(text));
        }
        assert_eq!(config("connect_timeout=-1").settings().connect_timeout(), None);
        assert_eq!(config("connect_timeout=0").settings().connect_timeout(), None);
    }

    #[test]
    fn the_password_is_never_shown() {
        let config = config("user=alice password=hush");
        let shown = format!("{config:?} {:#?}", config.settings());
        assert!(shown.contains("password: ***") && !shown.contains("hush"), "{shown}");
        for wrong in [
            "password=hu sh=hush",
            "password=x hush=1",
            "password=x sslmode=hush",
            "password=x port=hush",
            "password=x connect_timeout=hush",
            "password=x require_auth=hush",
            "password=x channel_binding=hush",
            "password=x max_protocol_version=hush",
            "password=x hostaddr=hush",
            "sslpassword=hush",
            "passfile=hush",
            "passwd=hush",
            "pasword=hush",
            "postgres://u:p@hush:hush@h/d",
            "postgres://u:hu/hush@h/d",
            "postgres://u:hush/x@h/d",
            "postgres://u:p/x?hush@h/d",
            "postgres://u:p/x?hush=1@h/d",
            "postgres://u:p@h/d?hush=1",
            "postgres://h/d?password=x&hush=1",
        ] {
            let error = error(wrong);
            assert!(!error.contains("hush"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_client_crate_names_only_its_connector() {
        struct Mine;
        impl Connector for Mine {
            type Connecting = Result<String>;
            fn connect(settings: &Settings) -> Result<String> {
                settings.check()?;
                Ok(settings.user().unwrap_or("nobody").to_owned())
            }
        }
        type MyConfig = Config<Mine>;
        assert_eq!(MyConfig::new("user=x").unwrap().connect().unwrap(), "x");
        let config = MyConfig::default();
        assert_eq!(config.clone().user("y").connect().unwrap(), "y");
        fn sent<T: Send + Sync + 'static>(_: &T) {}
        sent(&config);
    }
}
