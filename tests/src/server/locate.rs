//! The order in which PostgreSQL is looked for, and what to say when there is none.

use std::env;

use super::{
    account::Account,
    error::{Error, Result},
    folders::Folders,
    installation::Installation,
    system,
};

/// Finds an installation, downloading one if there is no other way.
pub(super) fn locate(account: &Account, _folders: &Folders) -> Result<Installation> {
    let major = match env::var("PG_TESTS_VERSION") {
        Ok(text) if !text.is_empty() => Some(text.parse().map_err(|_| {
            Error::new(format!("PG_TESTS_VERSION must be a major version such as 16; it is {text:?}"))
        })?),
        _ => None,
    };
    system::find(account, major)
}
