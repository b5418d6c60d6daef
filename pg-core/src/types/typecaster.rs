//! Typecasters: SQL -> Rust value.

use super::context::Context;
use super::elements::ArrayReader;
use super::name::TypeName;
use super::plan::{NO_DIMENSION, Plan, Planner, is_dimension, no_dimension, short_name};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use postgres_types::Type;

/// Reads values of a SQL type as values of a Rust type, from binary or text.
///
/// `#[derive(FromSql)]` writes one. `'a` is the life of the row's bytes: a type may borrow from them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no typecaster: it can't be read from PostgreSQL",
    note = "derive one with `#[derive(FromSql)]`; a whole row is read by a type with `#[derive(FromRow)]`",
    note = "types of other crates come with a feature of this crate, such as `with-uuid-1`"
)]
pub trait Typecaster<'a>: Sized {
    /// The SQL type, known without the server.
    const TYPE: TypeName;

    /// The type, or something inside it, has only a text form.
    const TEXT_ONLY: bool = false;

    /// It is an `Option`, which holds no other.
    #[doc(hidden)]
    const IS_OPTION: bool = false;

    /// Finds out once per statement how values of `type_` are read: a column's, an element's or a field's type.
    ///
    /// # Errors
    /// An error that names both types and a cure, if values of `type_` can't be read as this type.
    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.leaf::<Self>(Self::TYPE, Self::TEXT_ONLY, type_)
    }

    /// Reads a value that isn't NULL.
    ///
    /// # Errors
    /// Bytes that are not a value of the type, or a value that the Rust type can't hold, are a decode error.
    fn decode(raw: RawValue<'a, '_>) -> Result<Self>;

    /// Reads a value where it stands inside an array: the next element. A type that is an array itself reads one more
    /// dimension instead, and a wrapper passes the call on to what it wraps.
    ///
    /// # Errors
    /// Those of [`Typecaster::decode`] and [`Typecaster::null`], and an array of other dimensions.
    #[inline]
    fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
        if is_dimension(Self::TYPE) {
            return Err(Error::decode(no_dimension::<Self>()).hint(NO_DIMENSION));
        }
        match array.element()? {
            Some(bytes) => Self::decode(RawValue { bytes, plan: array.plan(), context: array.context() }),
            None => null_by(array.plan(), array.context(), Self::decode, Self::null),
        }
    }

    /// What NULL is read as. Only `Option` has an answer.
    ///
    /// # Errors
    /// A decode error that names the cure.
    #[cold]
    fn null() -> Result<Self> {
        let rust = short_name(std::any::type_name::<Self>());
        Err(Error::decode(format!("the value is NULL, which {rust} can't hold"))
            .hint(format!("use Option<{rust}>, or coalesce(..) in the query")))
    }

    /// Whether NULL is read as something.
    #[doc(hidden)]
    fn takes_null() -> bool {
        Self::null().is_ok()
    }
}

/// A typecaster that borrows nothing, so its values outlive the row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no typecaster that borrows nothing",
    note = "derive one with `#[derive(FromSql)]`; a type that borrows from the row can't leave it: own its fields, or read it in a stream"
)]
pub trait TypecasterOwned: for<'a> Typecaster<'a> {}
impl<T: for<'a> Typecaster<'a>> TypecasterOwned for T {}

/// A value as it came: its bytes, and how they are to be read. `'a` is the row's life, `'p` the plan's.
#[derive(Debug, Clone, Copy)]
pub struct RawValue<'a, 'p> {
    /// The bytes, in the plan's format.
    pub bytes: &'a [u8],
    /// How they are read.
    pub plan: &'p Plan,
    /// The session's settings, and scratch memory of the row.
    pub context: &'a Context,
}

impl<'a, 'p> RawValue<'a, 'p> {
    /// The form of the bytes.
    #[inline]
    pub fn format(&self) -> Format {
        self.plan.format
    }

    /// A cursor over the bytes.
    #[inline]
    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.bytes)
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// A decode error if they are not UTF-8.
    #[inline]
    pub fn text(&self) -> Result<&'a str> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) => Ok(text),
            Err(e) => Err(not_utf8(e)),
        }
    }

    /// Exactly `N` bytes: the binary form of a fixed-size type.
    ///
    /// # Errors
    /// A decode error if there are more or fewer.
    #[inline]
    pub fn exactly<const N: usize>(&self) -> Result<[u8; N]> {
        match self.bytes.try_into() {
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(wrong_size(self.plan, N, self.bytes.len())),
        }
    }

    /// Reads a value inside this one: `bytes` (NULL is `None`) by the plan of child `index`.
    #[inline]
    pub fn child<T: Typecaster<'a>>(&self, index: usize, bytes: Option<&'a [u8]>) -> Result<T> {
        let (plan, context) = (self.plan.child(index)?, self.context);
        match bytes {
            Some(bytes) => T::decode(RawValue { bytes, plan, context }),
            None => null_by(plan, context, T::decode, T::null),
        }
    }
}

/// Reads NULL: by the typecaster that was registered at run time, if it asks for NULL, else as the Rust type has it.
#[inline]
pub(crate) fn null_by<'a, 'p, T>(
    plan: &'p Plan,
    context: &'a Context,
    decode: impl FnOnce(RawValue<'a, 'p>) -> Result<T>,
    null: impl FnOnce() -> Result<T>,
) -> Result<T> {
    match plan.for_null() {
        Some(plan) => decode(RawValue { bytes: &[], plan, context }),
        None => null(),
    }
}

#[cold]
fn wrong_size(plan: &Plan, wanted: usize, found: usize) -> Error {
    Error::decode(format!("a binary {} has {wanted} bytes, not {found}", plan.type_.name()))
}

#[cold]
fn not_utf8(source: std::str::Utf8Error) -> Error {
    Error::decode("text is not UTF-8")
        .with_source(source)
        .hint("read the column as bytea: convert_to(column, 'UTF8')")
}
