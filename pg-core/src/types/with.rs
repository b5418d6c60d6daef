//! Fields that a module of the user's converts: what the derives call for `#[pg(with = module)]`.
//!
//! `module::to_sql` is a `fn(&T) -> S` where `S` has an adapter, `module::from_sql` a `fn(S) -> Result<T, E>` where `S` has a
//! typecaster and `E` is `Display`. What `S` is, is found out from the functions: they are handed in wherever a codec's
//! constants are asked for. NULL never reaches them.

use super::adapter::{Adapter, Encode, IsNull};
use super::conversion::refused;
use super::name::TypeName;
use super::plan::{Plan, Planner};
use super::typecaster::{RawValue, Typecaster};
use crate::error::Result;
use postgres_types::Type;
use std::fmt::Display;

/// How a value is planned, for a table of fields.
pub type PlanFn = fn(&Type, &Planner<'_>) -> Result<Plan>;

/// [`Adapter::TYPE`] of what `to_sql` makes.
pub const fn written_type<T: ?Sized, S: Adapter>(_: fn(&T) -> S) -> TypeName {
    S::TYPE
}

/// [`Adapter::TEXT_ONLY`] of what `to_sql` makes.
pub const fn written_text_only<T: ?Sized, S: Adapter>(_: fn(&T) -> S) -> bool {
    S::TEXT_ONLY
}

/// [`Adapter::plan`] of what `to_sql` makes.
pub const fn written_plan<T: ?Sized, S: Adapter>(_: fn(&T) -> S) -> PlanFn {
    S::plan
}

/// Writes what `to_sql` makes of a value.
///
/// # Errors
/// Those of its [`Adapter::encode`].
pub fn encode<T: ?Sized, S: Adapter>(to_sql: fn(&T) -> S, value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
    to_sql(value).encode(to)
}

/// As [`encode`], and `None` is NULL.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_option<T, S: Adapter>(
    to_sql: fn(&T) -> S,
    value: &Option<T>,
    to: &mut Encode<'_>,
) -> Result<IsNull> {
    match value {
        Some(value) => encode(to_sql, value, to),
        None => Ok(IsNull::Yes),
    }
}

/// [`Typecaster::TYPE`] of what `from_sql` takes.
pub const fn read_type<'a, T, S: Typecaster<'a>, E>(_: fn(S) -> std::result::Result<T, E>) -> TypeName {
    S::TYPE
}

/// [`Typecaster::TEXT_ONLY`] of what `from_sql` takes.
pub const fn read_text_only<'a, T, S: Typecaster<'a>, E>(_: fn(S) -> std::result::Result<T, E>) -> bool {
    S::TEXT_ONLY
}

/// [`Typecaster::plan`] of what `from_sql` takes.
pub const fn read_plan<'a, T, S: Typecaster<'a>, E>(_: fn(S) -> std::result::Result<T, E>) -> PlanFn {
    S::plan
}

/// Reads a value by `from_sql`.
///
/// # Errors
/// Those of [`Typecaster::decode`], and what `from_sql` refuses, with its words.
pub fn decode<'a, T, S: Typecaster<'a>, E: Display>(
    from_sql: fn(S) -> std::result::Result<T, E>,
    raw: RawValue<'a, '_>,
) -> Result<T> {
    from_sql(S::decode(raw)?).map_err(|e| refused::<T>(&raw.plan.type_, &e))
}

/// Reads NULL by `from_sql`.
///
/// # Errors
/// Those of [`Typecaster::null`], and what `from_sql` refuses, with its words.
pub fn null<'a, T, S: Typecaster<'a>, E: Display>(from_sql: fn(S) -> std::result::Result<T, E>) -> Result<T> {
    from_sql(S::null()?).map_err(|e| refused::<T>(&Type::UNKNOWN, &e))
}
