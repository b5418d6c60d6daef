//! Functions as codecs: what [`Registry::typecaster`](super::registry::Registry::typecaster) and
//! [`Registry::adapter`](super::registry::Registry::adapter) take, and how they are planned and called.
//!
//! A typecaster's first argument says what it reads: `&str` the text form, `&[u8]` the binary one; `Option<..>` of either
//! sees NULL too. An adapter's result says what it writes: `String` text, `Vec<u8>` binary, and `Option` of either NULL.
//! The second argument is always the [`CodecContext`].

use super::codecs::{Registered, TypeKey};
use super::context::Settings;
use super::plan::{Plan, Planner, RunTime, base_type, describe, is_text_like, short_name};
use super::typecaster::{RawValue, TypecasterOwned};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::wire::writer::{Buffer, IsNull};
use postgres_types::Type;
use std::any::{Any, TypeId};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Where a registered function stands: the SQL type of its value, and the session's settings.
#[derive(Debug, Clone, Copy)]
pub struct CodecContext<'a> {
    type_: &'a Type,
    settings: &'a Settings,
}

impl<'a> CodecContext<'a> {
    /// The SQL type of the value.
    pub fn type_(&self) -> &'a Type {
        self.type_
    }

    /// The session's settings, `server_version` among them.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }
}

/// What a typecaster gives: any value.
pub type AnyValue = Arc<dyn Any + Send + Sync>;

/// A function that reads values: `fn(&str, &CodecContext<'_>) -> Result<T, E>` from text, with `&[u8]` in place of `&str`
/// from binary, and with `Option<&str>` or `Option<&[u8]>` it sees NULL too. `Kind` tells the four apart and is never
/// named. A closure says the types of its arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no typecaster",
    note = "a typecaster is `fn(&str, &CodecContext<'_>) -> Result<T, E>`, or takes `&[u8]`, `Option<&str>`, `Option<&[u8]>`",
    note = "a closure says the types of its arguments: `|text: &str, _: &CodecContext<'_>| ..`"
)]
pub trait TypecasterFn<Kind>: Send + Sync + 'static {
    /// What comes out.
    type Output: Send + Sync + 'static;

    /// The form that is read.
    const FORMAT: Format;

    /// Whether it sees NULL.
    const SEES_NULL: bool;

    /// Reads a value; `None` is NULL.
    ///
    /// # Errors
    /// Bytes that are not text where text is read, and those of the function.
    fn call(&self, value: Option<&[u8]>, context: &CodecContext<'_>) -> Result<Self::Output>;
}

macro_rules! typecaster_fn {
    ($input:ty, $format:ident, $null:literal, |$value:ident| $argument:expr) => {
        impl<F, T, E> TypecasterFn<fn($input) -> (T, E)> for F
        where
            F: Fn($input, &CodecContext<'_>) -> Result<T, E> + Send + Sync + 'static,
            T: Send + Sync + 'static,
            E: Into<Box<dyn StdError + Send + Sync>>,
        {
            type Output = T;
            const FORMAT: Format = Format::$format;
            const SEES_NULL: bool = $null;

            fn call(&self, $value: Option<&[u8]>, context: &CodecContext<'_>) -> Result<T> {
                self($argument, context).map_err(|e| failed(e.into(), ErrorKind::Decode, context))
            }
        }
    };
}

typecaster_fn!(&str, Text, false, |value| text(value.unwrap_or_default())?);
typecaster_fn!(&[u8], Binary, false, |value| value.unwrap_or_default());
typecaster_fn!(Option<&str>, Text, true, |value| value.map(text).transpose()?);
typecaster_fn!(Option<&[u8]>, Binary, true, |value| value);

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| Error::decode("text is not UTF-8").with_source(e))
}

/// What a registered function ended with: our own errors as they are, others as the cause of one.
#[cold]
fn failed(error: Box<dyn StdError + Send + Sync>, kind: ErrorKind, context: &CodecContext<'_>) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => {
            let does = if kind == ErrorKind::Encode { "adapter" } else { "typecaster" };
            let told = format!("the {does} registered for {} failed", describe(context.type_));
            Error::new(kind, told).with_source(error)
        }
    }
}

/// What an adapter's function gives: `String` or `&'static str` for the text form, `Vec<u8>` for the binary one, `None`
/// for NULL, and a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "an adapter can't give `{Self}`",
    note = "it gives a `String` (the text form) or a `Vec<u8>` (the binary form), in an `Option` or `Result` or both"
)]
pub trait Written {
    /// The form that is written.
    const FORMAT: Format;

    /// Appends it.
    ///
    /// # Errors
    /// Those of the function.
    fn write(self, out: &mut Buffer, context: &CodecContext<'_>) -> Result<IsNull>;
}

macro_rules! written {
    ($rust:ty, $format:ident) => {
        impl Written for $rust {
            const FORMAT: Format = Format::$format;

            fn write(self, out: &mut Buffer, _: &CodecContext<'_>) -> Result<IsNull> {
                let bytes: &[u8] = self.as_ref();
                if Self::FORMAT == Format::Text && bytes.contains(&0) {
                    return Err(Error::encode(
                        "the text that a registered adapter gave contains a NUL character",
                    )
                    .hint("PostgreSQL text can't hold NUL"));
                }
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    };
}

written!(String, Text);
written!(&'static str, Text);
written!(Vec<u8>, Binary);

impl<W: Written> Written for Option<W> {
    const FORMAT: Format = W::FORMAT;

    fn write(self, out: &mut Buffer, context: &CodecContext<'_>) -> Result<IsNull> {
        self.map_or(Ok(IsNull::Yes), |written| written.write(out, context))
    }
}

impl<W: Written, E: Into<Box<dyn StdError + Send + Sync>>> Written for Result<W, E> {
    const FORMAT: Format = W::FORMAT;

    fn write(self, out: &mut Buffer, context: &CodecContext<'_>) -> Result<IsNull> {
        self.map_err(|e| failed(e.into(), ErrorKind::Encode, context))?.write(out, context)
    }
}

/// The function of a typecaster.
struct Cast {
    /// Plans what the function is given, where that is a value of another Rust type.
    inner: Option<fn(&Type, &Planner<'_>) -> Result<Plan>>,
    #[allow(clippy::type_complexity, reason = "one function")]
    call: Box<dyn Fn(Option<RawValue<'_, '_>>, &CodecContext<'_>) -> Result<AnyValue> + Send + Sync>,
}

/// The function of an adapter.
struct Adapt(
    #[allow(clippy::type_complexity, reason = "one function")]
    Box<dyn Fn(&dyn Any, &mut Buffer, &CodecContext<'_>) -> Result<IsNull> + Send + Sync>,
);

pub(super) fn typecaster<Kind, F: TypecasterFn<Kind>>(types: TypeKey, function: F) -> Registered {
    let call = move |raw: Option<RawValue<'_, '_>>, context: &CodecContext<'_>| {
        Ok(Arc::new(function.call(raw.map(|raw| raw.bytes), context)?) as AnyValue)
    };
    Registered {
        types,
        rust: TypeId::of::<F::Output>(),
        rust_name: std::any::type_name::<F::Output>(),
        format: Some(F::FORMAT),
        sees_null: F::SEES_NULL,
        function: Box::new(Cast { inner: None, call: Box::new(call) }),
    }
}

/// A typecaster whose function is given a value that another typecaster has read.
pub(super) fn typecaster_from<I, T, E>(
    types: TypeKey,
    function: impl Fn(I, &CodecContext<'_>) -> Result<T, E> + Send + Sync + 'static,
) -> Registered
where
    I: TypecasterOwned,
    T: Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let call = move |raw: Option<RawValue<'_, '_>>, context: &CodecContext<'_>| {
        let raw =
            raw.ok_or_else(|| Error::usage("NULL was given to a typecaster that doesn't ask for it"))?;
        let value = function(I::decode(raw)?, context);
        Ok(Arc::new(value.map_err(|e| failed(e.into(), ErrorKind::Decode, context))?) as AnyValue)
    };
    Registered {
        types,
        rust: TypeId::of::<T>(),
        rust_name: std::any::type_name::<T>(),
        format: None,
        sees_null: false,
        function: Box::new(Cast { inner: Some(I::plan), call: Box::new(call) }),
    }
}

pub(super) fn adapter<T: 'static, W: Written>(
    types: TypeKey,
    function: impl Fn(&T, &CodecContext<'_>) -> W + Send + Sync + 'static,
) -> Registered {
    let write =
        move |value: &dyn Any, out: &mut Buffer, context: &CodecContext<'_>| match value.downcast_ref() {
            Some(value) => function(value, context).write(out, context),
            None => Err(foreign_plan()),
        };
    Registered {
        types,
        rust: TypeId::of::<T>(),
        rust_name: std::any::type_name::<T>(),
        format: Some(W::FORMAT),
        sees_null: false,
        function: Box::new(Adapt(Box::new(write))),
    }
}

/// How values of a type are read by the typecaster registered for it, the most specific one; `None` if there is none.
/// A domain is read by that of its base type, if it has none of its own.
///
/// # Errors
/// A value of the type can't be given to the function.
pub fn plan_registered(type_: &Type, planner: &Planner<'_>) -> Result<Option<Plan>> {
    let own = planner.catalog.typecasters_of(type_).next();
    match own.or_else(|| planner.catalog.typecasters_of(base_type(type_)).next()) {
        Some(registered) => plan(registered, type_, planner).map(Some),
        None => Ok(None),
    }
}

/// How values of a type are read as `T` by a registered typecaster.
///
/// # Errors
/// An error that names both types and the cure, if none is registered.
pub(super) fn plan_registered_as<T: 'static>(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let gives = |registered: &&Arc<Registered>| registered.rust == TypeId::of::<T>();
    let own = planner.catalog.typecasters_of(type_).find(gives);
    match own.or_else(|| planner.catalog.typecasters_of(base_type(type_)).find(gives)) {
        Some(registered) => plan(registered, type_, planner),
        None => Err(no_typecaster(std::any::type_name::<T>(), type_, planner)),
    }
}

fn plan(registered: &Arc<Registered>, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let inner = registered.function.downcast_ref::<Cast>().and_then(|cast| cast.inner);
    let inner = inner.map(|inner| inner(type_, planner)).transpose()?;
    let format = registered.format.or(inner.as_ref().map(|inner| inner.format)).unwrap_or(Format::Text);
    let mut children: Vec<Plan> = inner.into_iter().collect();
    if registered.sees_null {
        children.push(Plan { codec: Some(RunTime::Null(registered.clone())), ..Plan::leaf(type_, format) });
    }
    let codec = Some(RunTime::Value(registered.clone()));
    Ok(Plan { children: children.into(), codec, ..Plan::leaf(type_, format) })
}

#[cold]
fn no_typecaster(rust: &str, type_: &Type, planner: &Planner<'_>) -> Error {
    let (rust, sql) = (short_name(rust), describe(type_));
    let others: Vec<String> =
        planner.catalog.typecasters_of(type_).map(|r| short_name(r.rust_name)).collect();
    let told = match others.as_slice() {
        [] => format!("no typecaster is registered that reads {sql} as {rust}"),
        others => format!("the typecasters registered for {sql} give {}, not {rust}", others.join(", ")),
    };
    Error::usage(told).hint(format!(
        "register one, with Registry::typecaster({sql:?}, ..) whose function gives {rust}, on the Config, on this \
         client with register(..), or for one statement with using(..)"
    ))
}

/// Reads a value by the typecaster that its plan names; `None` if it names none.
pub fn cast_registered(raw: RawValue<'_, '_>) -> Option<Result<AnyValue>> {
    let (registered, value) = match raw.plan.codec.as_ref()? {
        RunTime::Value(registered) => (registered, Some(raw)),
        RunTime::Null(registered) => (registered, None),
    };
    let cast = registered.function.downcast_ref::<Cast>()?;
    let context = CodecContext { type_: &raw.plan.type_, settings: &raw.context.settings };
    if let (Some(wanted), Some(raw)) = (registered.format, value)
        && wanted != raw.format()
        && !is_text_like(&raw.plan.type_)
    {
        return Some(Err(other_format(registered, raw.format())));
    }
    // What is inside has the whole value's bytes.
    let value = value.map(|raw| match (cast.inner, raw.plan.children.first()) {
        (Some(_), Some(plan)) => RawValue { plan, ..raw },
        _ => raw,
    });
    Some((cast.call)(value, &context))
}

/// The adapter registered for `T`, and the SQL type it writes, if that is known.
///
/// # Errors
/// An error that names `T` and the cure, if none is registered; or the SQL type, if the server has no such.
pub(super) fn plan_adapter<T: 'static>(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let mut all = planner.catalog.adapters().filter(|registered| registered.rust == TypeId::of::<T>());
    let Some(newest) = all.next() else {
        return Err(no_adapter(std::any::type_name::<T>()));
    };
    let planned = |registered: &Arc<Registered>, type_: &Type| Plan {
        codec: Some(RunTime::Value(registered.clone())),
        ..Plan::leaf(type_, registered.format.unwrap_or(Format::Text))
    };
    if *type_ == Type::UNKNOWN {
        return match planner.catalog.type_of_key(&newest.types) {
            Some(own) => Ok(planned(newest, &own)),
            None => Err(no_such_type(newest)),
        };
    }
    let fits = |registered: &&Arc<Registered>| {
        planner.catalog.is_key_of(&registered.types, type_)
            || planner.catalog.is_key_of(&registered.types, base_type(type_))
    };
    match [newest].into_iter().chain(all).find(fits) {
        Some(registered) => Ok(planned(registered, type_)),
        None => Err(Error::usage(format!(
            "{} is registered to be written as {}, and the SQL type is {}",
            short_name(newest.rust_name),
            newest.types,
            describe(type_)
        ))
        .hint("register an adapter for that type too, or cast: `$1 :: ..`")),
    }
}

/// Writes a value by the adapter that its plan names.
///
/// # Errors
/// Those of the adapter; a plan of another type.
pub(super) fn adapt(value: &dyn Any, plan: &Plan, settings: &Settings, out: &mut Buffer) -> Result<IsNull> {
    let Some(RunTime::Value(registered)) = &plan.codec else {
        return Err(foreign_plan());
    };
    let Some(Adapt(write)) = registered.function.downcast_ref() else {
        return Err(foreign_plan());
    };
    if registered.format != Some(plan.format) && !is_text_like(&plan.type_) {
        return Err(other_format(registered, plan.format).with_kind(ErrorKind::Encode));
    }
    write(value, out, &CodecContext { type_: &plan.type_, settings })
}

#[cold]
fn no_adapter(rust: &str) -> Error {
    let rust = short_name(rust);
    Error::usage(format!("no adapter is registered for {rust}")).hint(format!(
        "register one: Registry::adapter::<{rust}>(\"type name\", |value, context| ..), on the Config, on this client \
         with register(..), or for one statement with using(..)"
    ))
}

#[cold]
fn no_such_type(registered: &Registered) -> Error {
    Error::usage(format!(
        "the type {} does not exist, for which the adapter of {} is registered",
        registered.types,
        short_name(registered.rust_name)
    ))
    .hint("create it, name its schema, or correct the name: it is read as SQL reads it")
}

#[cold]
fn other_format(registered: &Registered, found: Format) -> Error {
    let form = |format| if format == Format::Text { "text" } else { "binary" };
    let own = registered.format.unwrap_or(found);
    Error::decode(format!(
        "the codec of {} for {} is registered for the {} form, and the value travels in {}",
        short_name(registered.rust_name),
        registered.types,
        form(own),
        form(found)
    ))
    .hint("all parts of one value travel in the same form: register one for the other form, or read or write them apart")
}

#[cold]
fn foreign_plan() -> Error {
    Error::usage("a registered codec was given the plan of another type")
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cast")
    }
}

impl fmt::Debug for Adapt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adapt")
    }
}
