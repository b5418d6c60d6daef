//! Rows of a COPY FROM STDIN: what `#[derive(CopyRow)]` expands to, and the writer beneath.
//!
//! A binary COPY names no types on the wire: eight characters of text would be taken for a `bigint`. So the columns are
//! described first, and each field is checked against its column before a byte is sent. If some field has only a text
//! form, the whole goes in the text format.

use super::format::{escape_text, put_header, put_trailer};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::tuples;
use crate::types::adapter::{Adapter, Encode};
use crate::types::catalog::Catalog;
use crate::types::context::Settings;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner, base_type, describe, is_text_like, short_name};
use crate::wire::writer::{self, Buffer, IsNull};
use postgres_types::{Kind, Type};

/// A row that COPY can take: a struct with `#[derive(CopyRow)]`, or a tuple, whose values go into the columns by
/// position.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row of a COPY",
    note = "derive it with `#[derive(CopyRow)]`, or use a tuple of values: `(1_i64, \"a\")`"
)]
pub trait CopyRow {
    /// Its columns in order.
    const FIELDS: &'static [CopyField];

    /// Writes the values in the order of [`CopyRow::FIELDS`]: `row.value(&self.name)?` for each.
    ///
    /// # Errors
    /// A value that its column can't hold.
    fn write(&self, row: &mut CopyWriter<'_>) -> Result<()>;
}

/// A column of a [`CopyRow`].
#[derive(Debug, Clone, Copy)]
pub struct CopyField {
    name: Option<&'static str>,
    type_name: TypeName,
    plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
    rust: fn() -> &'static str,
}

impl CopyField {
    /// A column of this name, written from values of `T`.
    pub const fn named<T: Adapter>(name: &'static str) -> CopyField {
        CopyField { name: Some(name), ..CopyField::next::<T>() }
    }

    /// The next column, whatever its name.
    pub const fn next<T: Adapter>() -> CopyField {
        CopyField { name: None, type_name: T::TYPE, plan: T::plan, rust: std::any::type_name::<T> }
    }

    /// A column by the constants of its codec. Expansions call this.
    #[doc(hidden)]
    pub const fn of(
        name: Option<&'static str>,
        type_name: TypeName,
        plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
        rust: fn() -> &'static str,
    ) -> CopyField {
        CopyField { name, type_name, plan, rust }
    }

    /// The column's name; `None` if it is the next, whatever its name.
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// The SQL type of the field, known without the server.
    pub const fn type_name(&self) -> TypeName {
        self.type_name
    }
}

/// Writes rows of one type in one form, after all fields were checked against their columns.
#[derive(Debug)]
pub struct RowWriter {
    plans: Box<[Plan]>,
    fields: &'static [CopyField],
    /// As the command calls the columns, if it does: as a tuple's fields have no names, and a struct's may be others.
    names: Box<[String]>,
    binary: bool,
    begun: bool,
}

impl RowWriter {
    /// Rows of `R` for columns of these types.
    ///
    /// # Errors
    /// A field whose values its column doesn't take, by name, with both types.
    pub fn new<R: CopyRow + ?Sized>(columns: &[Type], catalog: &Catalog) -> Result<RowWriter> {
        RowWriter::with_names::<R>(columns, &[], catalog)
    }

    /// As [`RowWriter::new`], for a command that names its columns: errors name them too.
    pub(crate) fn with_names<R: CopyRow + ?Sized>(
        columns: &[Type],
        names: &[String],
        catalog: &Catalog,
    ) -> Result<RowWriter> {
        if columns.len() != R::FIELDS.len() {
            return Err(Error::usage(format!(
                "{} columns were described, and a row has {}",
                columns.len(),
                R::FIELDS.len()
            )));
        }
        let planner = Planner { catalog };
        let mut plans = Vec::with_capacity(columns.len());
        for (index, (field, type_)) in R::FIELDS.iter().zip(columns).enumerate() {
            let plan = plan(field, type_, &planner).map_err(|e| within(e, field, names, index))?;
            plans.push(plan);
        }
        let binary = plans.iter().all(is_binary);
        for plan in &mut plans {
            plan.set_format(if binary { Format::Binary } else { Format::Text });
        }
        Ok(RowWriter { plans: plans.into(), fields: R::FIELDS, names: names.into(), binary, begun: false })
    }

    /// Whether rows are written in the binary format; otherwise they are lines of the text format.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// Appends a row; before the first, the header that the binary format has.
    ///
    /// # Errors
    /// A value that its column can't hold, with the column's name. Nothing of the row is appended then, nor if its own
    /// code panics.
    pub fn write<R: CopyRow + ?Sized>(
        &mut self,
        out: &mut Buffer,
        row: &R,
        settings: &Settings,
    ) -> Result<()> {
        self.begin(out);
        let (plans, fields, names, binary) = (&*self.plans, self.fields, &*self.names, self.binary);
        writer::whole(out, |out| {
            if binary {
                writer::put_count(out, fields.len(), "columns")?;
            }
            let mut to = CopyWriter { out, plans, fields, names, settings, binary, next: 0 };
            row.write(&mut to)?;
            to.check_complete()?;
            if !binary {
                out.push(b'\n');
            }
            Ok(())
        })
    }

    /// Appends what ends the data.
    pub fn end(&mut self, out: &mut Buffer) {
        self.begin(out);
        if self.binary {
            put_trailer(out);
        }
    }

    fn begin(&mut self, out: &mut Buffer) {
        if self.binary && !self.begun {
            put_header(out);
        }
        self.begun = true;
    }
}

/// Where the values of one row are written.
#[derive(Debug)]
pub struct CopyWriter<'w> {
    out: &'w mut Buffer,
    plans: &'w [Plan],
    fields: &'static [CopyField],
    names: &'w [String],
    settings: &'w Settings,
    binary: bool,
    next: usize,
}

impl CopyWriter<'_> {
    /// Appends the next value.
    ///
    /// # Errors
    /// A value that its column can't hold, with the column's name; a value too many.
    #[inline]
    pub fn value<T: Adapter + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.value_by(value, T::encode)
    }

    /// As [`CopyWriter::value`], with the adapter's function handed in. Expansions call this, so that a type without an
    /// adapter is one error in the user's code, at the field.
    #[doc(hidden)]
    #[inline]
    pub fn value_by<T: ?Sized>(
        &mut self,
        value: &T,
        encode: impl FnOnce(&T, &mut Encode<'_>) -> Result<IsNull>,
    ) -> Result<()> {
        let index = self.next;
        self.next = index.saturating_add(1);
        let Some(plan) = self.plans.get(index) else {
            return Err(Error::usage("CopyRow::write gives more values than CopyRow::FIELDS lists"));
        };
        let settings = self.settings;
        let result = if self.binary {
            writer::value(self.out, |out| encode(value, &mut Encode { out, plan, settings }))
        } else {
            self.text(index, |out| encode(value, &mut Encode { out, plan, settings }))
        };
        result.map_err(|e| self.explain(e, index))
    }

    fn text(&mut self, index: usize, write: impl FnOnce(&mut Buffer) -> Result<IsNull>) -> Result<()> {
        if index > 0 {
            self.out.push(b'\t');
        }
        let start = self.out.len();
        match write(self.out)? {
            IsNull::Yes => self.out.extend_from_slice(b"\\N"),
            IsNull::No => escape_text(self.out, start),
        }
        Ok(())
    }

    fn check_complete(&self) -> Result<()> {
        if self.next == self.fields.len() {
            return Ok(());
        }
        Err(Error::usage("CopyRow::write gives fewer values than CopyRow::FIELDS lists"))
    }

    #[cold]
    fn explain(&self, error: Error, index: usize) -> Error {
        match self.fields.get(index) {
            Some(field) => within(error, field, self.names, index),
            None => error,
        }
    }
}

#[cold]
fn within(error: Error, field: &CopyField, names: &[String], index: usize) -> Error {
    match names.get(index).map(String::as_str).or(field.name) {
        Some(name) => error.within(format_args!("column {name:?}")),
        None => error.within(format_args!("column {}", index.saturating_add(1))),
    }
}

fn plan(field: &CopyField, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let mut plan = (field.plan)(type_, planner)?;
    let inferred = match field.type_name {
        TypeName::Array(element) => *element == TypeName::Inferred,
        name => name == TypeName::Inferred,
    };
    // In a query the server would read the string by the column's type. Here nobody would.
    if inferred && plan.format == Format::Text && !is_text(innermost(&plan)) {
        return Err(Error::encode(format!(
            "the SQL type is {}, but {} is written as text",
            describe(type_),
            short_name((field.rust)())
        ))
        .hint(
            "use the Rust type that stands for it: a COPY names no types, so nobody would convert the text",
        ));
    }
    if is_text(innermost(&plan)) {
        plan.set_format(Format::Binary);
    }
    Ok(plan)
}

/// The element of an array in any depth, or the type itself.
fn innermost(plan: &Plan) -> &Type {
    match (base_type(&plan.type_).kind(), &*plan.children) {
        (Kind::Array(_), [element]) => innermost(element),
        _ => &plan.type_,
    }
}

/// Whether the binary form of a type is its text.
fn is_text(type_: &Type) -> bool {
    let base = base_type(type_);
    matches!(base.kind(), Kind::Enum(_)) || is_text_like(base)
}

fn is_binary(plan: &Plan) -> bool {
    plan.format == Format::Binary
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Adapter),+> CopyRow for ($($name,)+) {
            const FIELDS: &'static [CopyField] = &[$(CopyField::next::<$name>()),+];

            #[inline]
            fn write(&self, row: &mut CopyWriter<'_>) -> Result<()> {
                $(row.value(&self.$index)?;)+
                Ok(())
            }
        }
    };
}

tuples::each!(tuples);

impl<R: CopyRow + ?Sized> CopyRow for &R {
    const FIELDS: &'static [CopyField] = R::FIELDS;

    #[inline]
    fn write(&self, row: &mut CopyWriter<'_>) -> Result<()> {
        (**self).write(row)
    }
}
