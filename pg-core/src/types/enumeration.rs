//! Enums: what `#[derive(ToSql, FromSql)]` calls for an enum.
//! Binary form (`enum_send`) and text form of a label are the same: the label. A text enum is a label in a column of a
//! character type, an integer enum a number.

use super::adapter::{Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, short_name};
use super::strings;
use super::wanted::{HoldsNumber, ReadFromLabel, WrittenAsLabel};
use crate::error::{Error, Result};
use postgres_types::Type;
use std::fmt::Display;

/// Writes a label that may have come from anywhere.
///
/// # Errors
/// A label with NUL.
pub fn write(label: &str, to: &mut Encode<'_>) -> Result<IsNull> {
    strings::write(label, to)
}

/// The label that a variant which is `other` keeps.
pub fn kept_label<T: WrittenAsLabel + ?Sized>(kept: &T) -> &str {
    kept.as_ref()
}

/// Keeps a label for which there is no other variant.
pub fn keep_label<'a, T: ReadFromLabel<'a>>(label: &'a str) -> T {
    T::from(label)
}

/// The number that a variant which is `other` keeps.
pub fn kept_number<T: HoldsNumber<N>, N>(kept: &T) -> &N {
    kept.number()
}

/// Keeps a number for which there is no other variant.
pub fn keep_number<T: HoldsNumber<N>, N>(number: N) -> T {
    T::holding(number)
}

/// A variant that is skipped was to be written.
#[cold]
pub fn skipped<T: ?Sized>(variant: &str) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    Error::encode(format!("{rust}::{variant} stands for nothing in SQL")).hint(
        "the variant is `#[pg(skip)]`: make the field an Option and send None, or give the variant a value",
    )
}

/// Plans how a text enum is written: as a string.
///
/// # Errors
/// None; the server says if it doesn't take the text.
pub fn write_text_plan<T: ?Sized>(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
    Ok(strings::plan_write(type_))
}

/// Plans how a text enum is read: as a string.
///
/// # Errors
/// A type that isn't a character type.
pub fn read_text_plan<T: ?Sized>(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    strings::plan_read::<T>(type_, planner)
}

/// The server sent a number for which `T` has no variant; `known` are those it has.
#[cold]
pub fn unknown_number<T: ?Sized>(number: &dyn Display, known: &[&dyn Display]) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    Error::decode(format!("{rust} has no variant for the number {number}; it has {}", known.join(", ")))
        .hint("add the variant, or one that takes every other number: `#[pg(other)] Other(i32)`")
}

/// The server sent a label for which `T` has no variant; `known` are those it has.
#[cold]
pub fn unknown<T: ?Sized>(name: TypeName, label: &str, known: &[&str]) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    Error::decode(format!(
        "{name} has the label {label:?}, for which {rust} has no variant; it has {}",
        known.join(", ")
    ))
    .hint("add the variant, give the one that stands for the label `#[pg(name = \"..\")]`, or add one that takes every \
         other label: `#[pg(other)] Other(String)`")
}
