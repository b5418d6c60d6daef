//! postgres-types' traits for derived types, so that they work with other drivers too: what `#[derive(ToSql, FromSql)]`
//! expands to beside our own traits.
//!
//! The other driver hands over a type with all that it is made of, by name and schema: a plan is made by it for each
//! value. Only the binary form is known there. So a type with only a text form is accepted where text is all that the
//! SQL type has (`text`, `varchar`, `json`, an enum); elsewhere [`AsToSql`](super::native::AsToSql) sends it.

use super::adapter::{Adapter, Encode, IsNull};
use super::catalog::Catalog;
use super::context::{Context, Settings};
use super::plan::{Plan, Planner, base_type, is_text_like};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use bytes::BytesMut;
use postgres_types::{Kind, Type};
use std::error::Error as StdError;
use std::sync::OnceLock;

/// An error as postgres-types has it.
pub type AnyError = Box<dyn StdError + Sync + Send>;

/// How a value of `type_` goes in binary, if it does.
fn binary(plan: fn(&Type, &Planner<'_>) -> Result<Plan>, type_: &Type) -> Result<Plan> {
    let mut plan = plan(type_, &Planner { catalog: &Catalog::of(type_) })?;
    let base = base_type(type_);
    if plan.format == Format::Text && !is_text_like(base) && !matches!(base.kind(), Kind::Enum(_)) {
        return Err(Error::usage(format!("{} has only a text form here", type_.name()))
            .hint("send it as `AsToSql(value)`, or cast the column to text"));
    }
    plan.set_format(Format::Binary);
    Ok(plan)
}

/// `ToSql::accepts`.
pub fn writes<T: Adapter>(type_: &Type) -> bool {
    binary(T::plan, type_).is_ok()
}

/// `ToSql::to_sql`.
///
/// # Errors
/// A type that isn't the value's, and a value that the SQL type can't hold.
pub fn to_sql<T: Adapter>(
    value: &T,
    type_: &Type,
    to: &mut BytesMut,
) -> std::result::Result<postgres_types::IsNull, AnyError> {
    let plan = binary(T::plan, type_)?;
    let mut out = Vec::new();
    let is_null = value.encode(&mut Encode { out: &mut out, plan: &plan, settings: &Settings::default() })?;
    Ok(match is_null {
        IsNull::Yes => postgres_types::IsNull::Yes,
        IsNull::No => {
            to.extend_from_slice(&out);
            postgres_types::IsNull::No
        }
    })
}

/// `FromSql::accepts`.
pub fn reads<'a, T: Typecaster<'a>>(type_: &Type) -> bool {
    binary(T::plan, type_).is_ok()
}

/// `FromSql::from_sql`.
///
/// # Errors
/// A type that isn't the value's, and bytes that are not a value of it.
pub fn from_sql<'a, T: Typecaster<'a>>(type_: &Type, bytes: &'a [u8]) -> std::result::Result<T, AnyError> {
    // Nothing is kept in it: only text forms are unquoted.
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    let plan = binary(T::plan, type_)?;
    Ok(T::decode(RawValue { bytes, plan: &plan, context: CONTEXT.get_or_init(Context::default) })?)
}

/// `FromSql::from_sql_null`.
///
/// # Errors
/// A type that can't hold NULL.
pub fn from_null<'a, T: Typecaster<'a>>() -> std::result::Result<T, AnyError> {
    Ok(T::null()?)
}
