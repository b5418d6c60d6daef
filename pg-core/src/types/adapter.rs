//! Adapters: Rust value -> SQL.

use super::context::Settings;
use super::elements::ArrayWriter;
use super::expects::Expects;
use super::name::TypeName;
use super::plan::{NO_DIMENSION, Plan, Planner, is_dimension, no_dimension};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::wire::writer::{self, Buffer};
use postgres_types::Type;

pub use crate::wire::writer::IsNull;

/// Writes values of a Rust type as values of a SQL type, in binary or text.
///
/// `#[derive(ToSql)]` writes one. NULL is [`IsNull::Yes`]; only `Option` says it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no adapter: it can't be sent to PostgreSQL",
    note = "derive one with `#[derive(ToSql)]`, or wrap a `postgres_types::ToSql` type in `Native(..)`",
    note = "PostgreSQL takes no anonymous record: send a tuple's fields one by one, or as a composite with a derive",
    note = "types of other crates come with a feature of this crate, such as `with-uuid-1`"
)]
pub trait Adapter {
    /// The SQL type, known without the server.
    const TYPE: TypeName;

    /// The type, or something inside it, has only a text form.
    const TEXT_ONLY: bool = false;

    /// It is an `Option`, which holds no other.
    #[doc(hidden)]
    const IS_OPTION: bool = false;

    /// What is expected of the SQL type beyond its name: [`Registry::verify`](super::registry::Registry::verify)
    /// compares it with the server's.
    const EXPECTS: Expects = Expects::Existence;

    /// Finds out once per statement how values are written as `type_`, a parameter's, an element's or a field's type.
    /// [`Type::UNKNOWN`] stands for what only the server knows: the value goes as text.
    ///
    /// # Errors
    /// An error that names both types, if values of this type can't be written as `type_`.
    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.encode_leaf::<Self>(Self::TYPE, Self::TEXT_ONLY, type_)
    }

    /// Appends the value in the planned format.
    ///
    /// # Errors
    /// A value that the SQL type can't hold is an encode error; nothing has been sent then.
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull>;

    /// Appends the value where it stands inside an array: as an element. A type that is an array itself is one more
    /// dimension instead, and a wrapper passes the call on to what it wraps.
    ///
    /// # Errors
    /// Those of [`Adapter::encode`], and dimensions that don't fit those before.
    #[inline]
    fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
        if is_dimension(Self::TYPE) {
            return Err(Error::encode(no_dimension::<Self>()).hint(NO_DIMENSION));
        }
        array.element(|out, plan, settings| self.encode(&mut Encode { out, plan, settings }))
    }
}

/// Where a value is written, with its plan and the session's settings.
#[derive(Debug)]
pub struct Encode<'e> {
    /// The output; only ever appended to.
    pub out: &'e mut Buffer,
    /// How this value is written.
    pub plan: &'e Plan,
    /// The session's settings.
    pub settings: &'e Settings,
}

/// Takes text at the end of the output.
struct Utf8<'o>(&'o mut Buffer);

impl std::fmt::Write for Utf8<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Encode<'_> {
    /// The form to write.
    #[inline]
    pub fn format(&self) -> Format {
        self.plan.format
    }

    /// Writes a text form.
    pub fn text(&mut self, text: impl std::fmt::Display) -> Result<IsNull> {
        use std::fmt::Write;
        // Not by `io::Write`, which panics if a `Display` fails.
        match write!(Utf8(self.out), "{text}") {
            Ok(()) => Ok(IsNull::No),
            Err(e) => {
                Err(Error::encode("a value can't be rendered as text: its Display failed").with_source(e))
            }
        }
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<IsNull> {
        self.out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    /// Writes a value inside this one by the plan of child `index`, with its length in front: an element or a field
    /// in binary.
    pub fn child<T: Adapter + ?Sized>(&mut self, index: usize, value: &T) -> Result<()> {
        let (plan, settings) = (self.plan.child(index)?, self.settings);
        writer::value(self.out, |out| value.encode(&mut Encode { out, plan, settings }))
    }

    /// Renders a value inside this one as text by the plan of child `index`; `None` for NULL.
    pub fn child_text<T: Adapter + ?Sized>(&mut self, index: usize, value: &T) -> Result<Option<Vec<u8>>> {
        let (plan, settings) = (self.plan.child(index)?, self.settings);
        let mut out = Buffer::new();
        Ok(match value.encode(&mut Encode { out: &mut out, plan, settings })? {
            IsNull::Yes => None,
            IsNull::No => Some(out),
        })
    }
}

/// The object-safe twin of [`Adapter`], for lists of parameters of different types: `&[&dyn Parameter]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a parameter",
    note = "a parameter has an adapter: derive one with `#[derive(ToSql)]`, or wrap a `postgres_types::ToSql` type in `Native(..)`"
)]
pub trait Parameter {
    /// [`Adapter::TYPE`] of the value.
    fn type_name(&self) -> TypeName;

    /// [`Adapter::plan`] of the value's type.
    fn plan_as(&self, type_: &Type, planner: &Planner<'_>) -> Result<Plan>;

    /// [`Adapter::encode`].
    fn write(&self, to: &mut Encode<'_>) -> Result<IsNull>;
}

impl<T: Adapter> Parameter for T {
    fn type_name(&self) -> TypeName {
        T::TYPE
    }

    fn plan_as(&self, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        T::plan(type_, planner)
    }

    fn write(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        self.encode(to)
    }
}
