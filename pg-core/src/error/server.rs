//! The server's own report: every field of ErrorResponse and NoticeResponse.
//! Manual: "Error and Notice Message Fields".

use crate::sqlstate::SqlState;
use std::fmt;

/// An ErrorResponse or NoticeResponse, with all its fields. Absent fields are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerError {
    /// ERROR, FATAL, PANIC, WARNING, NOTICE ..., never translated where the server is 9.6 or newer.
    pub severity: String,
    /// The five-character code.
    pub sqlstate: SqlState,
    /// The primary message, one line.
    pub message: String,
    /// More about the problem; may be several lines.
    pub detail: Option<String>,
    /// The server's suggestion.
    pub hint: Option<String>,
    /// Where in the statement, or in a query the server made itself.
    pub position: Option<Position>,
    /// The call stack of functions and internal queries, one a line.
    pub context: Option<String>,
    /// The schema of the object concerned.
    pub schema: Option<String>,
    /// The table concerned.
    pub table: Option<String>,
    /// The column concerned.
    pub column: Option<String>,
    /// The data type concerned.
    pub data_type: Option<String>,
    /// The constraint concerned (an index counts as one).
    pub constraint: Option<String>,
    /// The server's source file.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<u32>,
    /// The routine in that file.
    pub routine: Option<String>,
}

/// An ErrorResponse or NoticeResponse that isn't well-formed. As an [`Error`](super::Error) it is a protocol error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedReport(pub(super) &'static str);

/// Where the server saw the error, in characters, the first being 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// In the statement that was sent.
    Statement(u32),
    /// In a query that the server generated, as inside a PL/pgSQL function.
    Internal {
        /// The character in `query`.
        position: u32,
        /// The query's text.
        query: String,
    },
}

impl ServerError {
    /// Reads the body of an ErrorResponse or NoticeResponse: fields of one letter and a C string, ended by NUL.
    ///
    /// # Errors
    /// A field that isn't ended, or a report without code or message. Text that isn't UTF-8 (before login the server
    /// doesn't know our encoding) is no error: it is shown with replacement characters.
    pub fn parse(mut body: &[u8]) -> Result<ServerError, MalformedReport> {
        let mut error = ServerError {
            severity: String::new(),
            sqlstate: SqlState::INTERNAL_ERROR,
            message: String::new(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
            file: None,
            line: None,
            routine: None,
        };
        let (mut internal_position, mut internal_query, mut code) = (None, None, None);
        loop {
            let Some((&field, rest)) = body.split_first() else {
                return Err(MalformedReport("an ErrorResponse ends before its last field"));
            };
            if field == 0 {
                break;
            }
            let Some((text, after)) = memchr::memchr(0, rest).and_then(|end| rest.split_at_checked(end))
            else {
                return Err(MalformedReport("a field of an ErrorResponse is not ended by NUL"));
            };
            body = after.split_first().map_or(&[], |(_, rest)| rest);
            let text = String::from_utf8_lossy(text).into_owned();
            match field {
                b'V' => error.severity = text,
                b'S' if error.severity.is_empty() => error.severity = text,
                b'C' => code = SqlState::from_code(&text),
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                b'P' => error.position = text.parse().ok().map(Position::Statement),
                b'p' => internal_position = text.parse().ok(),
                b'q' => internal_query = Some(text),
                b'W' => error.context = Some(text),
                b's' => error.schema = Some(text),
                b't' => error.table = Some(text),
                b'c' => error.column = Some(text),
                b'd' => error.data_type = Some(text),
                b'n' => error.constraint = Some(text),
                b'F' => error.file = Some(text),
                b'L' => error.line = text.parse().ok(),
                b'R' => error.routine = Some(text),
                _ => {} // the manual: fields of unknown type are to be ignored
            }
        }
        if let (Some(position), Some(query)) = (internal_position, internal_query) {
            error.position = Some(Position::Internal { position, query });
        }
        error.sqlstate = code.ok_or(MalformedReport("an ErrorResponse has no SQLSTATE"))?;
        Ok(error)
    }

    /// FATAL or PANIC: the server ends the session after it.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// Writes it as psql does: severity, code, message, the line with a caret, detail, hint.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, sql: Option<&str>) -> fmt::Result {
        write!(f, "{} {}", self.severity, self.sqlstate)?;
        if let Some(name) = self.sqlstate.name() {
            write!(f, " ({name})")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.position {
            Some(Position::Statement(at)) => match sql {
                Some(sql) => write_caret(f, sql, *at)?,
                None => write!(f, " (at character {at})")?,
            },
            Some(Position::Internal { position, query }) => {
                write!(f, "\nQUERY:  {query}")?;
                write_caret(f, query, *position)?;
            }
            None => {
                if let Some(sql) = sql {
                    write!(f, "\nSTATEMENT:  {sql}")?;
                }
            }
        }
        for (name, text) in [("DETAIL", &self.detail), ("HINT", &self.hint), ("CONTEXT", &self.context)] {
            if let Some(text) = text {
                write!(f, "\n{name}:  {text}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

/// The line of `sql` that holds character `position` (from 1), and a caret under that character.
fn write_caret(f: &mut fmt::Formatter<'_>, sql: &str, position: u32) -> fmt::Result {
    let mut left = (position as usize).saturating_sub(1);
    for (number, line) in sql.split('\n').enumerate() {
        let length = line.chars().count();
        if left <= length {
            let head = format!("LINE {}: ", number.saturating_add(1));
            // Tabs stay tabs, so that the caret stands under its character whatever the tab width is.
            let indent: String =
                line.chars().take(left).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let line = line.trim_end_matches('\r');
            return write!(f, "\n{head}{line}\n{:1$}{indent}^", "", head.len());
        }
        left = left.saturating_sub(length.saturating_add(1));
    }
    Ok(())
}
