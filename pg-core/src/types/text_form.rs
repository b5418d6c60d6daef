//! Types read and written through their text form only: what `#[derive(ToSql, FromSql)]` calls for `#[pg(text)]`.

use super::adapter::{Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, describe, short_name};
use super::typecaster::RawValue;
use super::wanted::{ReadAsText, WrittenAsText};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use std::fmt::Display;

/// Plans how a text type is written. One that stands for `text` fits all of PostgreSQL's character types.
///
/// # Errors
/// An encode error that names both types, if `type_` is another type.
pub fn write_plan<T: ?Sized>(name: TypeName, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    match characters(name, type_, planner) {
        Some(plan) => Ok(plan),
        None => planner.encode_leaf::<T>(name, true, type_),
    }
}

/// Plans how a text type is read, as [`write_plan`] does.
///
/// # Errors
/// A decode error that names both types, if `type_` is another type.
pub fn read_plan<T: ?Sized>(name: TypeName, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    match characters(name, type_, planner) {
        Some(plan) => Ok(plan),
        None => planner.leaf::<T>(name, true, type_),
    }
}

fn characters(name: TypeName, type_: &Type, planner: &Planner<'_>) -> Option<Plan> {
    let both = is_text(type_) && is_text(&planner.catalog.resolve(name)?);
    both.then(|| Plan::leaf(type_, Format::Text))
}

/// Writes the text form.
///
/// # Errors
/// An encode error if `Display` fails.
pub fn encode<T: WrittenAsText + ?Sized>(to: &mut Encode<'_>, value: &T) -> Result<IsNull> {
    to.text(value)
}

/// Reads the text form by `FromStr`, for the Rust type `R` that has the value inside.
///
/// # Errors
/// A decode error with what `from_str` said, without the value.
pub fn decode<R: ?Sized, T: ReadAsText>(raw: &RawValue<'_, '_>) -> Result<T> {
    if raw.format() == Format::Binary && !is_text(&raw.plan.type_) {
        return Err(binary(raw));
    }
    T::from_str(raw.text()?).map_err(|e| unreadable(std::any::type_name::<R>(), raw, &e))
}

/// Types whose binary form is their text.
fn is_text(type_: &Type) -> bool {
    matches!(*base_type(type_), Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

#[cold]
fn binary(raw: &RawValue<'_, '_>) -> Error {
    Error::decode(format!("{} is read from its text form and arrived in binary", describe(&raw.plan.type_)))
        .hint("cast the column to text")
}

#[cold]
fn unreadable(rust: &str, raw: &RawValue<'_, '_>, error: &dyn Display) -> Error {
    Error::decode(format!("{} can't read this {}: {error}", short_name(rust), describe(&raw.plan.type_)))
}
