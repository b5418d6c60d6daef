//! Rust types that hold less than PostgreSQL's: the errors of what they can't hold.

use crate::error::Error;
use std::fmt::Display;

/// The error of reading `infinity` or `-infinity`, which `ours`, a type in `pg_core::types`, would hold.
#[cold]
pub(super) fn infinite(what: &str, which: impl Display, rust: &str, ours: &str) -> Error {
    Error::decode(format!("the {what} is {which}, which {rust} can't hold")).hint(format!(
        "`pg_core::types::{ours}` holds it; `nullif(column, '{which}')` in the query makes it NULL, for an Option"
    ))
}
