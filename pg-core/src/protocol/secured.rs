//! A connection's TLS: the request, the handshake, and the bytes in between.

use crate::error::{Error, ErrorKind, Result};
use crate::tls::channel::Channel;
use crate::wire::frame::Input;
use crate::wire::writer::LARGE_OUTPUT;
use std::fmt;
use std::sync::Arc;

/// What was asked for, and what came of it.
#[derive(Debug)]
pub struct Secure {
    config: Arc<rustls::ClientConfig>,
    server_name: String,
    required: bool,
    outcome: Outcome,
}

/// How the server answered SSLRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Asked,
    Refused,
    /// With the data for channel binding, if the certificate has any.
    Established(Option<Vec<u8>>),
}

impl Secure {
    pub(crate) fn new(config: Arc<rustls::ClientConfig>, server_name: String, required: bool) -> Secure {
        Secure { config, server_name, required, outcome: Outcome::Asked }
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    pub(crate) fn established(&mut self, end_point: Option<Vec<u8>>) {
        self.outcome = Outcome::Established(end_point);
    }

    pub(crate) fn refused(&mut self) -> Result<()> {
        if self.required {
            return Err(Error::new(ErrorKind::Tls, "the server doesn't speak TLS, and sslmode demands it")
                .hint(
                    "set `ssl = on` on the server; or sslmode=prefer or disable, if the network is trusted",
                ));
        }
        self.outcome = Outcome::Refused;
        Ok(())
    }
}

/// The channel, with the ciphertext that goes in and out.
pub(crate) struct Secured {
    channel: Channel,
    received: Vec<u8>,
    plaintext: Vec<u8>,
    transmit: Vec<u8>,
    sent: usize,
}

/// Shows how much is there and nothing of it.
impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Secured { received, plaintext, transmit, .. } = self;
        let lengths = (received.len(), plaintext.len(), transmit.len());
        write!(f, "Secured({} bytes received, {} in clear, {} to transmit)", lengths.0, lengths.1, lengths.2)
    }
}

impl Secured {
    pub(crate) fn new(secure: &Secure) -> Result<Secured> {
        Ok(Secured {
            channel: Channel::new(secure.config.clone(), &secure.server_name)?,
            received: vec![0; 16 * 1024],
            plaintext: Vec::new(),
            transmit: Vec::new(),
            sent: 0,
        })
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.channel.is_handshaking()
    }

    pub(crate) fn end_point(&self) -> Option<Vec<u8>> {
        self.channel.server_end_point()
    }

    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.received
    }

    /// Takes ciphertext, and gives the plaintext in it to the input.
    pub(crate) fn handle_read(&mut self, count: usize, input: &mut Input) -> Result<()> {
        self.channel.handle_ciphertext(self.received.get(..count).unwrap_or_default())?;
        self.plaintext.clear();
        self.channel.read_plaintext(&mut self.plaintext);
        input.extend(&self.plaintext);
        Ok(())
    }

    /// Takes what is to be sent, encrypted; whether it was all taken. During the handshake nothing is.
    pub(crate) fn take_plaintext(&mut self, out: &[u8]) -> Result<bool> {
        let takes = !self.channel.is_handshaking() && !out.is_empty();
        if takes {
            self.channel.write_plaintext(out)?;
        }
        self.channel.poll_ciphertext(&mut self.transmit);
        Ok(takes)
    }

    pub(crate) fn poll_transmit(&mut self) -> &[u8] {
        self.transmit.get(self.sent..).unwrap_or_default()
    }

    /// How much of what was encrypted waits to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.transmit.len().saturating_sub(self.sent)
    }

    /// How many bytes its buffers take.
    pub(crate) fn memory(&self) -> usize {
        [&self.received, &self.plaintext, &self.transmit].iter().map(|buffer| buffer.capacity()).sum()
    }

    pub(crate) fn handle_sent(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count);
        if self.sent >= self.transmit.len() {
            self.transmit.clear();
            self.transmit.shrink_to(LARGE_OUTPUT);
            self.sent = 0;
        }
    }
}
