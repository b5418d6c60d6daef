//! The rows of the matrix, one file for each family of types in `pg-core/src/types/`.

use super::AnyRow;

mod booleans;
mod bytes;
mod network;
mod numbers;
mod strings;
mod time;
mod uuid;

/// All rows.
pub fn all() -> Vec<Box<dyn AnyRow>> {
    [
        booleans::rows(),
        numbers::rows(),
        strings::rows(),
        bytes::rows(),
        time::rows(),
        network::rows(),
        uuid::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
