//! How much TLS is wanted, and whom it trusts.

use crate::error::{Error, Result};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `sslmode`. TLS is never used on a Unix socket. Source: "libpq: SSL Support", table "SSL Mode Descriptions".
///
/// | mode | listening | standing in for the server |
/// |---|---|---|
/// | `disable` | possible | possible |
/// | `prefer` | possible where the server has no TLS | possible |
/// | `require` | prevented | possible |
/// | `verify-ca` | prevented | prevented, as far as the CA is trusted |
/// | `verify-full` | prevented | prevented |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, its certificate unchecked.
    #[default]
    Prefer,
    /// TLS, its certificate unchecked unless a root certificate is given: then as `verify-ca`.
    Require,
    /// TLS, with a certificate that a trusted root has signed.
    VerifyCa,
    /// The same, and the certificate names the host.
    VerifyFull,
}

impl SslMode {
    /// Whether the server's certificate is checked.
    pub fn verifies(self) -> bool {
        self >= SslMode::VerifyCa
    }
}

impl FromStr for SslMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<SslMode> {
        match text {
            "disable" => Ok(SslMode::Disable),
            "prefer" => Ok(SslMode::Prefer),
            "require" => Ok(SslMode::Require),
            "verify-ca" => Ok(SslMode::VerifyCa),
            "verify-full" => Ok(SslMode::VerifyFull),
            "allow" => {
                Err(Error::config("sslmode=allow (TLS only after a refusal without) is not supported")
                    .hint("use prefer or, better, require"))
            }
            _ => Err(Error::config(format!("sslmode \"{}\" is not known", text.escape_debug()))
                .hint("use disable, prefer, require, verify-ca or verify-full")),
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        })
    }
}

/// `sslrootcert`: whose signature on the server's certificate is trusted.
#[derive(Clone, PartialEq, Eq)]
pub enum RootCert {
    /// `sslrootcert=system`: the roots that the client crate brings or finds. Implies `verify-full`.
    System,
    /// A PEM file; the client crate reads it.
    Path(PathBuf),
    /// The text of a PEM file.
    Pem(String),
}

impl fmt::Debug for RootCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RootCert::System => f.write_str("system"),
            RootCert::Path(path) => write!(f, "{path:?}"),
            RootCert::Pem(text) => write!(f, "PEM text of {} bytes", text.len()),
        }
    }
}
