//! What rustls refuses, in words that say what to do.

use crate::error::{Error, ErrorKind};
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};
use std::fmt::Write;

/// How to make a certificate that every client takes.
const REISSUE: &str = "openssl req -new -x509 -days 365 -nodes -subj \"/CN=HOST\" -addext \"subjectAltName=DNS:HOST\" \
                       -addext \"basicConstraints=critical,CA:FALSE\" -out server.crt -keyout server.key";

/// The error of a handshake with `host` that failed.
pub(super) fn handshake(host: &str, error: rustls::Error) -> Error {
    let (what, cure) = match &error {
        rustls::Error::InvalidCertificate(reason) => certificate(host, reason),
        rustls::Error::NoCertificatesPresented => (
            "the server showed no certificate".to_owned(),
            Some("set ssl_cert_file on the server".to_owned()),
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => (
            "the server wants a client certificate, which is not supported yet".to_owned(),
            Some("take clientcert out of pg_hba.conf for this role".to_owned()),
        ),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => (
            "the server has no TLS version in common with us (1.2 and 1.3)".to_owned(),
            Some("set ssl_min_protocol_version = 'TLSv1.2' on the server".to_owned()),
        ),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => (
            "the server refused the handshake: most likely it has no cipher suite in common with us"
                .to_owned(),
            Some("let ssl_ciphers on the server have ECDHE with AES-GCM or ChaCha20".to_owned()),
        ),
        rustls::Error::AlertReceived(alert) => (format!("the server refused the handshake: {alert:?}"), None),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => (
            "what the server sends is not TLS".to_owned(),
            Some("check that host and port are a PostgreSQL server's".to_owned()),
        ),
        other => (other.to_string(), None),
    };
    let out = Error::new(ErrorKind::Tls, format!("TLS with {}: {what}", host.escape_debug()));
    match cure {
        Some(cure) => out.hint(cure),
        None => out,
    }
}

fn certificate(host: &str, reason: &CertificateError) -> (String, Option<String>) {
    let host = host.escape_debug();
    let days = |seconds: u64| match seconds / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "the server's certificate is signed by no trusted root".to_owned(),
            Some(
                "set sslrootcert to the certificate of the CA that signed it, or to the server's own if it is \
                 self-signed"
                    .to_owned(),
            ),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let mut what = "the server's certificate is not for this host".to_owned();
            if !presented.is_empty() {
                what.push_str(", but for ");
            }
            for (at, name) in presented.iter().take(10).enumerate() {
                let separator = if at == 0 { "" } else { ", " };
                let short: String = name.chars().take(100).collect();
                // Writing to a String can't fail.
                let _ = write!(what, "{separator}{}", short.escape_debug());
            }
            (what, Some(wrong_name(&host)))
        }
        CertificateError::NotValidForName => {
            ("the server's certificate is not for this host".to_owned(), Some(wrong_name(&host)))
        }
        CertificateError::ExpiredContext { time, not_after } => (
            format!(
                "the server's certificate expired {} ago",
                days(time.as_secs().saturating_sub(not_after.as_secs()))
            ),
            Some("renew the server's certificate, or set this machine's clock".to_owned()),
        ),
        CertificateError::Expired => (
            "the server's certificate has expired".to_owned(),
            Some("renew the server's certificate, or set this machine's clock".to_owned()),
        ),
        CertificateError::NotValidYetContext { time, not_before } => (
            format!(
                "the server's certificate is valid only in {}",
                days(not_before.as_secs().saturating_sub(time.as_secs()))
            ),
            Some("set this machine's clock, or the server's when the certificate was made".to_owned()),
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
            "the server's certificate is not meant for servers".to_owned(),
            Some("reissue it with extendedKeyUsage=serverAuth, or without extendedKeyUsage".to_owned()),
        ),
        // webpki's own errors have no variants in rustls, only their names.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            "the server uses a CA certificate as its own, and it is not pinned".to_owned(),
            Some(format!("set sslrootcert to a copy of that very certificate, or reissue it: {REISSUE}")),
        ),
        CertificateError::Other(other) if format!("{other:?}").contains("UnsupportedCertVersion") => (
            "the server's certificate is of X.509 version 1, which can't be verified".to_owned(),
            Some(
                "reissue it with an extension, which makes it version 3: openssl x509 -req .. -extfile <(echo \
                 subjectAltName=DNS:HOST)"
                    .to_owned(),
            ),
        ),
        CertificateError::BadEncoding => ("the server's certificate can't be read".to_owned(), None),
        other => (format!("the server's certificate is refused: {other}"), None),
    }
}

fn wrong_name(host: &impl std::fmt::Display) -> String {
    format!(
        "connect by a name that the certificate has, reissue it with subjectAltName=DNS:{host}, or use \
         sslmode=verify-ca, which doesn't check the name"
    )
}
