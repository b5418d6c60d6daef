//! Login: TLS if it is wanted, StartupMessage, authentication, and the parameters up to the first ReadyForQuery.

use super::{About, Exchange, Kind};
use crate::auth::login::{Login, Reply, Transport};
use crate::config::settings::{ProtocolVersion, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::{Authentication, Message};
use crate::message::frontend;
use crate::protocol::conversation::Conversation;
use crate::protocol::state::Phase;
use crate::sqlstate::SqlState;
use zeroize::Zeroizing;

/// What a login needs beside the settings: found out by the client, which has an environment, random bytes and files.
#[derive(Debug)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// For SCRAM; fresh for each connection.
    pub nonce: String,
    /// Whether the link is a Unix socket.
    pub unix_socket: bool,
    /// TLS, if it is to be asked for.
    pub tls: Option<Tls>,
}

/// How TLS is asked for.
#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
pub struct Tls {
    /// rustls' configuration.
    pub config: std::sync::Arc<rustls::ClientConfig>,
    /// The name that the certificate is checked for.
    pub server_name: String,
    /// Whether a server without TLS is refused.
    pub required: bool,
}

/// TLS that can't be asked for: this build has none.
#[cfg(not(feature = "tls"))]
#[derive(Debug, Clone)]
pub enum Tls {}

/// See the module.
#[derive(Debug)]
pub struct Startup<'s> {
    settings: &'s Settings,
    credentials: Credentials,
    login: Option<Login>,
    wants_startup: bool,
}

impl<'s> Startup<'s> {
    /// A login with `settings`.
    pub fn new(settings: &'s Settings, credentials: Credentials) -> Startup<'s> {
        Startup { settings, credentials, login: None, wants_startup: false }
    }

    /// What the link is by now.
    fn transport(&self, c: &Conversation) -> Transport {
        #[cfg(feature = "tls")]
        if let Some(crate::protocol::secured::Outcome::Established(end_point)) =
            c.secure.as_ref().map(crate::protocol::secured::Secure::outcome)
        {
            return Transport::Tls { end_point: end_point.clone() };
        }
        let _ = c;
        if self.credentials.unix_socket { Transport::Unix } else { Transport::Tcp }
    }
}

impl Exchange for Startup<'_> {
    type Output = ();

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.credentials.tls.take() {
            c.secure = Some(crate::protocol::secured::Secure::new(tls.config, tls.server_name, tls.required));
            self.wants_startup = true;
            frontend::ssl_request(&mut c.out);
            c.expect(Phase::Tls);
            return Ok(());
        }
        self.wants_startup = false;
        // FNV-1a.
        c.chance = self.credentials.nonce.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        c.replication = self.settings.replication();
        let transport = self.transport(c);
        self.login =
            Some(self.settings.login(&self.credentials.user, self.credentials.nonce.clone(), transport));
        let who =
            [("user", self.credentials.user.as_str()), ("database", self.credentials.database.as_str())];
        let version = code(self.settings.max_protocol_version());
        frontend::startup(&mut c.out, version, who.into_iter().chain(self.settings.startup_parameters()))?;
        c.expect(Phase::Startup);
        Ok(())
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            Message::Authentication(request) => self.authenticate(c, request),
            Message::BackendKeyData(key) => {
                c.handle_key(key);
                Ok(())
            }
            Message::NegotiateProtocolVersion(answer) => {
                // Some servers send the whole version number, others its minor part.
                let (major, minor) = (answer.minor >> 16, answer.minor & 0xffff);
                let lowest = code(self.settings.min_protocol_version()) & 0xffff;
                let asked = code(self.settings.max_protocol_version()) & 0xffff;
                if !matches!(major, 0 | 3) || minor > asked {
                    return Err(Error::protocol(format!(
                        "the server turns protocol 3.{asked} down to {}.{minor}, which is no older version",
                        if major == 0 { 3 } else { major },
                    )));
                }
                if minor < lowest {
                    return Err(Error::config(format!(
                        "the server speaks protocol 3.{minor} at most, and min_protocol_version=3.{lowest} demands more"
                    ))
                    .hint("PostgreSQL has it from version 18; lower min_protocol_version for older servers and poolers"));
                }
                let unknown = answer
                    .options()
                    .map_err(|e| e.within("the server's NegotiateProtocolVersion is malformed"))?;
                // None is sent, so none can be unknown.
                if let Some(unknown) = unknown.first() {
                    let shown: String = unknown.chars().take(60).collect();
                    return Err(Error::protocol(format!(
                        "the server doesn't know the protocol option \"{}\", which wasn't sent",
                        shown.escape_debug()
                    )));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn wants_retry(&mut self, _: &mut Conversation) -> bool {
        self.wants_startup
    }

    fn finish(self, c: &mut Conversation) -> Result<()> {
        c.adopt_types();
        Ok(())
    }

    fn lost(&self, error: Error) -> Error {
        let Credentials { user, database, .. } = &self.credentials;
        let hint = match error.sqlstate() {
            Some(SqlState::INVALID_PASSWORD) => format!(
                "the password for role {user:?} is wrong, or there is no such role, or it has none: check role and \
                 password in the connection string, or set it with ALTER ROLE .. PASSWORD"
            ),
            Some(SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => format!(
                "the server's pg_hba.conf has no line that lets role {user:?} into database {database:?} from here, \
                 or the role does not exist"
            ),
            Some(SqlState::INVALID_CATALOG_NAME) => {
                format!("create it with `CREATE DATABASE \"{database}\"`, or name another with dbname")
            }
            Some(SqlState::TOO_MANY_CONNECTIONS) => {
                "close connections, share them through a pool, or raise max_connections".to_owned()
            }
            Some(SqlState::CANNOT_CONNECT_NOW) => {
                "the server is starting up or shutting down: try again".to_owned()
            }
            _ if error.kind() == ErrorKind::Io => {
                "the server closed the link during login; its log says why. Is this a PostgreSQL server?"
                    .to_owned()
            }
            _ => return error,
        };
        error.hint(hint)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Startup, sql: None, parameters: 0 }
    }
}

fn code(version: ProtocolVersion) -> u32 {
    match version {
        ProtocolVersion::V3_0 => frontend::PROTOCOL_3_0,
        ProtocolVersion::V3_2 => frontend::PROTOCOL_3_2,
    }
}

impl Startup<'_> {
    fn authenticate(&mut self, c: &mut Conversation, request: Authentication<'_>) -> Result<()> {
        let Some(login) = &mut self.login else {
            return Err(Error::protocol("the server asks for authentication before StartupMessage"));
        };
        let reply = match request {
            Authentication::Ok => {
                login.handle_ok()?;
                c.logged_in();
                return Ok(());
            }
            Authentication::CleartextPassword => login.handle_cleartext()?,
            Authentication::Md5Password(salt) => login.handle_md5(salt)?,
            Authentication::Sasl(mechanisms) => login.handle_sasl(mechanisms)?,
            Authentication::SaslContinue(data) => login.handle_sasl_continue(data)?,
            Authentication::SaslFinal(data) => return login.handle_sasl_final(data),
            Authentication::Other(code) => {
                return Err(login.handle_unsupported(i32::try_from(code).unwrap_or(i32::MAX)));
            }
        };
        match reply {
            Reply::Password(password) => {
                let password = password.reveal();
                c.write_secret(password.len(), |out| frontend::password(out, password))
            }
            Reply::SaslInitial { mechanism, data } => {
                frontend::sasl_initial_response(&mut c.out, mechanism, &data)
            }
            // By its proof the password can be guessed without the server.
            Reply::Sasl(data) => {
                let data = Zeroizing::new(data);
                c.write_secret(data.len(), |out| frontend::sasl_response(out, &data))
            }
        }
    }
}
