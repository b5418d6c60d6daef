//! All settings of a connection, and what a connection string makes of them.

use crate::auth::login::{Login, Transport};
use crate::auth::password::Password;
use crate::auth::policy::Policy;
use crate::auth::scram::SaltedKeys;
use crate::config::conninfo::{self, Pair};
use crate::config::host::{self, DEFAULT_PORT, Host};
use crate::config::keyword::{self, Keyword};
use crate::config::ssl::{RootCert, SslMode};
use crate::config::tcp::Tcp;
use crate::error::{Error, Result};
use crate::types::registry::Registry;
use crate::wire::frame::Limits;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A version of the frontend/backend protocol that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ProtocolVersion {
    /// 3.0: every server and pooler.
    #[default]
    V3_0,
    /// 3.2 of PostgreSQL 18: longer cancel keys. Some poolers refuse it.
    V3_2,
}

impl ProtocolVersion {
    /// Its number in StartupMessage: major in the high 16 bits, minor in the low.
    pub fn code(self) -> i32 {
        match self {
            ProtocolVersion::V3_0 => 0x3_0000,
            ProtocolVersion::V3_2 => 0x3_0002,
        }
    }
}

impl FromStr for ProtocolVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<ProtocolVersion> {
        match text {
            "3.0" => Ok(ProtocolVersion::V3_0),
            "3.2" | "latest" => Ok(ProtocolVersion::V3_2),
            _ => Err(Error::config(format!("protocol version \"{}\" is not known", text.escape_debug()))
                .hint("use 3.0, 3.2 or latest")),
        }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProtocolVersion::V3_0 => "3.0",
            ProtocolVersion::V3_2 => "3.2",
        })
    }
}

/// What a connection is for, if not for SQL: the session is a walsender then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replication {
    /// Streams of changes of one database, as an output plugin writes them (`replication=database`).
    Logical,
    /// The write-ahead log itself (`replication=true`).
    Physical,
}

impl Replication {
    /// The value in StartupMessage.
    pub fn as_str(self) -> &'static str {
        match self {
            Replication::Logical => "database",
            Replication::Physical => "true",
        }
    }
}

/// What a client crate reads to connect. Set through [`Config`](crate::config::Config).
#[derive(Clone)]
pub struct Settings {
    pub(super) hosts: Vec<Host>,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) dbname: Option<String>,
    pub(super) application_name: Option<String>,
    pub(super) fallback_application_name: Option<String>,
    pub(super) options: Option<String>,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) ssl_root_cert: Option<RootCert>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) tcp: Tcp,
    pub(super) policy: Policy,
    pub(super) keys: SaltedKeys,
    pub(super) min_protocol_version: ProtocolVersion,
    pub(super) max_protocol_version: ProtocolVersion,
    pub(super) statement_cache_capacity: usize,
    pub(super) deadline: Option<Duration>,
    pub(super) drain_timeout: Duration,
    pub(super) cancel_timeout: Duration,
    pub(super) message_limits: Limits,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) registry: Registry,
    pub(super) replication: Option<Replication>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            hosts: Vec::new(),
            port: DEFAULT_PORT,
            user: None,
            password: None,
            dbname: None,
            application_name: None,
            fallback_application_name: None,
            options: None,
            ssl_mode: None,
            ssl_root_cert: None,
            connect_timeout: None,
            tcp: Tcp::default(),
            policy: Policy::default(),
            keys: SaltedKeys::default(),
            min_protocol_version: ProtocolVersion::V3_0,
            max_protocol_version: ProtocolVersion::V3_0,
            statement_cache_capacity: 100,
            deadline: None,
            drain_timeout: Duration::from_millis(100),
            cancel_timeout: Duration::from_secs(5),
            message_limits: Limits::default(),
            parameters: Vec::new(),
            registry: Registry::default(),
            replication: None,
        }
    }
}

impl Settings {
    /// Where to connect, in this order. Empty: the client's default, which tries the Unix sockets of [`port`] in
    /// `/var/run/postgresql`, then `/tmp`, then `localhost` over TCP.
    ///
    /// [`port`]: Settings::port
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The port where no host is named; 5432 unless set.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The role; `None`: the operating system's user name, which the client crate finds.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password.
    pub fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    /// The database; `None`: the same name as the role.
    pub fn dbname(&self) -> Option<&str> {
        self.dbname.as_deref()
    }

    /// `application_name`, else `fallback_application_name`.
    pub fn application_name(&self) -> Option<&str> {
        self.application_name.as_deref().or(self.fallback_application_name.as_deref())
    }

    /// Command-line options for the server, such as `-c statement_timeout=5s`.
    pub fn options(&self) -> Option<&str> {
        self.options.as_deref()
    }

    /// How much TLS: `prefer` unless set; `verify-full` with `sslrootcert=system`; `verify-ca` for `require` with a root
    /// certificate.
    pub fn ssl_mode(&self) -> SslMode {
        match (self.ssl_mode, &self.ssl_root_cert) {
            (None, Some(RootCert::System)) => SslMode::VerifyFull,
            (Some(SslMode::Require), Some(RootCert::Path(_) | RootCert::Pem(_))) => SslMode::VerifyCa,
            (mode, _) => mode.unwrap_or_default(),
        }
    }

    /// Whose signature is trusted.
    pub fn ssl_root_cert(&self) -> Option<&RootCert> {
        self.ssl_root_cert.as_ref()
    }

    /// One deadline over names, TCP, TLS and login of all hosts; `None`: no limit.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// How a TCP link finds out that the other end is gone.
    pub fn tcp(&self) -> Tcp {
        self.tcp
    }

    /// Which authentication requests are answered, and how.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The lowest protocol version that is accepted.
    pub fn min_protocol_version(&self) -> ProtocolVersion {
        self.min_protocol_version
    }

    /// The protocol version that is asked for.
    pub fn max_protocol_version(&self) -> ProtocolVersion {
        self.max_protocol_version
    }

    /// How many prepared statements a connection keeps; 0: none.
    pub fn statement_cache_capacity(&self) -> usize {
        self.statement_cache_capacity
    }

    /// The registry that connections share.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether the connection is one for replication.
    pub fn replication(&self) -> Option<Replication> {
        self.replication
    }

    /// How long a call drains what a dropped one left before a CancelRequest goes out.
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// How long the server may take to end what was cancelled.
    pub fn cancel_timeout(&self) -> Duration {
        self.cancel_timeout
    }

    /// How long each call may take; `None`: as long as it takes.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// How large a message of the server may be.
    pub fn message_limits(&self) -> Limits {
        self.message_limits
    }

    /// The parameters of StartupMessage after `user` and `database`: `client_encoding` (always UTF8),
    /// `application_name`, `options`, `replication`, then those of [`Config::setting`](crate::config::Config::setting).
    pub fn startup_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        [
            Some(("client_encoding", "UTF8")),
            self.application_name().map(|name| ("application_name", name)),
            self.options().map(|options| ("options", options)),
            self.replication.map(|replication| ("replication", replication.as_str())),
        ]
        .into_iter()
        .flatten()
        .chain(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// A login with these settings, as `user` (see [`Settings::user`] for where the name comes from).
    ///
    /// Logins of one configuration share their SCRAM keys, so that only the first pays for PBKDF2.
    pub fn login(&self, user: &str, nonce: String, transport: Transport) -> Login {
        Login::new(user, self.password.clone(), nonce, &self.policy, transport).with_keys(self.keys.clone())
    }

    /// Whether the settings fit together. Client crates call it before they connect.
    ///
    /// # Errors
    /// `sslrootcert=system` with less than `verify-full`; a least protocol version above the highest; a run-time
    /// parameter that has a setter of its own, or NUL in a value.
    pub fn check(&self) -> Result<()> {
        match (self.ssl_mode, &self.ssl_root_cert) {
            (Some(mode), Some(RootCert::System)) if mode != SslMode::VerifyFull => {
                return Err(Error::config(format!(
                    "sslmode={mode} is too weak for sslrootcert=system: anybody can have a certificate of a public CA"
                ))
                .hint("use sslmode=verify-full, or leave sslmode out"));
            }
            _ => {}
        }
        if self.min_protocol_version > self.max_protocol_version {
            return Err(Error::config(format!(
                "min_protocol_version={} is above max_protocol_version={}",
                self.min_protocol_version, self.max_protocol_version
            )));
        }
        if self.policy.scram_iterations.is_empty() {
            return Err(
                Error::config("scram_iterations is an empty range").hint("the default is 4096..=100_000")
            );
        }
        for (name, _) in &self.parameters {
            let lower = name.to_ascii_lowercase();
            if matches!(lower.as_str(), "user" | "database" | "options" | "application_name") {
                return Err(Error::config(format!("setting(\"{lower}\", ..) has a setter of its own"))
                    .hint(format!("call {}(..)", if lower == "database" { "dbname" } else { &lower })));
            }
            if matches!(lower.as_str(), "client_encoding" | "replication") || lower.starts_with("_pq_.") {
                return Err(Error::config(format!(
                    "setting(\"{}\", ..) is not for users",
                    lower.escape_debug()
                ))
                .hint(
                    "client_encoding is always UTF8, replication has a setter of its own; the rest belongs to the \
                     protocol",
                ));
            }
            if name.is_empty() {
                return Err(Error::config("setting(..) has an empty name"));
            }
        }
        let texts = [("user", &self.user), ("dbname", &self.dbname)];
        let nul = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)))
            .chain(self.startup_parameters())
            .find(|(name, text)| name.contains('\0') || text.contains('\0'));
        if let Some((name, _)) = nul {
            return Err(Error::config(format!("\"{}\" holds a NUL byte", name.escape_debug())));
        }
        Ok(())
    }

    /// The settings of a connection string; empty values count as unset.
    pub(super) fn parse(text: &str) -> Result<Settings> {
        let mut settings = Settings::default();
        let (mut host, mut hostaddr, mut port) = (String::new(), String::new(), String::new());
        let mut show = true;
        for pair in conninfo::parse(text)? {
            match pair.key.as_str() {
                "host" => host.clone_from(&pair.value),
                "hostaddr" => hostaddr.clone_from(&pair.value),
                "port" => port.clone_from(&pair.value),
                _ => {
                    settings.set(&pair)?;
                    continue;
                }
            }
            show &= pair.show;
        }
        (settings.hosts, settings.port) = host::list(&host, &hostaddr, &port, show)?;
        settings.check()?;
        Ok(settings)
    }

    fn set(&mut self, pair: &Pair) -> Result<()> {
        let key = pair.key.as_str();
        match keyword::find(key) {
            Some(Keyword::Known) => {}
            Some(Keyword::Only(values)) => return only(pair, values),
            None => return Err(keyword::unknown(key, &pair.shown_key())),
        }
        let value = pair.value.as_str();
        let text = (!value.is_empty()).then(|| value.to_owned());
        match key {
            "user" => self.user = text,
            "password" => self.password = text.map(Password::new),
            "dbname" => self.dbname = text,
            "application_name" => self.application_name = text,
            "fallback_application_name" => self.fallback_application_name = text,
            "options" => self.options = text,
            "sslmode" => self.ssl_mode = word(pair, "disable, prefer, require, verify-ca or verify-full")?,
            "sslrootcert" => {
                self.ssl_root_cert = text.map(|path| match path.as_str() {
                    "system" => RootCert::System,
                    _ => RootCert::Path(path.into()),
                });
            }
            "connect_timeout" => self.connect_timeout = seconds(pair)?,
            "keepalives" => self.tcp.keepalives = number(pair, "a number")?.is_none_or(|on| on != 0),
            "keepalives_idle" => self.tcp.idle = seconds(pair)?,
            "keepalives_interval" => self.tcp.interval = seconds(pair)?,
            "keepalives_count" => self.tcp.count = count(pair)?,
            "tcp_user_timeout" => {
                self.tcp.user_timeout = count(pair)?.map(|millis| Duration::from_millis(millis.into()));
            }
            "channel_binding" => {
                self.policy.channel_binding = word(pair, "disable, prefer or require")?.unwrap_or_default();
            }
            "require_auth" => {
                let list = "a list of password, md5, gss, sspi, scram-sha-256 and none";
                self.policy.require_auth = word(pair, list)?.unwrap_or_default();
            }
            "min_protocol_version" => {
                self.min_protocol_version = word(pair, "3.0, 3.2 or latest")?.unwrap_or_default();
            }
            "max_protocol_version" => {
                self.max_protocol_version = word(pair, "3.0, 3.2 or latest")?.unwrap_or_default();
            }
            "replication" => self.replication = replication(pair)?,
            "client_encoding" if !is_utf8(value) => {
                return Err(Error::config("client_encoding is always UTF8 here").hint("leave it out"));
            }
            // UTF8, and the host lists, which `parse` gathers.
            _ => {}
        }
        Ok(())
    }
}

/// A value of one of the small vocabularies. The error of the type quotes the value, so it is used only where it may.
fn word<T: FromStr<Err = Error>>(pair: &Pair, expected: &str) -> Result<Option<T>> {
    if pair.value.is_empty() {
        return Ok(None);
    }
    pair.value.parse().map(Some).map_err(|error: Error| {
        if pair.show || pair.value.as_str() == "allow" {
            return error;
        }
        Error::config(format!("{} has a value that is not known, expected {expected}", pair.key.as_str()))
    })
}

/// Empty, `auto` (which libpq takes from the locale) and PostgreSQL's names of UTF8.
fn is_utf8(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().replace('-', "").as_str(), "" | "utf8" | "unicode" | "auto")
}

/// `database`, or whether it is the log itself, as the server reads a boolean.
fn replication(pair: &Pair) -> Result<Option<Replication>> {
    match pair.value.to_ascii_lowercase().as_str() {
        "" | "false" | "off" | "no" | "0" => Ok(None),
        "database" => Ok(Some(Replication::Logical)),
        "true" | "on" | "yes" | "1" => Ok(Some(Replication::Physical)),
        _ => Err(Error::config(format!(
            "replication is database (logical), true (physical) or false, not {}",
            pair.shown_value()
        ))),
    }
}

/// A number as libpq takes it; `None` if it is empty.
fn number(pair: &Pair, what: &str) -> Result<Option<i32>> {
    match pair.value.trim_ascii() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| {
            Error::config(format!("{} is not {what}: {}", pair.key.as_str(), pair.shown_value()))
        }),
    }
}

/// 0 and less are none.
fn count(pair: &Pair) -> Result<Option<u32>> {
    Ok(number(pair, "a number")?.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0))
}

fn seconds(pair: &Pair) -> Result<Option<Duration>> {
    let seconds = number(pair, "a number of seconds")?.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

fn only(pair: &Pair, values: &[&str]) -> Result<()> {
    let key = pair.key.as_str();
    if pair.value.is_empty() || values.contains(&pair.value.as_str()) {
        return Ok(());
    }
    let error = Error::config(format!("{key} is a keyword of libpq that is not supported here yet"));
    Err(match values {
        [] => error.hint("leave it out"),
        values => error.hint(format!("leave it out, or write {key}={}", values.join(" or "))),
    })
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Settings");
        out.field("hosts", &self.hosts).field("port", &self.port);
        if let Some(user) = &self.user {
            out.field("user", user);
        }
        if let Some(password) = &self.password {
            out.field("password", password);
        }
        if let Some(dbname) = &self.dbname {
            out.field("dbname", dbname);
        }
        if let Some(name) = self.application_name() {
            out.field("application_name", &name);
        }
        if let Some(options) = &self.options {
            out.field("options", options);
        }
        out.field("ssl_mode", &self.ssl_mode());
        if let Some(root) = &self.ssl_root_cert {
            out.field("ssl_root_cert", root);
        }
        out.field("connect_timeout", &self.connect_timeout)
            .field("tcp", &self.tcp)
            .field("policy", &self.policy)
            .field("min_protocol_version", &self.min_protocol_version)
            .field("max_protocol_version", &self.max_protocol_version)
            .field("statement_cache_capacity", &self.statement_cache_capacity)
            .field("deadline", &self.deadline)
            .field("drain_timeout", &self.drain_timeout)
            .field("cancel_timeout", &self.cancel_timeout)
            .field("message_limits", &self.message_limits)
            .field("replication", &self.replication)
            .field("parameters", &self.parameters)
            .finish()
    }
}
