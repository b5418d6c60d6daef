//! Handshakes in memory, against a rustls server with certificates of rcgen.

use crate::config::ssl::SslMode;
use crate::error::{Error, ErrorKind, Result};
use crate::tls::channel::Channel;
use crate::tls::config::{Roots, client_config};
use crate::tls::end_point::server_end_point;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{Read, Write};
use std::sync::Arc;

const HOST: &str = "db.example.com";

/// What a server shows, and what a client would pin.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    root_pem: String,
}

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// A certificate that a CA has signed.
fn signed(change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut ca = params(&[], "Test CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let root = ca.self_signed(&ca_key).unwrap();
    let mut server = params(&[HOST], "server");
    change(&mut server);
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        root_pem: root.pem(),
    }
}

/// What "Creating Certificates" of the manual makes: self-signed, CA:TRUE, the host in the common name only.
fn quick_recipe(change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut server = params(&[], HOST);
    server.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut server);
    let key = KeyPair::generate().unwrap();
    let certificate = server.self_signed(&key).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        root_pem: certificate.pem(),
    }
}

/// Shows its certificate without asking whether the key fits.
#[derive(Debug)]
struct Shameless(Arc<CertifiedKey>);

impl ResolvesServerCert for Shameless {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn server(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> ServerConnection {
    let key = ring::sign::any_supported_type(&identity.key).unwrap();
    let shown = Shameless(Arc::new(CertifiedKey::new(identity.chain.clone(), key)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    ServerConnection::new(Arc::new(config)).unwrap()
}

const ALL: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;
const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Both ends of one connection.
struct Pair {
    client: Channel,
    server: ServerConnection,
    /// Bytes that the client is given at once.
    portion: usize,
}

impl Pair {
    fn new(mode: SslMode, roots: Roots<'_>, host: &str, server: ServerConnection) -> Pair {
        let client = Channel::new(client_config(mode, roots).unwrap(), host).unwrap();
        Pair { client, server, portion: usize::MAX }
    }

    /// Moves bytes until neither side has any.
    fn pump(&mut self) -> Result<()> {
        loop {
            let mut out = Vec::new();
            self.client.poll_ciphertext(&mut out);
            let mut rest = out.as_slice();
            while !rest.is_empty() {
                self.server.read_tls(&mut rest).unwrap();
                self.server.process_new_packets().unwrap();
            }
            let mut back = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut back).unwrap();
            }
            if out.is_empty() && back.is_empty() {
                return Ok(());
            }
            for portion in back.chunks(self.portion.min(back.len()).max(1)) {
                self.client.handle_ciphertext(portion)?;
            }
        }
    }
}

fn connect(mode: SslMode, roots: Roots<'_>, host: &str, identity: &Identity) -> Result<Pair> {
    let mut pair = Pair::new(mode, roots, host, server(identity, ALL));
    pair.pump()?;
    assert!(!pair.client.is_handshaking());
    Ok(pair)
}

fn refusal(mode: SslMode, roots: Roots<'_>, host: &str, identity: &Identity) -> String {
    match connect(mode, roots, host, identity) {
        Ok(_) => panic!("{mode} took the certificate"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(error.message().contains(host) && error.cure().is_some(), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn bytes_go_both_ways_in_any_portions() {
    let identity = signed(|_| ());
    for versions in [TLS12, TLS13] {
        for portion in [1, 7, 5000, usize::MAX] {
            let mut pair = Pair::new(SslMode::Require, Roots::None, HOST, server(&identity, versions));
            pair.portion = portion;
            pair.client.write_plaintext(b"early").unwrap(); // waits for the handshake
            assert!(pair.client.is_handshaking() && pair.client.wants_write());
            pair.pump().unwrap();
            let mut got = [0; 5];
            pair.server.reader().read_exact(&mut got).unwrap();
            assert_eq!(&got, b"early");

            let long: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
            let mut heard = b"before".to_vec();
            for part in long.chunks(10_000) {
                pair.server.writer().write_all(part).unwrap();
                pair.pump().unwrap();
            }
            assert_eq!(pair.client.read_plaintext(&mut heard), long.len());
            assert_eq!(&heard[6..], &long[..]);
            assert_eq!(pair.client.read_plaintext(&mut heard), 0);
        }
    }
}

#[test]
fn much_that_is_written_at_once_arrives() {
    let mut pair = connect(SslMode::Require, Roots::None, HOST, &signed(|_| ())).unwrap();
    let long = vec![7; 3_000_000];
    pair.client.write_plaintext(&long).unwrap();
    let (mut out, mut got) = (Vec::new(), Vec::new());
    assert!(pair.client.poll_ciphertext(&mut out));
    let mut rest = out.as_slice();
    while !rest.is_empty() {
        pair.server.read_tls(&mut rest).unwrap();
        pair.server.process_new_packets().unwrap();
        let _ = pair.server.reader().read_to_end(&mut got); // WouldBlock at the end
    }
    assert_eq!(got, long);
    assert!(!pair.client.poll_ciphertext(&mut out));
}

#[test]
fn both_ends_can_say_goodbye() {
    let mut pair = connect(SslMode::Require, Roots::None, HOST, &signed(|_| ())).unwrap();
    pair.server.writer().write_all(b"last words").unwrap();
    pair.server.send_close_notify();
    assert!(!pair.client.peer_closed());
    pair.pump().unwrap();
    assert!(pair.client.peer_closed());
    let mut heard = Vec::new();
    pair.client.read_plaintext(&mut heard);
    assert_eq!(heard, b"last words");
    pair.client.handle_ciphertext(b"\0garbage after the end").unwrap();
    pair.client.send_close_notify();
    let mut out = Vec::new();
    assert!(pair.client.poll_ciphertext(&mut out));
    pair.server.read_tls(&mut out.as_slice()).unwrap();
    assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn a_chain_is_checked_from_verify_ca_on_and_the_name_under_verify_full() {
    let identity = signed(|_| ());
    let pem = Roots::Pem(&identity.root_pem);
    connect(SslMode::VerifyFull, pem, HOST, &identity).unwrap();
    connect(SslMode::VerifyCa, Roots::Pem(&identity.root_pem), "other.example.com", &identity).unwrap();
    connect(SslMode::Require, Roots::Pem(&identity.root_pem), "other.example.com", &identity).unwrap();
    let error = refusal(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), "other.example.com", &identity);
    assert!(error.contains(HOST) && error.contains("subjectAltName=DNS:other.example.com"), "{error}");

    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from_pem_slice(identity.root_pem.as_bytes()).unwrap()).unwrap();
    connect(SslMode::VerifyFull, Roots::Store(store), HOST, &identity).unwrap();
}

#[test]
fn a_wrong_root_is_refused_wherever_a_root_is_given() {
    let (identity, other) = (signed(|_| ()), signed(|_| ()));
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = refusal(mode, Roots::Pem(&other.root_pem), HOST, &identity);
        assert!(error.contains("signed by no trusted root") && error.contains("sslrootcert"), "{error}");
    }
    connect(SslMode::Prefer, Roots::Pem(&other.root_pem), HOST, &identity).unwrap();
    connect(SslMode::Require, Roots::None, HOST, &identity).unwrap();
}

#[test]
fn several_roots_in_one_file_all_count() {
    let (first, second) = (signed(|_| ()), signed(|_| ()));
    let both = format!("# a comment\n{}\n\n{}", first.root_pem, second.root_pem);
    connect(SslMode::VerifyFull, Roots::Pem(&both), HOST, &first).unwrap();
    connect(SslMode::VerifyFull, Roots::Pem(&both), HOST, &second).unwrap();
}

#[test]
fn addresses_are_checked_too() {
    let identity = signed(|p| *p = params(&["10.0.0.7", "::1"], "server"));
    connect(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), "10.0.0.7", &identity).unwrap();
    connect(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), "::1", &identity).unwrap();
    refusal(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), "10.0.0.8", &identity);
}

#[test]
fn dates_and_purpose_are_checked() {
    let expired = |p: &mut CertificateParams| p.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let early = |p: &mut CertificateParams| p.not_before = rcgen::date_time_ymd(4000, 1, 1);
    for (identity, part) in [
        (signed(expired), "days ago"),
        (quick_recipe(expired), "days ago"),
        (signed(early), "valid only in"),
        (quick_recipe(early), "valid only in"),
        (
            signed(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "not meant for servers",
        ),
    ] {
        let error = refusal(SslMode::VerifyCa, Roots::Pem(&identity.root_pem), HOST, &identity);
        assert!(error.contains(part), "{error}");
        connect(SslMode::Require, Roots::None, HOST, &identity).unwrap();
    }
}

#[test]
fn the_manuals_quick_recipe_works_when_it_is_pinned() {
    let identity = quick_recipe(|_| ());
    connect(SslMode::Require, Roots::None, HOST, &identity).unwrap();
    connect(SslMode::VerifyCa, Roots::Pem(&identity.root_pem), "other.example.com", &identity).unwrap();
    connect(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), HOST, &identity).unwrap();
    let error = refusal(SslMode::VerifyFull, Roots::Pem(&identity.root_pem), "other.example.com", &identity);
    assert!(error.contains("CN=db.example.com"), "{error}");
}

#[test]
fn the_manuals_quick_recipe_says_what_to_reissue_when_it_is_not_pinned() {
    let (identity, other) = (quick_recipe(|_| ()), quick_recipe(|_| ()));
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = refusal(mode, Roots::Pem(&other.root_pem), HOST, &identity);
        assert!(
            error.contains("sslrootcert") && error.contains("basicConstraints=critical,CA:FALSE"),
            "{error}"
        );
    }
}

#[test]
fn the_common_name_counts_only_without_any_alternative_name() {
    let only = signed(|p| *p = params(&[], HOST));
    connect(SslMode::VerifyFull, Roots::Pem(&only.root_pem), HOST, &only).unwrap();
    refusal(SslMode::VerifyFull, Roots::Pem(&only.root_pem), "other.example.com", &only);
    let both = signed(|p| *p = params(&["other.example.com"], HOST));
    refusal(SslMode::VerifyFull, Roots::Pem(&both.root_pem), HOST, &both);
    let pinned =
        quick_recipe(|p| p.subject_alt_names = params(&["other.example.com"], HOST).subject_alt_names);
    refusal(SslMode::VerifyFull, Roots::Pem(&pinned.root_pem), HOST, &pinned);
}

#[test]
fn a_certificate_without_its_key_is_refused_even_where_nothing_is_verified() {
    // Else a server in the middle could show the real certificate, and channel binding would prove nothing.
    let (real, thief) = (signed(|_| ()), signed(|_| ()));
    let old = version_1();
    for chain in [&real.chain, &old.chain] {
        for versions in [TLS12, TLS13] {
            let stolen =
                Identity { chain: chain.clone(), key: thief.key.clone_key(), root_pem: String::new() };
            let mut pair = Pair::new(SslMode::Require, Roots::None, HOST, server(&stolen, versions));
            assert_eq!(pair.pump().unwrap_err().kind(), ErrorKind::Tls);
        }
    }
}

fn version_1() -> Identity {
    Identity {
        chain: vec![CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap()],
        key: PrivateKeyDer::from_pem_slice(VERSION_1.as_bytes()).unwrap(),
        root_pem: VERSION_1.to_owned(),
    }
}

#[test]
fn a_version_1_certificate_works_where_nothing_is_verified() {
    let identity = version_1();
    for versions in [TLS12, TLS13] {
        for mode in [SslMode::Prefer, SslMode::Require] {
            let mut pair = Pair::new(mode, Roots::None, HOST, server(&identity, versions));
            pair.pump().unwrap();
            assert_eq!(pair.client.server_end_point().unwrap(), hex(VERSION_1_SHA256));
        }
    }
    let other = signed(|_| ());
    let error = refusal(SslMode::VerifyCa, Roots::Pem(&other.root_pem), HOST, &identity);
    assert!(error.contains("version 1") && error.contains("-extfile"), "{error}");
}

#[test]
fn the_end_point_is_hashed_by_the_certificates_algorithm() {
    let identity = signed(|_| ());
    let pair = connect(SslMode::Require, Roots::None, HOST, &identity).unwrap();
    assert_eq!(pair.client.server_end_point().unwrap(), Sha256::digest(&identity.chain[0]).to_vec());
    assert_eq!(
        Channel::new(client_config(SslMode::Require, Roots::None).unwrap(), HOST).unwrap().server_end_point(),
        None
    );

    let by = |algorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        params(&[HOST], "x").self_signed(&key).unwrap().der().to_vec()
    };
    let p384 = by(&rcgen::PKCS_ECDSA_P384_SHA384);
    assert_eq!(server_end_point(&p384).unwrap(), Sha384::digest(&p384).to_vec());
    assert_eq!(server_end_point(&by(&rcgen::PKCS_ED25519)), None);

    // Made and hashed by openssl: SHA-1 counts as SHA-256, SHA-512 as itself.
    let sha1 = CertificateDer::from_pem_slice(SIGNED_WITH_SHA1.as_bytes()).unwrap();
    assert_eq!(server_end_point(&sha1).unwrap(), hex(SIGNED_WITH_SHA1_SHA256));
    let sha512 = CertificateDer::from_pem_slice(SIGNED_WITH_SHA512.as_bytes()).unwrap();
    assert_eq!(server_end_point(&sha512).unwrap(), Sha512::digest(&sha512).to_vec());

    for length in 0..sha1.len() {
        assert_eq!(server_end_point(&sha1[..length]), None);
    }
}

#[test]
fn what_is_not_tls_is_told_and_never_a_panic() {
    let config = client_config(SslMode::Require, Roots::None).unwrap();
    let mut channel = Channel::new(config.clone(), HOST).unwrap();
    let error = channel.handle_ciphertext(b"EFATAL: this is no TLS server\0\0").unwrap_err();
    assert!(error.to_string().contains("not TLS"), "{error}");
    assert!(channel.poll_ciphertext(&mut Vec::new()), "an alert tells the server");

    let mut state = 3_u64;
    for _ in 0..2000 {
        let mut bytes = vec![22, 3, 3, 0, 40, 2, 0, 0, 36, 3, 3];
        for _ in 0..60 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bytes.push(state.to_be_bytes()[0]);
        }
        let mut channel = Channel::new(config.clone(), HOST).unwrap();
        let _ = channel.handle_ciphertext(&bytes);
        let _ = channel.handle_ciphertext(&bytes);
    }
}

#[test]
fn a_bit_flipped_after_the_handshake_ends_the_connection() {
    let mut pair = connect(SslMode::Require, Roots::None, HOST, &signed(|_| ())).unwrap();
    pair.server.writer().write_all(b"first").unwrap();
    pair.pump().unwrap();
    pair.server.writer().write_all(b"second").unwrap();
    let mut bytes = Vec::new();
    pair.server.write_tls(&mut bytes).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(pair.client.handle_ciphertext(&bytes).unwrap_err().is_closed());
    let mut heard = Vec::new();
    pair.client.read_plaintext(&mut heard);
    assert_eq!(heard, b"first", "what came before is still there");
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let error = |mode, roots: Roots<'_>| -> Error { client_config(mode, roots).unwrap_err() };
    assert!(error(SslMode::VerifyFull, Roots::None).to_string().contains("sslrootcert"));
    assert!(error(SslMode::VerifyCa, Roots::Pem("")).to_string().contains("holds no certificate"));
    assert!(
        error(SslMode::VerifyCa, Roots::Pem("no PEM at all")).to_string().contains("holds no certificate")
    );
    let broken = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    assert!(
        error(SslMode::VerifyCa, Roots::Pem(broken)).to_string().contains("certificate 1 of sslrootcert")
    );
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert!(error(SslMode::VerifyCa, Roots::Pem(cut)).to_string().contains("certificate 1 of sslrootcert"));
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(
        error(SslMode::VerifyCa, Roots::Pem(nonsense)).to_string().contains("certificate 1 of sslrootcert")
    );
    error(SslMode::Disable, Roots::None);
    let config = client_config(SslMode::Require, Roots::None).unwrap();
    for host in ["", "a b", "a..b", "-", &"x".repeat(100_000), "a\0b", "\u{e9}.com"] {
        let error = Channel::new(config.clone(), host).unwrap_err().to_string();
        assert!(error.contains("hostaddr") && error.len() < 1000, "{error}");
    }
}

#[test]
fn debug_shows_the_state_alone() {
    let pair = connect(SslMode::Require, Roots::None, HOST, &signed(|_| ())).unwrap();
    let shown = format!("{:?}", pair.client);
    assert!(shown.contains("TLSv1_3") && shown.contains("handshaking: false"), "{shown}");
    assert_eq!(format!("{:?}", Roots::Pem("secret")), "Pem(6 bytes)");
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

// Made by openssl for these tests; the key protects nothing.
// openssl x509 -req -in server.csr -signkey server.key, as in "Creating Certificates": without extensions, so version 1.
const VERSION_1_SHA256: &str = "2fcd62e93ca131f717f06b129a980f312da7af268e423cbd2509e1e80b924061";
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBLTCB1QIUDt7Ds4UoErAi8jyk2abw62jDkDEwCgYIKoZIzj0EAwIwGTEXMBUG
A1UEAwwOZGIuZXhhbXBsZS5jb20wIBcNMjYxMTIyMTUxMDA4WhgPMjEyNjEwMjkx
NTEwMDhaMBkxFzAVBgNVBAMMDmRiLmV4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEV9w4uklwMHQlQBWR1xQEUHp7LhWlGZNO5gb81HLKgznDTrRL
6coGIR0mz3lV9EjVFqDbId9YF1VL+zaD5IOIEzAKBggqhkjOPQQDAgNHADBEAiAf
5+3X1HrH5MjupiQ+H3Xac+QoLW5Zek6LGeMTiiyxKAIgZLp2A1DE/OFXDCUjFP5/
9X4l9dsvxEdReOxOEzAjKpQ=
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg92yZ9wiNq93aSjHA
3ufGNbGGXtkENPbrpj0K+gf9AwOhRANCAARX3Di6SXAwdCVAFZHXFARQensuFaUZ
k07mBvzUcsqDOcNOtEvpygYhHSbPeVX0SNUWoNsh31gXVUv7NoPkg4gT
-----END PRIVATE KEY-----
";

// openssl req -new -x509 -sha1, and -sha512
const SIGNED_WITH_SHA1_SHA256: &str = "26ecc21a80b371619e4fee8d16cc6a29429ed0cb531d1b7eea260126f920a703";
const SIGNED_WITH_SHA1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcjCCARqgAwIBAgIUOUJV0v3oAxuJF5/khqetqBeC8EwwCQYHKoZIzj0EATAP
MQ0wCwYDVQQDDARzaGExMCAXDTI2MTEyMjE1MTAwOFoYDzIxMjYxMDI5MTUxMDA4
WjAPMQ0wCwYDVQQDDARzaGExMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEV9w4
uklwMHQlQBWR1xQEUHp7LhWlGZNO5gb81HLKgznDTrRL6coGIR0mz3lV9EjVFqDb
Id9YF1VL+zaD5IOIE6NTMFEwHQYDVR0OBBYEFEMIBxilZWM642DHY6jlV8fPR7Kx
MB8GA1UdIwQYMBaAFEMIBxilZWM642DHY6jlV8fPR7KxMA8GA1UdEwEB/wQFMAMB
Af8wCQYHKoZIzj0EAQNHADBEAiA5Rczi8hVSCj4uSJGyU25a36F2crvrFb01aXqS
kOWyvAIgfohTIPBU2oRkwlsjzN9HWON+xC6Y1oEzJ8oI0B7BTHo=
-----END CERTIFICATE-----
";

const SIGNED_WITH_SHA512: &str = "\
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUCgkNfffozWkksCmYRHEmNelSB54wCgYIKoZIzj0EAwQw
ETEPMA0GA1UEAwwGc2hhNTEyMCAXDTI2MTEyMjE1MTAwOFoYDzIxMjYxMDI5MTUx
MDA4WjARMQ8wDQYDVQQDDAZzaGE1MTIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARX3Di6SXAwdCVAFZHXFARQensuFaUZk07mBvzUcsqDOcNOtEvpygYhHSbPeVX0
SNUWoNsh31gXVUv7NoPkg4gTo1MwUTAdBgNVHQ4EFgQUQwgHGKVlYzrjYMdjqOVX
x89HsrEwHwYDVR0jBBgwFoAUQwgHGKVlYzrjYMdjqOVXx89HsrEwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDBANIADBFAiEApZ2MbSNOVaTuoBA3szyPo/LyM/p1
hSnsuaW7itSrpp4CIF0NimfCwKGCxSg/v1sOkh9nCR5rl/R6X2nKHJ4q6RSI
-----END CERTIFICATE-----
";
