//! The one error of the harness: a text that says what failed and what to do about it. Nothing else belongs here.

use std::{fmt, io, path::Path, process::Output};

/// Why a server or database could not be had; its text names the cure.
///
/// A test has nothing to decide on, so there are no kinds: print it.
#[derive(Debug, Clone)]
pub struct Error {
    text: String,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn new(text: impl Into<String>) -> Error {
        Error { text: text.into() }
    }

    /// `cannot <doing> <path>: <what the system said>`.
    pub(super) fn io(doing: &str, path: &Path, error: &io::Error) -> Error {
        let mut text = format!("cannot {doing} {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::PermissionDenied => text.push_str(" (is it owned by another user?)"),
            io::ErrorKind::StorageFull => text.push_str(" (free some space; a server needs about 60 MB)"),
            _ => {}
        }
        Error { text }
    }

    /// A program that ran and failed, with all that it said.
    pub(super) fn program(what: &str, output: &Output) -> Error {
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        Error::new(format!("{what} failed ({}): {}", output.status, String::from_utf8_lossy(&said).trim()))
    }

    /// The same error with the step that met it in front.
    pub(super) fn during(self, step: &str) -> Error {
        Error { text: format!("{step}: {}", self.text) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
