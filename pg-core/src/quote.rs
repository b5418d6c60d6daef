//! Escaping: identifiers and string literals, for what can't be a parameter. Nothing else in the workspace quotes.

use crate::error::{Error, Result};

/// An identifier in double quotes, so that any name means itself.
///
/// # Errors
/// An empty name, or one that contains NUL.
///
/// ```
/// assert_eq!(pg_core::quote::identifier("weird \"name\"")?, r#""weird ""name""""#);
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn identifier(name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::usage("an identifier is empty"));
    }
    check_nul(name, "an identifier")?;
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A string literal in single quotes, right whatever `standard_conforming_strings` says.
///
/// # Errors
/// Text that contains NUL.
///
/// ```
/// assert_eq!(pg_core::quote::literal("it's")?, "'it''s'");
/// assert_eq!(pg_core::quote::literal(r"a\b")?, r" E'a\\b'");
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn literal(text: &str) -> Result<String> {
    check_nul(text, "a literal")?;
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        // The space keeps the E from growing together with a word before it.
        return Ok(format!(" E'{}'", quoted.replace('\\', "\\\\")));
    }
    Ok(format!("'{quoted}'"))
}

/// A string literal of a replication command, whose language knows no escape but the doubled quote.
///
/// # Errors
/// Text that contains NUL.
///
/// ```
/// assert_eq!(pg_core::quote::replication_literal(r"it's a\b")?, r"'it''s a\b'");
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn replication_literal(text: &str) -> Result<String> {
    check_nul(text, "a literal")?;
    Ok(format!("'{}'", text.replace('\'', "''")))
}

fn check_nul(text: &str, what: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(
            Error::usage(format!("{what} contains a NUL character")).hint("PostgreSQL text can't hold NUL")
        );
    }
    Ok(())
}
