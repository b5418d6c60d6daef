//! The check of the server's certificate, as strict as `sslmode` says.
//!
//! Beyond rustls' own verifier it takes what PostgreSQL's manual tells people to make: a self-signed CA certificate used
//! as the server's own (when it is pinned), a host name in the common name only, and, where nothing is verified, X.509
//! version 1.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

/// What is checked of a certificate. Its owner's signature on the handshake is always checked, else channel binding
/// would prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checks {
    Nothing,
    Chain,
    ChainAndName,
}

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) checks: Checks,
    pub(super) roots: RootCertStore,
    /// The roots that were given as certificates: a server may present one of them as its own.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.checks == Checks::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        if self.pinned.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref()) {
            // webpki refuses a CA certificate as a server's own. A pinned one needs no chain: it is trusted by itself.
            in_validity(end_entity, now)?;
        } else {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        if self.checks == Checks::ChainAndName {
            names(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_ok() {
            return verify_tls12_signature(message, certificate, signed, &self.algorithms);
        }
        // X.509 version 1, which webpki doesn't parse: the same check with the bare key.
        let certificate = parse(certificate)?;
        let key = certificate.tbs_certificate().subject_public_key_info();
        let id = key.algorithm.to_der().map_err(|_| CertificateError::BadEncoding)?;
        let fitting = self
            .algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter())
            // A SEQUENCE's tag and length, then the identifier.
            .filter(|algorithm| id.get(2..).is_some_and(|id| id == algorithm.public_key_alg_id().as_ref()));
        for algorithm in fitting {
            let key = key.subject_public_key.raw_bytes();
            if algorithm.verify_signature(key, message, signed.signature()).is_ok() {
                return Ok(HandshakeSignatureValid::assertion());
            }
        }
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_ok() {
            return verify_tls13_signature(message, certificate, signed, &self.algorithms);
        }
        let certificate = parse(certificate)?;
        let key = certificate.tbs_certificate().subject_public_key_info().to_der();
        let key = SubjectPublicKeyInfoDer::from(key.map_err(|_| CertificateError::BadEncoding)?);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parse(der: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding.into())
}

fn in_validity(der: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = parse(der)?;
    let validity = certificate.tbs_certificate().validity();
    let not_before = UnixTime::since_unix_epoch(validity.not_before.to_unix_duration());
    let not_after = UnixTime::since_unix_epoch(validity.not_after.to_unix_duration());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(())
}

/// Whether the certificate is for `server_name`: by its subject alternative names or, only where it has none at all, by
/// its common name, as libpq does.
fn names(der: &CertificateDer<'_>, server_name: &ServerName<'_>) -> Result<(), Error> {
    let refusal = match ParsedCertificate::try_from(der) {
        Ok(parsed) => match verify_server_name(&parsed, server_name) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        },
        Err(version_1) => version_1,
    };
    let certificate = parse(der)?;
    let tbs = certificate.tbs_certificate();
    let alternatives =
        tbs.extensions().is_some_and(|all| all.iter().any(|one| one.extn_id.to_string() == "2.5.29.17"));
    if alternatives {
        return Err(refusal);
    }
    let common_name = tbs.subject().common_name().ok().flatten().map(String::from);
    match common_name {
        Some(common_name) if matches_common_name(&common_name, server_name) => Ok(()),
        common_name => Err(CertificateError::NotValidForNameContext {
            expected: server_name.to_owned(),
            presented: common_name.into_iter().map(|name| format!("CN={name}")).collect(),
        }
        .into()),
    }
}

/// Case is ignored; `*` stands for the whole first label and nothing else, and never for an address.
fn matches_common_name(pattern: &str, server_name: &ServerName<'_>) -> bool {
    match server_name {
        ServerName::IpAddress(address) => {
            pattern.parse().is_ok_and(|ip: std::net::IpAddr| rustls::pki_types::IpAddr::from(ip) == *address)
        }
        ServerName::DnsName(name) => {
            let name = name.as_ref().trim_end_matches('.');
            match pattern.strip_prefix("*.") {
                Some(rest) => {
                    rest.contains('.')
                        && name.split_once('.').is_some_and(|(label, parent)| {
                            !label.is_empty() && parent.eq_ignore_ascii_case(rest)
                        })
                }
                None => name.eq_ignore_ascii_case(pattern),
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_matches_as_in_libpq_and_no_wider() {
        for (pattern, name, expected) in [
            ("db.example.com", "DB.example.com", true),
            ("db.example.com", "db.example.com.", true),
            ("db.example.com", "x.db.example.com", false),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.db.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "example", false),
            ("d*.example.com", "db.example.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("*.0.0.1", "10.0.0.1", false),
            ("::1", "::1", true),
            ("", "db", false),
        ] {
            let server_name = ServerName::try_from(name).unwrap();
            assert_eq!(matches_common_name(pattern, &server_name), expected, "{pattern} {name}");
        }
    }
}
