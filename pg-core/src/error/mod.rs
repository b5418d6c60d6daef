//! The one error of the workspace: who raised it, where, what was expected, and whether a retry is safe.
//!
//! Every failure, from a bad connection string to a dropped link, is an [`Error`]. Its [`ErrorKind`] says which party
//! raised it; predicates answer what callers branch on; `Display` prints the statement with a caret under the
//! position the server named. Nothing secret is ever put into one.

mod server;

pub use server::{MalformedReport, Position, ServerError};

use crate::sqlstate::SqlState;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who raised an [`Error`], and so what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server refused: see [`Error::server`] for all its fields.
    Server,
    /// The peer sent what the protocol doesn't allow; the connection is closed.
    Protocol,
    /// The link failed; the connection is closed.
    Io,
    /// A deadline passed.
    Timeout,
    /// Waiting was interrupted by the caller's own means; what ran was cancelled.
    Interrupted,
    /// The connection was closed before the call.
    Closed,
    /// The call itself is wrong, such as a parameter too many.
    Usage,
    /// A connection string or setting is wrong.
    Config,
    /// Login failed on our side, such as a server that can't prove it knows the password.
    Authentication,
    /// The TLS handshake failed or TLS was required and not offered.
    Tls,
    /// A parameter can't be written as the SQL type.
    Encode,
    /// A value or row can't be read as the Rust type.
    Decode,
    /// The link failed after COMMIT was sent: the transaction may or may not have been committed.
    CommitUnknown,
    /// COMMIT was answered by a rollback, because a statement of the transaction had failed.
    RolledBack,
    /// A call that wants exactly one row got none, or more than one.
    RowCount,
    /// More memory would be taken than was allowed.
    Limit,
}

/// Any failure of this library. One pointer wide.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    sql: Option<Box<str>>,
    server: Option<ServerError>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    type_altered: bool,
}

impl Error {
    /// An error of `kind` that says `message`: lower case, no full stop, naming who, where and what was expected.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            sql: None,
            server: None,
            source: None,
            type_altered: false,
        }))
    }

    /// What the server said.
    pub fn from_server(error: ServerError) -> Error {
        let mut e = Error::new(ErrorKind::Server, String::new());
        e.0.server = Some(error);
        e
    }

    /// A broken protocol rule; the caller closes the connection.
    pub fn protocol(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Protocol, message)
    }

    /// A failed system call: `doing` says what was tried, such as `connecting to 127.0.0.1:5432`.
    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, doing).with_source(source)
    }

    /// A wrong call.
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Usage, message)
    }

    /// A wrong setting or connection string.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, message)
    }

    /// A value that the SQL type can't hold.
    pub fn encode(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Encode, message)
    }

    /// A value that the Rust type can't hold, or bytes that are not a value.
    pub fn decode(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Decode, message)
    }

    /// A deadline passed. `beneath` is what the server said when the statement was cancelled.
    pub fn late(limit: Duration, beneath: Option<Error>) -> Error {
        let mut error = Error::new(ErrorKind::Timeout, format!("the deadline of {limit:?} has passed"))
            .hint("give such calls more time: `session.within(..)`, or `set_deadline(..)` for all calls");
        if let Some(mut beneath) = beneath {
            error.0.sql = beneath.0.sql.take();
            error.0.source = Some(beneath.into());
        }
        error
    }

    /// Adds the cure, one sentence that says what to do. The first one given stays.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Puts this cure in place of one that was given before: it knows better where the error comes from.
    #[must_use]
    pub(crate) fn with_cure(mut self, cure: impl Into<String>) -> Error {
        self.0.hint = Some(cure.into());
        self
    }

    /// Adds the statement that was being run. The first one given stays.
    #[must_use]
    pub fn with_sql(mut self, sql: &str) -> Error {
        self.0.sql.get_or_insert_with(|| sql.into());
        self
    }

    /// Puts `context: ` before the message, such as the column in which decoding failed.
    #[must_use]
    pub fn within(mut self, context: impl fmt::Display) -> Error {
        // A server's report has its own message, which Display puts after the context.
        let message = &self.0.message;
        self.0.message =
            if message.is_empty() { context.to_string() } else { format!("{context}: {message}") };
        self
    }

    /// Adds the error beneath this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Says that a type isn't any more what the catalog told of it, so that it must be looked up anew.
    pub(crate) fn type_altered(mut self) -> Error {
        self.0.type_altered = true;
        self.hint("the type was altered or made anew since it was looked up: run the statement again")
    }

    /// Whether a type must be looked up anew.
    pub(crate) fn is_type_altered(&self) -> bool {
        self.0.type_altered
    }

    /// The same failure as another kind: a lost link during COMMIT becomes [`ErrorKind::CommitUnknown`].
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.0.kind = kind;
        self
    }

    /// Who raised it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// All fields of the server's report; `None` unless the server raised it.
    pub fn server(&self) -> Option<&ServerError> {
        self.0.server.as_ref()
    }

    /// The server's code; `None` unless the server raised it.
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.0.server.as_ref().map(|s| s.sqlstate)
    }

    /// The message alone: no statement, no caret, no hint. A server's report is given in its own words.
    pub fn message(&self) -> &str {
        self.0.server.as_ref().map_or(&self.0.message, |server| &server.message)
    }

    /// The message with what is beneath it, on one line.
    pub fn summary(&self) -> String {
        match &self.0.source {
            Some(source) => format!("{}: {source}", self.message()),
            None => self.message().to_owned(),
        }
    }

    /// What to do about it: ours, else the server's.
    pub fn cure(&self) -> Option<&str> {
        self.0.hint.as_deref().or_else(|| self.0.server.as_ref()?.hint.as_deref())
    }

    /// The statement that was being run, where one was.
    pub fn sql(&self) -> Option<&str> {
        self.0.sql.as_deref()
    }

    /// A serialization failure or a deadlock: running the whole transaction again can succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.sqlstate(), Some(SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED))
    }

    /// `23505`: a row with this key exists.
    pub fn is_unique_violation(&self) -> bool {
        self.sqlstate() == Some(SqlState::UNIQUE_VIOLATION)
    }

    /// `23503`: the row referred to doesn't exist, or is still referred to.
    pub fn is_foreign_key_violation(&self) -> bool {
        self.sqlstate() == Some(SqlState::FOREIGN_KEY_VIOLATION)
    }

    /// `23514`: a check, of a table or a domain, failed.
    pub fn is_check_violation(&self) -> bool {
        self.sqlstate() == Some(SqlState::CHECK_VIOLATION)
    }

    /// `57014`: the statement was cancelled, by a request or by `statement_timeout`.
    pub fn is_cancelled(&self) -> bool {
        self.sqlstate() == Some(SqlState::QUERY_CANCELED)
    }

    /// A deadline of ours passed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// The connection can't be used any more. (A server error that ends the session counts too.)
    pub fn is_closed(&self) -> bool {
        match self.0.kind {
            ErrorKind::Protocol | ErrorKind::Io | ErrorKind::Closed | ErrorKind::CommitUnknown => true,
            ErrorKind::Server => self.0.server.as_ref().is_some_and(ServerError::is_fatal),
            _ => false,
        }
    }
}

impl From<MalformedReport> for Error {
    fn from(report: MalformedReport) -> Error {
        Error::protocol(report.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.message.is_empty() {
            f.write_str(&self.0.message)?;
            if let Some(source) = &self.0.source {
                write!(f, ": {source}")?;
            }
            if self.0.server.is_some() {
                f.write_str(": ")?;
            }
        }
        if let Some(server) = &self.0.server {
            server.write(f, self.0.sql.as_deref())?;
        } else if let Some(sql) = &self.0.sql {
            write!(f, "\nSTATEMENT:  {sql}")?;
        }
        if let Some(hint) = self.0.hint.as_deref() {
            write!(f, "\nHINT:  {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a test's `unwrap` prints: the same words a person reads, and the kind.
        write!(f, "{:?} error: {self}", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_error_shows_the_statement_with_a_caret_under_the_position() {
        let body =
            b"SERROR\0VERROR\0C42703\0Mcolumn \"nam\" does not exist\0HPerhaps you meant \"name\".\0P8\0\0";
        let error = Error::from_server(ServerError::parse(body).unwrap()).with_sql("select nam\nfrom users");
        assert_eq!(
            error.to_string(),
            "ERROR 42703 (UNDEFINED_COLUMN): column \"nam\" does not exist\n\
             LINE 1: select nam\n               ^\nHINT:  Perhaps you meant \"name\"."
        );
    }

    #[test]
    fn a_context_comes_before_the_servers_words() {
        let report = || Error::from_server(ServerError::parse(b"SERROR\0C42703\0Mno\0\0").unwrap());
        let error = report().within("b").within("a");
        assert_eq!(error.to_string(), "a: b: ERROR 42703 (UNDEFINED_COLUMN): no");
        assert_eq!((error.message(), report().message()), ("no", "no"));
    }

    #[test]
    fn the_caret_counts_characters_and_finds_the_line() {
        let body = b"SERROR\0C42601\0Msyntax error\0P12\0\0";
        let error =
            Error::from_server(ServerError::parse(body).unwrap()).with_sql("-- \u{e9}\u{e9}\nselect !!");
        assert!(error.to_string().contains("LINE 2: select !!\n             ^"), "{error}");
    }
}
