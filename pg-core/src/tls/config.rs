//! `sslmode` and the root certificates as a configuration of rustls.

use crate::config::ssl::SslMode;
use crate::error::{Error, Result};
use crate::tls::certificate::{Checks, Verifier};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;

/// Whose signature is trusted.
pub enum Roots<'a> {
    /// Nobody's: enough for `prefer` and `require`, which then check nothing.
    None,
    /// The certificates of a PEM text, such as the file of `sslrootcert`. A server may present one of them as its own.
    Pem(&'a str),
    /// Ready trust anchors, such as those of the system.
    Store(RootCertStore),
}

impl fmt::Debug for Roots<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Roots::None => f.write_str("None"),
            Roots::Pem(text) => write!(f, "Pem({} bytes)", text.len()),
            Roots::Store(store) => write!(f, "Store({} anchors)", store.len()),
        }
    }
}

/// A configuration for `mode`: TLS 1.2 and 1.3 by ring, no client certificate, no session resumption (PostgreSQL has
/// none).
///
/// | mode | without roots | with roots |
/// |---|---|---|
/// | `prefer` | nothing is checked | nothing is checked |
/// | `require` | nothing is checked | as `verify-ca` |
/// | `verify-ca` | error | chain and validity |
/// | `verify-full` | error | chain, validity and host name |
///
/// A certificate that is byte for byte one of the PEM roots needs no chain, even when it is a CA certificate: that is
/// what "Creating Certificates" in the manual makes. A certificate without any subject alternative name is judged by
/// its common name, as in libpq.
///
/// # Errors
/// `disable`; a verifying mode without roots; PEM text that can't be read or holds no certificate.
pub fn client_config(mode: SslMode, roots: Roots<'_>) -> Result<Arc<ClientConfig>> {
    let checks = match (mode, &roots) {
        (SslMode::Disable, _) => return Err(Error::config("sslmode=disable needs no TLS configuration")),
        (SslMode::Prefer, _) | (SslMode::Require, Roots::None) => Checks::Nothing,
        (SslMode::VerifyCa | SslMode::VerifyFull, Roots::None) => {
            return Err(Error::config(format!(
                "sslmode={mode} has no root certificate to check the server's against"
            ))
            .hint("set sslrootcert to a file with the CA's certificate, or to system"));
        }
        (SslMode::Require | SslMode::VerifyCa, _) => Checks::Chain,
        (SslMode::VerifyFull, _) => Checks::ChainAndName,
    };
    let (roots, pinned) = match roots {
        _ if checks == Checks::Nothing => (RootCertStore::empty(), Vec::new()),
        Roots::None => (RootCertStore::empty(), Vec::new()),
        Roots::Store(store) => (store, Vec::new()),
        Roots::Pem(text) => read_pem(text)?,
    };

    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Verifier { checks, roots, pinned, algorithms };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::config("rustls has no TLS version for the ring provider").with_source(e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    // As libpq 17 does; older servers don't answer it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Arc::new(config))
}

fn read_pem(text: &str) -> Result<(RootCertStore, Vec<CertificateDer<'static>>)> {
    let mut roots = RootCertStore::empty();
    let mut pinned = Vec::new();
    for (number, certificate) in CertificateDer::pem_slice_iter(text.as_bytes()).enumerate() {
        let wrong = || Error::config(format!("certificate {} of sslrootcert can't be read", number + 1));
        let certificate = certificate.map_err(|_| {
            wrong()
                .hint("the file must be PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----")
        })?;
        roots.add(certificate.clone()).map_err(|e| wrong().with_source(e))?;
        pinned.push(certificate);
    }
    if pinned.is_empty() {
        return Err(Error::config("sslrootcert holds no certificate")
            .hint("the file must be PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----"));
    }
    Ok((roots, pinned))
}
