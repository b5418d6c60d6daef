//! The rows of the matrix, one file for each family of types in `pg-core/src/types/`.

use super::AnyRow;
use crate::sim::seed::Rng;
use std::fmt::Display;

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

/// A number of any size, small ones as often as great ones.
fn any_number(rng: &mut Rng) -> i64 {
    let number = rng.number().cast_signed();
    number >> rng.below(64)
}

/// A value with the text that its `Display` prints.
fn shown<T: Display>(value: T) -> (T, String) {
    let text = value.to_string();
    (value, text)
}
