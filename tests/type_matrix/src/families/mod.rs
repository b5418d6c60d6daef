//! The rows of the matrix, one file for each family of types in `pg-core/src/types/`.

use super::{AnyRow, Row};
use pg_tests::seed::Rng;
use std::fmt::{Debug, Display};

mod bit;
mod booleans;
mod bytes;
mod extensions;
mod geometry;
mod json;
mod money;
mod network;
mod numbers;
mod strings;
mod system;
mod text_search;
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
        geometry::rows(),
        bit::rows(),
        money::rows(),
        system::rows(),
        text_search::rows(),
        json::rows(),
        extensions::rows(),
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

/// A row of a type whose `Display` is the server's text.
fn shown_row<T: Display + 'static>(
    sql: &'static str,
    rust: &'static str,
    random: impl Fn(&mut Rng) -> T + Send + Sync + 'static,
) -> Row<T> {
    Row::new(sql, rust, move |rng| shown(random(rng)))
}

/// As [`shown_row`], of a type without an order.
fn unordered_row<T: Display + 'static>(
    sql: &'static str,
    rust: &'static str,
    random: impl Fn(&mut Rng) -> T + Send + Sync + 'static,
) -> Row<T> {
    shown_row(sql, rust, random).unordered()
}

/// A value with the text of what it travels as.
fn shown_as<T, V>(value: V) -> (V, String)
where
    T: TryFrom<V, Error: Debug> + Display,
    V: Clone,
{
    let text = T::try_from(value.clone()).expect("a value that can be sent").to_string();
    (value, text)
}
