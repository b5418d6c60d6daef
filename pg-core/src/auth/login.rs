//! One login: takes the server's authentication requests, gives our answers, and decides whether its "OK" is one.
//!
//! ```text
//! Start ── cleartext or MD5 ──> Answered ─────────────────────────────> OK
//!   └───── SASL ─> Scram ── continue ── final (server verified) ──────> OK
//!   └───── nothing asked (trust, peer, cert), if require_auth lets it > OK
//! ```
//!
//! Nothing is answered twice, and no second method after the first.

use crate::auth::md5;
use crate::auth::password::Password;
use crate::auth::policy::{ChannelBinding, Method, Policy};
use crate::auth::scram::{Binding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, SaltedKeys, Scram};
use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// What carries the login, as far as it matters to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TCP without TLS: anybody on the way can listen.
    Tcp,
    /// A Unix socket: nobody else listens, so a clear-text password is answered.
    Unix,
    /// TLS; `end_point` is the tls-server-end-point hash, `None` when the certificate has none (Ed25519).
    Tls {
        /// Hash of the server's certificate, see RFC 5929.
        end_point: Option<Vec<u8>>,
    },
}

/// The message to send next.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// PasswordMessage: the password or its MD5. Free of NUL.
    Password(Password),
    /// SASLInitialResponse.
    SaslInitial {
        /// The chosen mechanism.
        mechanism: &'static str,
        /// The initial response.
        data: Vec<u8>,
    },
    /// SASLResponse.
    Sasl(Vec<u8>),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A SCRAM proof is no password, but it is enough to guess one offline.
        match self {
            Reply::Password(_) => f.write_str("Password(***)"),
            Reply::SaslInitial { mechanism, .. } => {
                f.debug_struct("SaslInitial").field("mechanism", mechanism).finish_non_exhaustive()
            }
            Reply::Sasl(_) => f.write_str("Sasl(***)"),
        }
    }
}

/// The login of one connection. Source: "Protocol Flow: Start-up".
///
/// ```
/// use pg_core::auth::login::{Login, Reply, Transport};
/// use pg_core::auth::policy::Policy;
///
/// let mut login = Login::new("alice", Some("secret".into()), String::new(), &Policy::default(), Transport::Tcp);
/// let Reply::Password(answer) = login.handle_md5([1, 2, 3, 4])? else { unreachable!() };
/// assert_eq!(answer.reveal(), "md598a0412b9c31436fc53776e863350083");
/// login.handle_ok()?;
/// # Ok::<(), pg_core::error::Error>(())
/// ```
pub struct Login {
    user: String,
    password: Option<Password>,
    nonce: String,
    policy: Policy,
    transport: Transport,
    keys: SaltedKeys,
    step: Step,
}

enum Step {
    Start,
    Answered(Method),
    Scram(Box<Scram>),
    Ended,
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Step::Start => "before any request",
            Step::Answered(_) => "after the password was sent",
            Step::Scram(scram) if scram.is_verified() => "after SCRAM was complete",
            Step::Scram(_) => "during SCRAM",
            Step::Ended => "after the login has ended",
        }
    }
}

impl Login {
    /// A login as `user`. `nonce` is for SCRAM (see [`scram::nonce`](crate::auth::scram::nonce)) and must be fresh for
    /// each connection; an empty password counts as none.
    pub fn new(
        user: &str,
        password: Option<Password>,
        nonce: String,
        policy: &Policy,
        transport: Transport,
    ) -> Login {
        Login {
            user: user.to_owned(),
            password: password.filter(|p| !p.is_empty()),
            nonce,
            policy: policy.clone(),
            transport,
            keys: SaltedKeys::default(),
            step: Step::Start,
        }
    }

    /// Shares the salted keys of earlier logins, so that SCRAM skips PBKDF2.
    #[must_use]
    pub fn with_keys(mut self, keys: SaltedKeys) -> Login {
        self.keys = keys;
        self
    }

    /// AuthenticationCleartextPassword.
    ///
    /// # Errors
    /// Without TLS, unless over a Unix socket or allowed; when the policy forbids it; when there is no password.
    pub fn handle_cleartext(&mut self) -> Result<Reply> {
        self.begin("AuthenticationCleartextPassword", Method::Password)?;
        if self.transport == Transport::Tcp && !self.policy.allow_cleartext_password {
            return Err(refused("the server asks for the password in clear text on a connection without TLS").hint(
                "use sslmode=require or stronger, or change the method in pg_hba.conf to scram-sha-256; where the \
                 network is trusted, call allow_cleartext_password(true)",
            ));
        }
        let password = self.password()?.clone();
        if password.reveal().contains('\0') {
            return Err(refused("the password holds a NUL byte, which a PasswordMessage can't carry"));
        }
        self.step = Step::Answered(Method::Password);
        Ok(Reply::Password(password))
    }

    /// AuthenticationMD5Password.
    ///
    /// # Errors
    /// When the policy forbids it; when there is no password.
    pub fn handle_md5(&mut self, salt: [u8; 4]) -> Result<Reply> {
        self.begin("AuthenticationMD5Password", Method::Md5)?;
        let answer = md5::response(&self.user, self.password()?.reveal(), salt);
        self.step = Step::Answered(Method::Md5);
        Ok(Reply::Password(Password::new(answer.as_str())))
    }

    /// AuthenticationSASL, with the mechanisms in the server's order.
    ///
    /// # Errors
    /// When the policy forbids SCRAM; when no known mechanism is offered, or none with channel binding where that is
    /// required; when there is no password.
    pub fn handle_sasl<'a>(&mut self, mechanisms: impl IntoIterator<Item = &'a str>) -> Result<Reply> {
        self.begin("AuthenticationSASL", Method::ScramSha256)?;
        let (mut plain, mut plus, mut offered) = (false, false, String::new());
        for mechanism in mechanisms {
            plain |= mechanism == SCRAM_SHA_256;
            plus |= mechanism == SCRAM_SHA_256_PLUS;
            if offered.len() < 200 {
                offered.push_str(if offered.is_empty() { "" } else { ", " });
                offered.extend(mechanism.escape_debug().take(100));
            }
        }
        let (mechanism, binding) = self.choose(plain, plus, &offered)?;
        let mut scram =
            Scram::new(self.password()?.reveal(), &self.nonce, binding, self.policy.scram_iterations.clone())
                .with_keys(&self.user, self.keys.clone());
        let data = scram.first_message()?;
        self.step = Step::Scram(Box::new(scram));
        Ok(Reply::SaslInitial { mechanism, data })
    }

    /// AuthenticationSASLContinue.
    ///
    /// # Errors
    /// Those of [`Scram::handle_continue`], and when no SASL exchange is running.
    pub fn handle_sasl_continue(&mut self, data: &[u8]) -> Result<Reply> {
        match &mut self.step {
            Step::Scram(scram) => scram.handle_continue(data).map(Reply::Sasl),
            other => Err(unexpected("AuthenticationSASLContinue", other)),
        }
    }

    /// AuthenticationSASLFinal: the server's proof.
    ///
    /// # Errors
    /// Those of [`Scram::handle_final`], and when no SASL exchange is running.
    pub fn handle_sasl_final(&mut self, data: &[u8]) -> Result<()> {
        match &mut self.step {
            Step::Scram(scram) => scram.handle_final(data),
            other => Err(unexpected("AuthenticationSASLFinal", other)),
        }
    }

    /// An authentication request of another kind, by its number: always the error to report.
    pub fn handle_unsupported(&mut self, code: i32) -> Error {
        self.step = Step::Ended;
        let name = match code {
            2 => "Kerberos V5",
            6 => "SCM credentials",
            7 | 8 => "GSSAPI",
            9 => "SSPI",
            _ => {
                return Error::protocol(format!(
                    "the server asks for authentication of the unknown kind {code}"
                ));
            }
        };
        refused(format!("the server asks for {name} authentication, which this library doesn't do"))
            .hint("change the method for this role in pg_hba.conf to scram-sha-256")
    }

    /// AuthenticationOk: whether what came before is enough to believe it.
    ///
    /// # Errors
    /// When the server never proved itself in a SCRAM exchange that it began; when `require_auth` wants more than it
    /// asked for; when channel binding is required and was not used; when it says so twice.
    pub fn handle_ok(&mut self) -> Result<()> {
        let (used, bound) = match std::mem::replace(&mut self.step, Step::Ended) {
            Step::Start => (Method::None, false),
            Step::Answered(method) => (method, false),
            Step::Scram(scram) if scram.is_verified() => (Method::ScramSha256, scram.is_bound()),
            Step::Scram(_) => {
                return Err(refused(
                    "the server accepts the login before it has proved that it knows the password",
                )
                .hint("somebody may be standing in for the server: check host, port and what is between"));
            }
            Step::Ended => return Err(unexpected("AuthenticationOk", &Step::Ended)),
        };
        if self.policy.channel_binding == ChannelBinding::Require && !bound {
            return Err(refused(
                "channel_binding=require, but the server let us in without channel binding",
            )
            .hint(
                "only SCRAM over TLS binds: let pg_hba.conf ask for scram-sha-256, or use channel_binding=prefer",
            ));
        }
        if !self.policy.require_auth.allows(used) {
            return Err(refused(format!(
                "require_auth={} is not met: the server let us in without authentication",
                self.policy.require_auth
            ))
            .hint("change trust in pg_hba.conf to scram-sha-256, or add none to require_auth"));
        }
        Ok(())
    }

    /// The first request of a login: in order, and one we may answer. Until the answer is ready the login counts as
    /// ended, so that nothing is believed after a refusal.
    fn begin(&mut self, message: &str, method: Method) -> Result<()> {
        match std::mem::replace(&mut self.step, Step::Ended) {
            Step::Start => {}
            other => return Err(unexpected(message, &other)),
        }
        if !self.policy.require_auth.allows(method) {
            return Err(refused(format!(
                "require_auth={} is not met: the server asks for {}",
                self.policy.require_auth,
                method.name()
            ))
            .hint(format!(
                "change the method for this role in pg_hba.conf, or add {} to require_auth",
                method.name()
            )));
        }
        if self.policy.channel_binding == ChannelBinding::Require && method != Method::ScramSha256 {
            return Err(refused(format!(
                "channel_binding=require, but the server asks for {}, which can't bind",
                method.name()
            ))
            .hint("let pg_hba.conf ask for scram-sha-256, or use channel_binding=prefer"));
        }
        Ok(())
    }

    fn choose(&self, plain: bool, plus: bool, offered: &str) -> Result<(&'static str, Binding)> {
        let wanted = self.policy.channel_binding;
        let end_point = match &self.transport {
            Transport::Tls { end_point } => end_point.as_ref(),
            Transport::Tcp | Transport::Unix if plus && !plain => {
                return Err(refused("the server offers only SCRAM-SHA-256-PLUS on a connection without TLS")
                    .hint("use sslmode=require or stronger"));
            }
            Transport::Tcp | Transport::Unix => None,
        };
        match end_point {
            Some(hash) if plus && wanted != ChannelBinding::Disable => {
                return Ok((SCRAM_SHA_256_PLUS, Binding::TlsServerEndPoint(hash.clone())));
            }
            _ if wanted == ChannelBinding::Require => {
                let (what, cure) = match (&self.transport, end_point) {
                    (Transport::Tcp | Transport::Unix, _) => {
                        ("the connection has no TLS", "use sslmode=require or stronger over TCP")
                    }
                    (_, None) => (
                        "the server's certificate has no usable hash (its signature algorithm names none)",
                        "sign the server's certificate with RSA or ECDSA, or use channel_binding=prefer",
                    ),
                    _ => (
                        "the server doesn't offer SCRAM-SHA-256-PLUS",
                        "PostgreSQL offers it over its own TLS; a proxy between that ends TLS takes it away",
                    ),
                };
                return Err(refused(format!("channel_binding=require, but {what}")).hint(cure));
            }
            Some(_) if plain && wanted == ChannelBinding::Prefer => {
                return Ok((SCRAM_SHA_256, Binding::SupportedByClient));
            }
            _ if plain => return Ok((SCRAM_SHA_256, Binding::Unsupported)),
            _ => {}
        }
        Err(refused(format!("the server offers no SASL mechanism that we can use: {offered}"))
            .hint("SCRAM-SHA-256 is known, and over TLS SCRAM-SHA-256-PLUS unless channel_binding=disable"))
    }

    fn password(&self) -> Result<&Password> {
        self.password.as_ref().ok_or_else(|| {
            refused(format!(
                "the server asks for the password of \"{}\", and none is set",
                self.user.escape_debug()
            ))
            .hint(
                "set it with password(..) or in the connection string: postgres://user:password@host/dbname or \
                 password='..'",
            )
        })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("step", &self.step.name())
            .finish_non_exhaustive()
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Authentication, message)
}

fn unexpected(message: &str, step: &Step) -> Error {
    Error::protocol(format!("{message} is not expected {}", step.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::policy::RequireAuth;
    use crate::auth::scram::tests::Server;

    const BOTH: [&str; 2] = [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];

    fn tls() -> Transport {
        Transport::Tls { end_point: Some(vec![9; 32]) }
    }

    fn login(policy: &Policy, transport: Transport) -> Login {
        Login::new("alice", Some("secret".into()), "nonce".into(), policy, transport)
    }

    fn requiring(methods: &str) -> Policy {
        Policy { require_auth: methods.parse::<RequireAuth>().unwrap(), ..Policy::default() }
    }

    fn binding(channel_binding: ChannelBinding) -> Policy {
        Policy { channel_binding, ..Policy::default() }
    }

    /// What a mechanism choice came to: its name and the GS2 header.
    fn chosen(policy: &Policy, transport: Transport, offered: &[&str]) -> Result<String> {
        match login(policy, transport).handle_sasl(offered.iter().copied())? {
            Reply::SaslInitial { mechanism, data } => {
                let text = String::from_utf8(data).unwrap();
                Ok(format!("{mechanism} {}", text.split_once(",,").unwrap().0))
            }
            other => panic!("{other:?}"),
        }
    }

    fn cure(result: Result<impl fmt::Debug>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        error.cure().expect("a hint").to_owned()
    }

    #[test]
    fn a_scram_login_goes_through() {
        let mut server = Server::new("secret");
        let mut login = login(&requiring("scram-sha-256"), tls());
        let Reply::SaslInitial { mechanism, data } = login.handle_sasl(BOTH).unwrap() else { panic!() };
        assert_eq!(mechanism, SCRAM_SHA_256_PLUS);
        let Reply::Sasl(answer) = login.handle_sasl_continue(&server.first(&data)).unwrap() else { panic!() };
        login.handle_sasl_final(&server.last(&answer).unwrap()).unwrap();
        login.handle_ok().unwrap();
        assert_eq!(login.handle_ok().unwrap_err().kind(), ErrorKind::Protocol);
        assert_eq!(login.handle_md5([0; 4]).unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[test]
    fn trust_is_believed_unless_the_policy_wants_more() {
        login(&Policy::default(), Transport::Tcp).handle_ok().unwrap();
        login(&requiring("none,scram-sha-256"), Transport::Tcp).handle_ok().unwrap();
        login(&requiring("!md5"), Transport::Tcp).handle_ok().unwrap();
        for rule in ["scram-sha-256", "!none", "password,md5"] {
            assert!(
                cure(login(&requiring(rule), Transport::Tcp).handle_ok()).contains("none to require_auth")
            );
        }
        assert!(cure(login(&binding(ChannelBinding::Require), tls()).handle_ok()).contains("scram-sha-256"));
    }

    #[test]
    fn a_cleartext_password_goes_only_where_nobody_listens() {
        let default = Policy::default();
        assert!(cure(login(&default, Transport::Tcp).handle_cleartext()).contains("sslmode=require"));
        let allowed = Policy { allow_cleartext_password: true, ..Policy::default() };
        for (policy, transport) in
            [(&default, Transport::Unix), (&default, tls()), (&allowed, Transport::Tcp)]
        {
            let mut login = login(policy, transport);
            assert_eq!(login.handle_cleartext().unwrap(), Reply::Password("secret".into()));
            login.handle_ok().unwrap();
        }
        let mut nul = Login::new("a", Some("a\0b".into()), String::new(), &default, Transport::Unix);
        assert!(nul.handle_cleartext().unwrap_err().to_string().contains("NUL"));
    }

    #[test]
    fn methods_outside_require_auth_are_not_answered() {
        assert!(
            cure(login(&requiring("scram-sha-256"), tls()).handle_cleartext()).contains("add password to")
        );
        assert!(cure(login(&requiring("!md5"), tls()).handle_md5([0; 4])).contains("add md5 to"));
        assert!(cure(login(&requiring("md5"), tls()).handle_sasl(BOTH)).contains("add scram-sha-256 to"));
    }

    #[test]
    fn required_channel_binding_is_not_talked_down() {
        let policy = binding(ChannelBinding::Require);
        cure(login(&policy, tls()).handle_cleartext());
        cure(login(&policy, tls()).handle_md5([0; 4]));
        assert!(cure(chosen(&policy, tls(), &[SCRAM_SHA_256])).contains("proxy"));
        assert!(cure(chosen(&policy, Transport::Tcp, &BOTH)).contains("sslmode"));
        assert!(cure(chosen(&policy, Transport::Tls { end_point: None }, &BOTH)).contains("RSA or ECDSA"));
        assert_eq!(chosen(&policy, tls(), &BOTH).unwrap(), "SCRAM-SHA-256-PLUS p=tls-server-end-point");
    }

    #[test]
    fn the_mechanism_is_chosen_as_libpq_does() {
        let (prefer, disable) = (binding(ChannelBinding::Prefer), binding(ChannelBinding::Disable));
        assert_eq!(chosen(&prefer, tls(), &BOTH).unwrap(), "SCRAM-SHA-256-PLUS p=tls-server-end-point");
        assert_eq!(chosen(&prefer, tls(), &[SCRAM_SHA_256]).unwrap(), "SCRAM-SHA-256 y");
        assert_eq!(chosen(&disable, tls(), &BOTH).unwrap(), "SCRAM-SHA-256 n");
        assert_eq!(chosen(&prefer, Transport::Tls { end_point: None }, &BOTH).unwrap(), "SCRAM-SHA-256 n");
        assert_eq!(chosen(&prefer, Transport::Tcp, &[SCRAM_SHA_256]).unwrap(), "SCRAM-SHA-256 n");
        cure(chosen(&prefer, Transport::Tcp, &[SCRAM_SHA_256_PLUS]));
        cure(chosen(&disable, tls(), &[SCRAM_SHA_256_PLUS]));
        cure(chosen(&prefer, tls(), &[]));
        let strange = "X".repeat(100_000);
        let error = chosen(&prefer, tls(), &[&strange, &strange, &strange]).unwrap_err();
        assert!(error.to_string().len() < 1000);
    }

    #[test]
    fn without_a_password_the_error_says_how_to_set_one() {
        let ask: [fn(&mut Login) -> Result<Reply>; 3] =
            [Login::handle_cleartext, |l| l.handle_md5([0; 4]), |l| l.handle_sasl(BOTH)];
        for ask in ask {
            for password in [None, Some("".into())] {
                let mut login =
                    Login::new("alice", password, "nonce".into(), &Policy::default(), Transport::Unix);
                assert!(cure(ask(&mut login)).contains("connection string"));
                assert!(login.handle_ok().is_err(), "nothing is believed after a refusal");
            }
        }
    }

    #[test]
    fn random_messages_neither_panic_nor_log_in() {
        let mut state = 5_u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state.to_be_bytes()[0]
        };
        let parts: [&[u8]; 12] =
            [b"r=", b"nonce", b"s=", b"c2FsdA==", b"i=", b"4096", b",", b"v=", b"e=", b"m=", b"x", b"\xff"];
        for _ in 0..5_000 {
            let mut login = login(&requiring("!none"), tls());
            login.handle_sasl(BOTH).unwrap();
            for _ in 0..3 {
                let mut data = Vec::new();
                for _ in 0..random() % 12 {
                    data.extend_from_slice(parts[usize::from(random()) % parts.len()]);
                }
                let _ = login.handle_sasl_continue(&data);
                assert!(login.handle_sasl_final(&data).is_err());
            }
            assert!(login.handle_ok().is_err());
        }
    }

    #[test]
    fn an_ok_before_the_servers_proof_is_an_error_whatever_the_policy() {
        for steps in 0..2 {
            let mut server = Server::new("secret");
            let mut login = login(&requiring("none,scram-sha-256"), Transport::Tcp);
            let Reply::SaslInitial { data, .. } = login.handle_sasl([SCRAM_SHA_256]).unwrap() else {
                panic!()
            };
            if steps == 1 {
                login.handle_sasl_continue(&server.first(&data)).unwrap();
            }
            assert!(cure(login.handle_ok()).contains("standing in"));
        }
    }

    #[test]
    fn no_second_question_is_answered() {
        let protocol = |result: Result<Reply>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Protocol);
        let mut first = login(&Policy::default(), Transport::Unix);
        first.handle_md5([0; 4]).unwrap();
        protocol(first.handle_cleartext());
        protocol(first.handle_md5([0; 4]));
        protocol(first.handle_sasl(BOTH));
        protocol(first.handle_sasl_continue(b""));
        let mut second = login(&Policy::default(), tls());
        second.handle_sasl(BOTH).unwrap();
        protocol(second.handle_cleartext());
        protocol(second.handle_sasl(BOTH));
        assert_eq!(second.handle_sasl_final(b"v=").unwrap_err().kind(), ErrorKind::Protocol);
        let mut third = login(&Policy::default(), tls());
        protocol(third.handle_sasl_continue(b""));
    }

    #[test]
    fn methods_we_do_not_do_are_named() {
        let mut login = login(&Policy::default(), Transport::Tcp);
        assert!(login.handle_unsupported(7).to_string().contains("GSSAPI"));
        assert!(login.handle_unsupported(9).to_string().contains("SSPI"));
        assert_eq!(login.handle_unsupported(77).kind(), ErrorKind::Protocol);
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut login = login(&Policy::default(), Transport::Unix);
        let shown = format!("{login:?} {:?}", login.handle_cleartext().unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
