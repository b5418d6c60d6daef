//! A recording inside TLS: the handshake is made anew each time, with a server in memory that has the recording inside.

use super::replay::{Fault, Link, Pieces, taken};
use super::{Played, Recording, Turn, Wire};
use pg_core::config::ssl::SslMode;
use pg_core::exchange::startup::Tls;
use pg_core::protocol::connection::Connection;
use pg_core::tls::config::{Roots, client_config};
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

pub(super) fn play(recording: &Recording, fault: Fault, pieces: Pieces) -> Played {
    static CLIENT: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        client_config(SslMode::Require, Roots::None).unwrap_or_else(|error| panic!("{error}"))
    });
    let tls = Tls { config: client.clone(), server_name: "localhost".to_owned(), required: true };
    let mut wire = Encrypted {
        recording,
        server: rustls::ServerConnection::new(server_config()).expect("a server"),
        link: Link::new(fault, pieces),
        asked: false,
        sent: 0,
        played: 0,
        ciphertext: Vec::new(),
    };
    let (outcomes, is_closed, longest) =
        super::play(recording.script, &recording.settings, Some(tls), &recording.database, &mut wire);
    wire.link.played(outcomes, is_closed, longest)
}

fn server_config() -> Arc<rustls::ServerConfig> {
    static CONFIG: OnceLock<Arc<rustls::ServerConfig>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let names = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            let certificate = names.self_signed(&key).expect("a certificate");
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])
                .expect("TLS 1.3")
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    key.serialize_der().try_into().expect("a key in DER"),
                );
            Arc::new(config.expect("a configuration"))
        })
        .clone()
}

struct Encrypted<'r> {
    recording: &'r Recording,
    server: rustls::ServerConnection,
    link: Link,
    asked: bool,
    sent: usize,
    played: usize,
    ciphertext: Vec<u8>,
}

impl Encrypted<'_> {
    fn serve(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            // A client that has given up says so with an alert.
            if self.server.read_tls(&mut bytes).is_err() || self.server.process_new_packets().is_err() {
                return;
            }
        }
        let mut plain = Vec::new();
        let _ = self.server.reader().read_to_end(&mut plain);
        self.sent += plain.len();
        if !self.server.is_handshaking() {
            let said = self.recording.said_after(self.sent);
            let more = &self.recording.said[self.played..said];
            self.server.writer().write_all(more).expect("written to memory");
            self.played = said;
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.ciphertext).expect("written to memory");
        }
    }
}

impl Wire for Encrypted<'_> {
    fn turn(&mut self, connection: &mut Connection) -> Turn {
        let bytes = taken(connection);
        if self.asked {
            self.serve(&bytes);
        } else {
            assert_eq!(bytes, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest");
            self.ciphertext.push(b'S');
            self.asked = true;
        }
        self.link.deliver(connection, &self.ciphertext)
    }
}
