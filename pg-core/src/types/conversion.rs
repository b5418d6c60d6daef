//! Fields of derived types that are written and read by another codec than their type's own: what the derives call for
//! `#[pg(into = .., from = .., try_from = ..)]`, and the shape of all such codecs.
//!
//! A codec of this kind is a type that is never made: `<Converted<i64> as AdapterOf<Money>>::encode(&money, to)`.
//! NULL is not for it: of an `Option` field, [`Nullable`] takes the NULL, and the codec is what is inside.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::native::Native;
use super::plan::{Plan, Planner, describe, short_name};
use super::typecaster::{RawValue, Typecaster};
use super::wanted::{ReadForeign, ReadFrom, ReadTryFrom, WrittenForeign, WrittenInto};
use crate::error::{Error, Result};
use postgres_types::Type;
use std::fmt::Display;
use std::marker::PhantomData;

/// Writes values of `T` in its stead: see [`Adapter`], whose items these are.
#[diagnostic::on_unimplemented(
    message = "`{T}` can't be written by way of `{Self}`",
    note = "`json` is there with the feature `with-serde_json-1` of pg-blocking, pg-async or pg-core"
)]
pub trait AdapterOf<T: ?Sized> {
    /// The SQL type.
    const TYPE: TypeName;

    /// It has only a text form.
    const TEXT_ONLY: bool = false;

    /// [`Adapter::plan`].
    ///
    /// # Errors
    /// Those of [`Adapter::plan`].
    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan>;

    /// [`Adapter::encode`].
    ///
    /// # Errors
    /// Those of [`Adapter::encode`].
    fn encode(value: &T, to: &mut Encode<'_>) -> Result<IsNull>;
}

/// Reads values of `T` in its stead: see [`Typecaster`], whose items these are.
#[diagnostic::on_unimplemented(
    message = "`{T}` can't be read by way of `{Self}`",
    note = "`json` is there with the feature `with-serde_json-1` of pg-blocking, pg-async or pg-core"
)]
pub trait TypecasterOf<'a, T>: Sized {
    /// The SQL type.
    const TYPE: TypeName;

    /// It has only a text form.
    const TEXT_ONLY: bool = false;

    /// [`Typecaster::plan`].
    ///
    /// # Errors
    /// Those of [`Typecaster::plan`].
    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan>;

    /// [`Typecaster::decode`].
    ///
    /// # Errors
    /// Those of [`Typecaster::decode`].
    fn decode(raw: RawValue<'a, '_>) -> Result<T>;

    /// [`Typecaster::null`].
    ///
    /// # Errors
    /// Those of [`Typecaster::null`].
    #[cold]
    fn null() -> Result<T> {
        let rust = short_name(std::any::type_name::<T>());
        Err(Error::decode(format!("the value is NULL, which {rust} can't hold"))
            .hint(format!("use Option<{rust}>, or coalesce(..) in the query")))
    }

    /// Whether NULL is read as something.
    #[doc(hidden)]
    fn takes_null() -> bool {
        Self::null().is_ok()
    }
}

/// By way of `S`: written by `Into`, read by `From`.
#[derive(Debug)]
pub struct Converted<S>(PhantomData<S>);

/// By way of `S`: read by `TryFrom`.
#[derive(Debug)]
pub struct TryConverted<S>(PhantomData<S>);

/// `None` is NULL, and `C` is the codec of what is inside.
#[derive(Debug)]
pub struct Nullable<C>(PhantomData<C>);

/// By way of JSON, with serde. Feature `with-serde_json-1`.
#[derive(Debug)]
pub struct ThroughJson;

/// By way of postgres-types' traits: see [`Native`].
#[derive(Debug)]
pub struct Foreign;

impl<T: WrittenForeign> AdapterOf<T> for Foreign {
    const TYPE: TypeName = <Native<T> as Adapter>::TYPE;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        <Native<T> as Adapter>::plan(type_, planner)
    }

    fn encode(value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
        Native(value).encode(to)
    }
}

impl<'a, T: ReadForeign<'a>> TypecasterOf<'a, T> for Foreign {
    const TYPE: TypeName = <Native<T> as Typecaster<'a>>::TYPE;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        <Native<T> as Typecaster<'a>>::plan(type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<T> {
        Native::<T>::decode(raw).map(|native| native.0)
    }

    fn null() -> Result<T> {
        Native::<T>::null().map(|native| native.0)
    }
}

impl<T: WrittenInto<S>, S: Adapter> AdapterOf<T> for Converted<S> {
    const TYPE: TypeName = S::TYPE;
    const TEXT_ONLY: bool = S::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        S::plan(type_, planner)
    }

    fn encode(value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
        Into::<S>::into(value.clone()).encode(to)
    }
}

impl<'a, T: ReadFrom<S>, S: Typecaster<'a>> TypecasterOf<'a, T> for Converted<S> {
    const TYPE: TypeName = S::TYPE;
    const TEXT_ONLY: bool = S::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        S::plan(type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<T> {
        S::decode(raw).map(T::from)
    }

    fn null() -> Result<T> {
        S::null().map(T::from)
    }
}

impl<'a, T: ReadTryFrom<S>, S: Typecaster<'a>> TypecasterOf<'a, T> for TryConverted<S> {
    const TYPE: TypeName = S::TYPE;
    const TEXT_ONLY: bool = S::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        S::plan(type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<T> {
        T::try_from(S::decode(raw)?).map_err(|e| refused::<T>(&raw.plan.type_, &e))
    }

    fn null() -> Result<T> {
        T::try_from(S::null()?).map_err(|e| refused::<T>(&Type::UNKNOWN, &e))
    }
}

impl<T, C: AdapterOf<T>> AdapterOf<Option<T>> for Nullable<C> {
    const TYPE: TypeName = C::TYPE;
    const TEXT_ONLY: bool = C::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        C::plan(type_, planner)
    }

    fn encode(value: &Option<T>, to: &mut Encode<'_>) -> Result<IsNull> {
        match value {
            Some(value) => C::encode(value, to),
            None => Ok(IsNull::Yes),
        }
    }
}

impl<'a, T, C: TypecasterOf<'a, T>> TypecasterOf<'a, Option<T>> for Nullable<C> {
    const TYPE: TypeName = C::TYPE;
    const TEXT_ONLY: bool = C::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        C::plan(type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Option<T>> {
        C::decode(raw).map(Some)
    }

    fn null() -> Result<Option<T>> {
        Ok(None)
    }
}

/// What a conversion of the user's said of a value. The value itself is not shown.
#[cold]
pub(super) fn refused<T: ?Sized>(type_: &Type, error: &dyn Display) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    match *type_ {
        Type::UNKNOWN => Error::decode(format!("{rust} refuses NULL: {error}")),
        _ => Error::decode(format!("{rust} refuses this {}: {error}", describe(type_))),
    }
}
