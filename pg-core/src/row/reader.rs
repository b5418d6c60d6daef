//! Reading: a row type's fields, straight out of the input buffer.

use super::column::Column;
use super::plan::{Leaf, RowPlan};
use super::shape::{Field, Shape};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::DataRow;
use crate::tuples;
use crate::types::context::Context;
use crate::types::typecaster::{RawValue, Typecaster, TypecasterOwned, null_by};
use crate::wire::reader::Reader;
use crate::wire::values::Values;

/// A type that is read from a row.
///
/// `#[derive(FromRow)]` writes one for a struct, by column names. Tuples read columns in order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a row",
    note = "derive it with `#[derive(FromRow)]`, or use a tuple: `(i64, String)`; for one column, `(T,)` or `query_value`",
    note = "a type that borrows from the row can't leave it: use `stream` and `row.get()`, or own the fields"
)]
pub trait FromRow<'r>: Sized {
    /// The columns it reads.
    const SHAPE: &'static Shape;

    /// Reads the fields in the shape's order: `row.next()?` for each.
    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self>;
}

/// A row type that borrows nothing, so its values outlive the row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a row and kept",
    note = "derive it with `#[derive(FromRow)]`, or use a tuple: `(i64, String)`; for one column, `(T,)` or `query_value`",
    note = "a type that borrows from the row can't leave it: use `stream` and `row.get()`, or own the fields"
)]
pub trait FromRowOwned: for<'r> FromRow<'r> + Send {}
impl<T: for<'r> FromRow<'r> + Send> FromRowOwned for T {}

impl RowPlan {
    /// Reads a row as `T`, whose shape this plan is for.
    #[inline]
    pub(crate) fn read<'r, T: FromRow<'r>>(&self, row: DataRow<'r>, context: &'r Context) -> Result<T> {
        if usize::from(row.columns()) != self.columns.len() {
            return Err(other_width(row.columns(), self.columns.len()));
        }
        // Here and not in the reader, which is handed on: it would be large.
        let gathered = if self.ascending { None } else { Some(gather(row)?) };
        let mut reader = RowReader {
            leaves: self.leaves.iter(),
            values: row.values(),
            context,
            plan: self,
            gathered: gathered.as_ref(),
            whole: row,
        };
        let value = T::from_row(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Whether a row is as it was described: so many values, each as long as it says, and nothing left over.
    ///
    /// # Errors
    /// What is wrong with it. Whoever sends such a row can't be believed any longer.
    #[cold]
    pub(crate) fn check(&self, row: DataRow<'_>) -> Result<()> {
        check(row, self.columns.len())
    }
}

/// Whether a row has so many values, each as long as it says, and nothing left over.
///
/// # Errors
/// As [`RowPlan::check`].
#[cold]
pub(crate) fn check(row: DataRow<'_>, columns: usize) -> Result<()> {
    if usize::from(row.columns()) != columns {
        return Err(other_width(row.columns(), columns));
    }
    gather(row).map(drop)
}

/// Reads the values of one row in the order of a shape's fields.
#[derive(Debug)]
pub struct RowReader<'r, 'p> {
    pub(super) leaves: std::slice::Iter<'p, Leaf>,
    pub(super) values: Reader<'r>,
    pub(super) context: &'r Context,
    pub(super) plan: &'p RowPlan,
    /// All values, when the fields are in another order than the columns.
    pub(super) gathered: Option<&'p Values<'r>>,
    pub(super) whole: DataRow<'r>,
}

impl<'r, 'p> RowReader<'r, 'p> {
    /// The row's columns.
    pub fn columns(&self) -> &'p [Column] {
        &self.plan.columns
    }

    /// The next field.
    ///
    /// # Errors
    /// A decode error that names the column.
    #[inline]
    pub fn next<'s, T: Typecaster<'s>>(&mut self) -> Result<T>
    where
        'r: 's,
    {
        self.next_by(T::decode, T::null)
    }

    /// As [`RowReader::next`], with the typecaster's functions handed in. Expansions call this, so that a type without
    /// a typecaster is one error in the user's code, at the field.
    #[doc(hidden)]
    #[inline(always)]
    pub fn next_by<'s, T>(
        &mut self,
        decode: impl FnOnce(RawValue<'s, 'p>) -> Result<T>,
        null: impl FnOnce() -> Result<T>,
    ) -> Result<T>
    where
        'r: 's,
    {
        let Some(leaf) = self.leaves.next() else {
            return Err(too_many_fields());
        };
        // The rare ways out take what they need by value, so that the cursor can stay in registers.
        let bytes = if leaf.next {
            self.values.value()?
        } else {
            let (bytes, values) = elsewhere(self.values, self.gathered, leaf)?;
            self.values = values;
            bytes
        };
        let value = match bytes {
            Some(bytes) => decode(RawValue { bytes, plan: &leaf.plan, context: self.context }),
            None => null_by(&leaf.plan, self.context, decode, null),
        };
        match value {
            Ok(value) => Ok(value),
            Err(error) => Err(explain(error, leaf, self.plan)),
        }
    }

    /// Whether the result has no column for the next field. If so, the field is taken for read: it has a default.
    #[inline]
    pub fn is_missing(&mut self) -> bool {
        let missing = self.leaves.as_slice().first().is_some_and(|leaf| leaf.column.is_none());
        if missing {
            self.leaves.next();
        }
        missing
    }

    /// The next fields as a row type of their own.
    #[inline]
    pub fn nested<T: FromRow<'r>>(&mut self) -> Result<T> {
        T::from_row(self)
    }

    /// The next fields as a row type of their own; `None` if all their columns are NULL, as after an outer join.
    pub fn nested_option<T: FromRow<'r>>(&mut self) -> Result<Option<T>> {
        self.nested_option_by(T::SHAPE, T::from_row)
    }

    /// As [`RowReader::nested_option`], with what the type says of itself handed in.
    #[doc(hidden)]
    pub fn nested_option_by<T>(
        &mut self,
        shape: &'static Shape,
        from_row: impl FnOnce(&mut RowReader<'r, 'p>) -> Result<T>,
    ) -> Result<Option<T>> {
        let count = shape.leaves();
        let (mine, rest) = self.leaves.as_slice().split_at_checked(count).ok_or_else(too_many_fields)?;
        // A look ahead with a copy of the cursor: an outer join must not cost an allocation a row.
        let mut values = self.values;
        for leaf in mine {
            let value = match &self.gathered {
                Some(values) => leaf.column.and_then(|at| values.get(usize::from(at))),
                None => {
                    for _ in 0..leaf.skip {
                        values.value()?;
                    }
                    values.value()?
                }
            };
            if value.is_some() {
                return from_row(self).map(Some);
            }
        }
        (self.values, self.leaves) = (values, rest.iter());
        Ok(None)
    }

    /// Checks what nobody read: each value's length, and that nothing is left over.
    #[inline(always)]
    fn finish(mut self) -> Result<()> {
        if self.gathered.is_some() {
            return Ok(()); // checked when gathered
        }
        for _ in 0..self.plan.trailing {
            self.values.value()?;
        }
        self.values.finish()
    }
}

/// A value that isn't the row's next one, and the cursor after it.
#[inline(never)]
fn elsewhere<'r>(
    mut cursor: Reader<'r>,
    gathered: Option<&Values<'r>>,
    leaf: &Leaf,
) -> Result<(Option<&'r [u8]>, Reader<'r>)> {
    if let Some(values) = gathered {
        return Ok((leaf.column.and_then(|at| values.get(usize::from(at))), cursor));
    }
    for _ in 0..leaf.skip {
        cursor.value()?;
    }
    Ok((cursor.value()?, cursor))
}

/// A value that isn't of its type's form leaves the connection as it is, unlike a message that isn't of its form.
#[cold]
fn explain(error: Error, leaf: &Leaf, plan: &RowPlan) -> Error {
    let error = if error.kind() == ErrorKind::Protocol { error.with_kind(ErrorKind::Decode) } else { error };
    let at = leaf.column.unwrap_or_default();
    match plan.columns.get(usize::from(at)) {
        Some(column) => error.within(format_args!("column {} {:?}", at.saturating_add(1), column.name)),
        None => error,
    }
}

/// All values of a row, each checked, and that nothing is left over.
fn gather(row: DataRow<'_>) -> Result<Values<'_>> {
    let mut reader = row.values();
    // Each value takes four bytes at least, so a count that lies costs no memory.
    let mut values = Values::new(usize::from(row.columns()).min(reader.rest().len() / 4));
    for index in 0..row.columns() {
        values.set(usize::from(index), reader.value()?);
    }
    reader.finish()?;
    Ok(values)
}

#[cold]
fn other_width(found: u16, described: usize) -> Error {
    Error::protocol(format!("a row has {found} columns, and {described} were described"))
}

#[cold]
pub(super) fn too_many_fields() -> Error {
    Error::usage("FromRow::from_row reads more fields than its SHAPE lists")
}

/// Any row, nothing read: for statements whose rows don't matter.
#[derive(Debug)]
pub(crate) struct Ignored;

impl<'r> FromRow<'r> for Ignored {
    const SHAPE: &'static Shape = &Shape::new(&[]);

    fn from_row(_: &mut RowReader<'r, '_>) -> Result<Self> {
        Ok(Ignored)
    }
}

/// The value of a row's first column.
#[derive(Debug)]
pub struct Single<T>(pub T);

impl<'r, T: Typecaster<'r>> FromRow<'r> for Single<T> {
    const SHAPE: &'static Shape = &Shape::new(&[Field::next::<'r, T>()]);

    #[inline]
    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        row.next().map(Single)
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<'r, $($name: Typecaster<'r>),+> FromRow<'r> for ($($name,)+) {
            const SHAPE: &'static Shape = &Shape::new(&[$(Field::next::<'r, $name>()),+]);

            #[inline]
            fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
                Ok(($(row.next::<$name>()?,)+))
            }
        }
    };
}

tuples::each!(tuples);

/// Keeps the bound in the public API where inference needs it spelled out.
const _: fn() = || {
    fn owned<T: TypecasterOwned>() {}
    owned::<i64>();
};
