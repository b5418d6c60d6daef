//! One TLS connection as a pair of byte queues.

use crate::error::{Error, ErrorKind, Result};
use crate::tls::end_point::server_end_point;
use crate::tls::explain;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::fmt;
use std::io::{BufRead, Write};
use std::sync::Arc;

/// The TLS side of one connection, without a socket.
///
/// | verb | what moves |
/// |---|---|
/// | [`handle_ciphertext`](Channel::handle_ciphertext) | bytes from the socket in |
/// | [`read_plaintext`](Channel::read_plaintext) | what they said out |
/// | [`write_plaintext`](Channel::write_plaintext) | what we say in |
/// | [`poll_ciphertext`](Channel::poll_ciphertext) | bytes for the socket out |
///
/// A new channel has its ClientHello ready. Plaintext written during the handshake waits for its end. After an error of
/// `handle_ciphertext`, one more `poll_ciphertext` gives the alert that tells the server why; then the connection is
/// done.
///
/// A channel holds no more than was handed in and not yet taken out.
pub struct Channel {
    tls: Box<ClientConnection>,
    host: String,
    plaintext: Vec<u8>,
    peer_closed: bool,
}

impl Channel {
    /// A channel to `server_name`: a host name or an IP address, sent to the server (names only) and checked under
    /// `verify-full`.
    ///
    /// # Errors
    /// When `server_name` is neither.
    pub fn new(config: Arc<ClientConfig>, server_name: &str) -> Result<Channel> {
        let shown = || server_name.chars().take(300).collect::<String>();
        let name = ServerName::try_from(server_name.to_owned()).map_err(|_| {
            Error::new(
                ErrorKind::Tls,
                format!("\"{}\" is no host name that TLS can use", shown().escape_debug()),
            )
            .hint("give the host as a DNS name or an IP address; hostaddr may hold where to connect")
        })?;
        let mut tls = ClientConnection::new(config, name).map_err(|e| explain::handshake(server_name, e))?;
        // The caller decides how much it hands in at once.
        tls.set_buffer_limit(None);
        Ok(Channel {
            tls: Box::new(tls),
            host: server_name.to_owned(),
            plaintext: Vec::new(),
            peer_closed: false,
        })
    }

    /// Takes all of `bytes`, which came from the socket, in any portions.
    ///
    /// # Errors
    /// A TLS error during the handshake (the certificate, no common version), a protocol error after it. The plaintext
    /// that came before stays readable.
    pub fn handle_ciphertext(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let taken =
                self.tls.read_tls(&mut bytes).map_err(|e| Error::io(format!("TLS with {}", self.host), e))?;
            let outcome = self.tls.process_new_packets();
            // What was said before a failure was said: take it out first.
            self.take_plaintext()?;
            match outcome {
                Ok(state) => self.peer_closed |= state.peer_has_closed(),
                Err(error) if self.tls.is_handshaking() => return Err(explain::handshake(&self.host, error)),
                Err(error) => {
                    return Err(
                        Error::protocol(format!("TLS with {}", self.host.escape_debug())).with_source(error)
                    );
                }
            }
            // Nothing more is taken after close_notify.
            if taken == 0 || self.peer_closed {
                break;
            }
        }
        Ok(())
    }

    fn take_plaintext(&mut self) -> Result<()> {
        let mut reader = self.tls.reader();
        loop {
            match reader.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(chunk) => {
                    self.plaintext.extend_from_slice(chunk);
                    let taken = chunk.len();
                    reader.consume(taken);
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(Error::io(format!("TLS with {}", self.host), e)),
            }
        }
    }

    /// Appends what the server said to `out` and gives the number of bytes.
    pub fn read_plaintext(&mut self, out: &mut Vec<u8>) -> usize {
        let count = self.plaintext.len();
        if out.is_empty() && out.capacity() < count {
            std::mem::swap(out, &mut self.plaintext);
        } else {
            out.append(&mut self.plaintext);
        }
        count
    }

    /// Takes all of `bytes` to be sent.
    ///
    /// # Errors
    /// An I/O error once the connection has failed.
    pub fn write_plaintext(&mut self, bytes: &[u8]) -> Result<()> {
        self.tls.writer().write_all(bytes).map_err(|e| Error::io(format!("TLS with {}", self.host), e))
    }

    /// Appends what has to go to the socket to `out`; whether there was anything.
    pub fn poll_ciphertext(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        while self.tls.wants_write() {
            // Writing to a Vec can't fail.
            if self.tls.write_tls(out).is_err() {
                break;
            }
        }
        out.len() > before
    }

    /// Bytes for the socket are ready: see [`poll_ciphertext`](Channel::poll_ciphertext).
    pub fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// The handshake is not complete yet.
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// The server has said that it ends the connection (close_notify). Without it, an end of the stream may be somebody
    /// else's doing.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Says that we end the connection; [`poll_ciphertext`](Channel::poll_ciphertext) gives the bytes.
    pub fn send_close_notify(&mut self) {
        self.tls.send_close_notify();
    }

    /// The hash of the server's certificate for SCRAM's channel binding; `None` before it was seen or where it has
    /// none (see [`server_end_point`]).
    pub fn server_end_point(&self) -> Option<Vec<u8>> {
        server_end_point(self.tls.peer_certificates()?.first()?)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("host", &self.host)
            .field("version", &self.tls.protocol_version())
            .field("handshaking", &self.tls.is_handshaking())
            .field("peer_closed", &self.peer_closed)
            .finish_non_exhaustive()
    }
}
