//! Fields that a module of the user's converts: what the derives call for `#[pg(with = module)]`.
//!
//! `module::to_sql` is a `fn(&T) -> S` where `S` has an adapter, `module::from_sql` a `fn(S) -> Result<T, E>` where `S`
//! has a typecaster and `E` is `Display`. What `S` is, is found out from the functions: they are handed in wherever
//! something of the codec is asked for. [`written`] and [`read`] alone ask something of `S`, so that what it lacks is
//! said once. NULL never reaches the functions.

use super::adapter::{Adapter, Encode, IsNull};
use super::conversion::refused;
use super::name::TypeName;
use super::plan::{Plan, Planner};
use super::typecaster::{RawValue, Typecaster};
use crate::error::Result;
use postgres_types::Type;
use std::fmt::Display;

/// How a value is planned.
pub type PlanFn = fn(&Type, &Planner<'_>) -> Result<Plan>;
type Outcome<T, E> = std::result::Result<T, E>;

/// How values are written that `to_sql` makes an `S` of.
#[derive(Debug)]
pub struct Written<T: ?Sized, S> {
    /// [`Adapter::TYPE`] of `S`.
    pub type_name: TypeName,
    /// [`Adapter::TEXT_ONLY`] of `S`.
    pub text_only: bool,
    plan: PlanFn,
    to_sql: fn(&T) -> S,
    encode: fn(S, &mut Encode<'_>) -> Result<IsNull>,
}

/// By a module's `to_sql`.
pub const fn written<T: ?Sized, S: Adapter>(to_sql: fn(&T) -> S) -> Written<T, S> {
    fn encode<S: Adapter>(value: S, to: &mut Encode<'_>) -> Result<IsNull> {
        value.encode(to)
    }
    Written { type_name: S::TYPE, text_only: S::TEXT_ONLY, plan: S::plan, to_sql, encode: encode::<S> }
}

impl<T: ?Sized, S> Written<T, S> {
    /// [`Adapter::plan`] of `S`.
    pub const fn plan(&self) -> PlanFn {
        self.plan
    }

    /// Writes a value.
    ///
    /// # Errors
    /// Those of [`Adapter::encode`].
    #[inline]
    pub fn encode(&self, value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
        (self.encode)((self.to_sql)(value), to)
    }
}

impl<T, S> Written<T, S> {
    /// As [`Written::encode`], and `None` is NULL.
    ///
    /// # Errors
    /// Those of [`Written::encode`].
    #[inline]
    pub fn encode_option(&self, value: &Option<T>, to: &mut Encode<'_>) -> Result<IsNull> {
        match value {
            Some(value) => self.encode(value, to),
            None => Ok(IsNull::Yes),
        }
    }
}

/// How values are read that `from_sql` makes of an `S`.
#[derive(Debug)]
pub struct Read<'a, T, S, E> {
    /// [`Typecaster::TYPE`] of `S`.
    pub type_name: TypeName,
    /// [`Typecaster::TEXT_ONLY`] of `S`.
    pub text_only: bool,
    plan: PlanFn,
    from_sql: fn(S) -> Outcome<T, E>,
    decode: fn(RawValue<'a, '_>) -> Result<S>,
    null: fn() -> Result<S>,
    refused: fn(&Type, &E) -> crate::error::Error,
}

/// By a module's `from_sql`.
pub const fn read<'a, T, S: Typecaster<'a>, E: Display>(
    from_sql: fn(S) -> Outcome<T, E>,
) -> Read<'a, T, S, E> {
    Read {
        type_name: S::TYPE,
        text_only: S::TEXT_ONLY,
        plan: S::plan,
        from_sql,
        decode: S::decode,
        null: S::null,
        refused: |type_, error| refused::<T>(type_, error),
    }
}

impl<'a, T, S, E> Read<'a, T, S, E> {
    /// [`Typecaster::plan`] of `S`.
    pub const fn plan(&self) -> PlanFn {
        self.plan
    }

    /// Reads a value.
    ///
    /// # Errors
    /// Those of [`Typecaster::decode`], and what `from_sql` refuses, with its words.
    #[inline]
    pub fn decode(&self, raw: RawValue<'a, '_>) -> Result<T> {
        (self.from_sql)((self.decode)(raw)?).map_err(|e| (self.refused)(&raw.plan.type_, &e))
    }

    /// Reads NULL.
    ///
    /// # Errors
    /// Those of [`Typecaster::null`], and what `from_sql` refuses, with its words.
    pub fn null(&self) -> Result<T> {
        (self.from_sql)((self.null)()?).map_err(|e| (self.refused)(&Type::UNKNOWN, &e))
    }
}
