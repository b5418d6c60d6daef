//! TLS on the imagined link: how the server answers SSLRequest, its end of the encryption, and what becomes of the
//! ciphertext. A handshake costs more than a run without one, so that one run in many asks for it.
//!
//! Keys are fresh in each run, and no seed replays them. How many bytes are sent is the same each time, and so is the
//! byte that a fault strikes: of signatures, whose length is left to chance, only those of one length are taken.

use super::PASSWORD;
use super::faults::{Class, Outcome};
use super::logins::Login;
use super::messages as m;
use super::server::Model;
use pg_core::config::ssl::SslMode;
use pg_core::error::ErrorKind;
use pg_core::exchange::startup::Tls;
use pg_core::tls::config::{Roots, client_config};
use pg_tests::seed::Rng;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

const NAME: &str = "db.example.com";
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How the server answers SSLRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    /// 'S', and it is as good as its word.
    Encrypt,
    /// 'N'.
    Decline,
    /// 'S', and somebody in between puts messages in clear behind it.
    Intrude,
    /// An error, as very old servers do, or somebody in between.
    Refuse,
    /// It is no PostgreSQL server.
    Babble,
}

/// What the client wants, and whom it meets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    mode: SslMode,
    reply: Reply,
    /// The server's certificate is signed by a root that the client knows.
    is_trusted: bool,
    /// It is for the name that the client asked for.
    is_named: bool,
    is_tls_1_2: bool,
}

impl Terms {
    /// Any; where the server is right, those under which it lets the client in.
    pub(super) fn random(class: Class, login: Login, rng: &mut Rng) -> Terms {
        let terms = Terms {
            mode: rng.pick(&[SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull]),
            reply: match rng.below(20) {
                0 | 1 => Reply::Decline,
                2 => Reply::Intrude,
                3 => Reply::Refuse,
                4 => Reply::Babble,
                _ => Reply::Encrypt,
            },
            is_trusted: !rng.in_thousand(100),
            is_named: !rng.in_thousand(100),
            is_tls_1_2: rng.in_thousand(250),
        };
        match class == Class::Correct && !terms.ends_with(login).is_empty() {
            true => Terms { reply: Reply::Encrypt, is_trusted: true, is_named: true, ..terms },
            false => terms,
        }
    }

    /// What the client is given to ask with.
    pub(super) fn client(self) -> Tls {
        let pki = Pki::shared();
        let config = match (self.mode, self.is_trusted) {
            (SslMode::VerifyCa, true) => &pki.verify_ca,
            (SslMode::VerifyCa, false) => &pki.verify_ca_of_another,
            (SslMode::VerifyFull, true) => &pki.verify_full,
            (SslMode::VerifyFull, false) => &pki.verify_full_of_another,
            _ => &pki.no_check,
        };
        let server_name = if self.is_named { NAME } else { "other.example.com" }.to_owned();
        Tls { config: config.clone(), server_name, required: self.mode > SslMode::Prefer }
    }

    fn refuses_certificate(self) -> bool {
        self.mode.verifies() && !self.is_trusted || self.mode == SslMode::VerifyFull && !self.is_named
    }

    /// Whether a session is encrypted.
    pub(super) fn encrypts(self) -> bool {
        self.reply == Reply::Encrypt
    }

    /// What a login ends with, where nobody may be let in; empty where all is well.
    pub(super) fn ends_with(self, login: Login) -> &'static [ErrorKind] {
        match self.reply {
            Reply::Encrypt if self.refuses_certificate() => &[ErrorKind::Tls],
            Reply::Encrypt => &[],
            Reply::Decline if self.mode > SslMode::Prefer => &[ErrorKind::Tls],
            // The password would go in clear over a network.
            Reply::Decline if login == Login::Cleartext => &[ErrorKind::Authentication],
            Reply::Decline => &[],
            // What is read later than the 'S' is no record of TLS.
            Reply::Intrude => &[ErrorKind::Protocol, ErrorKind::Tls],
            Reply::Refuse | Reply::Babble => &[ErrorKind::Tls],
        }
    }

    /// What ties a SCRAM exchange to this encryption: the hash of the server's certificate.
    pub(super) fn end_point(self) -> Option<Vec<u8>> {
        self.encrypts().then(|| Sha256::digest(&Pki::shared().certificate).to_vec())
    }

    /// Whether the faults of this class are done to the ciphertext.
    pub(super) fn takes_faults(self, class: Class, rng: &mut Rng) -> bool {
        self.encrypts() && matches!(class, Class::Transport | Class::Bytes) && rng.in_thousand(700)
    }
}

/// What happens to the ciphertext.
#[derive(Debug, Clone, Copy)]
pub(super) enum Strike {
    Flip(u8),
    End(Outcome),
}

/// The server's end.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) terms: Terms,
    stage: Stage,
    answer: Vec<u8>,
    strike: Option<(usize, Strike)>,
    sent: usize,
}

#[derive(Debug)]
enum Stage {
    /// SSLRequest, as far as it has come.
    Asked(Vec<u8>),
    Clear,
    Encrypted(Box<ServerConnection>),
    /// Nobody listens any more.
    Deaf,
}

impl Peer {
    /// With a fault of this class among the first bytes, if there is to be one.
    pub(super) fn new(terms: Terms, fault: Option<Class>, rng: &mut Rng) -> Peer {
        let strike = fault.map(|class| {
            // The answer, the handshake, and what comes after it.
            let range = rng.pick(&[1, 900, 3_000, 20_000]);
            let strike = match class {
                Class::Bytes => Strike::Flip(1 << rng.below(8)),
                _ => Strike::End(rng.pick(&[Outcome::Fin, Outcome::Reset, Outcome::Silence])),
            };
            (rng.index(range), strike)
        });
        Peer { terms, stage: Stage::Asked(Vec::new()), answer: Vec::new(), strike, sent: 0 }
    }

    /// Nothing more happens to the ciphertext.
    pub(super) fn spare(&mut self) {
        self.strike = None;
    }

    /// Takes what the client sent; gives what is meant for the server.
    pub(super) fn open(&mut self, mut bytes: &[u8], complaint: &mut Option<String>) -> Vec<u8> {
        if bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()) {
            complaint.get_or_insert_with(|| "the client sent its password in clear".to_owned());
        }
        let mut plain = Vec::new();
        match &mut self.stage {
            Stage::Asked(request) => {
                request.extend_from_slice(bytes);
                if !SSL_REQUEST.starts_with(request) {
                    complaint
                        .get_or_insert_with(|| "the client sent more or else than SSLRequest".to_owned());
                }
                if request.len() >= SSL_REQUEST.len() {
                    self.reply();
                }
            }
            Stage::Clear => plain.extend_from_slice(bytes),
            Stage::Encrypted(tls) => {
                while !bytes.is_empty() {
                    // A client that has given up says so with an alert.
                    if tls.read_tls(&mut bytes).is_err() || tls.process_new_packets().is_err() {
                        break;
                    }
                    // To the end of what is there, which is told as an error; else no more would be taken.
                    let _ = tls.reader().read_to_end(&mut plain);
                }
            }
            Stage::Deaf => {}
        }
        plain
    }

    fn reply(&mut self) {
        let (answer, stage) = match self.terms.reply {
            Reply::Encrypt => {
                let pki = Pki::shared();
                let config = if self.terms.is_tls_1_2 { &pki.tls_1_2 } else { &pki.tls_1_3 };
                let mut tls = ServerConnection::new(config.clone()).expect("a configuration in order");
                tls.set_buffer_limit(None);
                (b"S".to_vec(), Stage::Encrypted(Box::new(tls)))
            }
            Reply::Decline => (b"N".to_vec(), Stage::Clear),
            // Whatever shows the error shows the password, which is looked for.
            Reply::Intrude => {
                let behind =
                    [m::error("28000", PASSWORD), m::authentication_ok(), m::ready_for_query(b'I')].concat();
                ([b"S".as_slice(), &behind].concat(), Stage::Deaf)
            }
            Reply::Refuse => (m::error("28000", PASSWORD), Stage::Deaf),
            Reply::Babble => (format!("{PASSWORD} 400 Bad Request").into_bytes(), Stage::Deaf),
        };
        self.answer = answer;
        self.stage = stage;
    }

    /// Puts what is sent in the stead of what the server has said, as far as the link goes.
    pub(super) fn seal(&mut self, server: &mut Model) {
        let plain = std::mem::take(&mut server.out);
        let mut out = std::mem::take(&mut self.answer);
        match &mut self.stage {
            Stage::Encrypted(tls) => {
                tls.writer().write_all(&plain).expect("written to memory");
                while tls.wants_write() {
                    tls.write_tls(&mut out).expect("written to memory");
                }
            }
            // Whoever is in between leaves the link open.
            Stage::Deaf if !out.is_empty() && self.terms.reply != Reply::Intrude => {
                server.end = Some(Outcome::Fin);
            }
            _ => out.extend_from_slice(&plain),
        }
        if let Some((at, strike)) = self.strike
            && let Some(at) = at.checked_sub(self.sent).filter(|at| *at < out.len())
        {
            self.strike = None;
            server.faults.happened = true;
            match strike {
                Strike::Flip(bit) => {
                    out[at] ^= bit;
                    server.faults.tampered = true;
                }
                Strike::End(outcome) => {
                    out.truncate(at);
                    server.end = Some(outcome);
                }
            }
        }
        self.sent += out.len();
        server.faults.bytes += out.len().saturating_sub(plain.len());
        server.out = out;
    }
}

/// Certificates and configurations, made once.
struct Pki {
    certificate: CertificateDer<'static>,
    tls_1_2: Arc<ServerConfig>,
    tls_1_3: Arc<ServerConfig>,
    no_check: Arc<rustls::ClientConfig>,
    verify_ca: Arc<rustls::ClientConfig>,
    verify_full: Arc<rustls::ClientConfig>,
    verify_ca_of_another: Arc<rustls::ClientConfig>,
    verify_full_of_another: Arc<rustls::ClientConfig>,
}

impl Pki {
    fn shared() -> &'static Pki {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(Pki::new)
    }

    fn new() -> Pki {
        let (root, issuer) = authority();
        let (another, _) = authority();
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
        params.serial_number = Some(vec![1].into());
        let certificate = loop {
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            if is_of_the_length(certificate.der().as_ref()) {
                break certificate.der().clone();
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let key = Arc::new(OfOneLength(ring::sign::any_supported_type(&key).expect("a key")));
        let shown = Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate.clone()], key)));
        let server = |version| {
            let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .expect("the provider has it")
                .with_no_client_auth()
                .with_cert_resolver(shown.clone());
            Arc::new(config)
        };
        let client = |mode, root: Option<&Certificate>| {
            let pem = root.map(Certificate::pem);
            client_config(mode, pem.as_deref().map_or(Roots::None, Roots::Pem)).expect("a configuration")
        };
        Pki {
            tls_1_2: server(&rustls::version::TLS12),
            tls_1_3: server(&rustls::version::TLS13),
            no_check: client(SslMode::Require, None),
            verify_ca: client(SslMode::VerifyCa, Some(&root)),
            verify_full: client(SslMode::VerifyFull, Some(&root)),
            verify_ca_of_another: client(SslMode::VerifyCa, Some(&another)),
            verify_full_of_another: client(SslMode::VerifyFull, Some(&another)),
            certificate,
        }
    }
}

fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = params.self_signed(&key).expect("a certificate");
    (root, Issuer::new(params, key))
}

/// The most frequent length of a signature by P-256.
const SIGNATURE: u8 = 71;

/// Whether a certificate ends with a signature of the one length.
fn is_of_the_length(certificate: &[u8]) -> bool {
    let tail = certificate.len() - usize::from(SIGNATURE) - 3;
    certificate[tail..].starts_with(&[3, SIGNATURE + 1, 0, 0x30, SIGNATURE - 2])
}

/// A key all of whose signatures have one length.
#[derive(Debug)]
struct OfOneLength<K: ?Sized>(K);

impl SigningKey for OfOneLength<Arc<dyn SigningKey>> {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered).map(|signer| Box::new(OfOneLength(signer)) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl Signer for OfOneLength<Box<dyn Signer>> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        loop {
            let signature = self.0.sign(message)?;
            if signature.len() == usize::from(SIGNATURE) {
                return Ok(signature);
            }
        }
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}
