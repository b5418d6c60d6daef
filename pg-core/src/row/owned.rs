//! Rows as values: one that lies in the input buffer, and one that was kept.

use super::column::{Column, ColumnIndex};
use super::plan::RowPlan;
use super::reader::{FromRow, RowReader, too_many_fields};
use super::shape::Shape;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::message::backend::DataRow;
use crate::types::catalog::Catalog;
use crate::types::context::Context;
use crate::types::plan::{Planner, is_text_like};
use crate::types::typecaster::{RawValue, Typecaster, null_by};
use crate::types::value::Value;
use crate::wire::reader::Reader;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A row while it lies in the input buffer: what a stream yields. It lives until the next one is asked for.
#[derive(Debug)]
pub struct RowRef<'r> {
    pub(crate) row: DataRow<'r>,
    pub(crate) plan: &'r RowPlan,
    pub(crate) cache: &'r mut Option<RowPlan>,
    pub(crate) context: &'r Context,
}

impl<'r> RowRef<'r> {
    /// The columns.
    pub fn columns(&self) -> &'r [Column] {
        &self.plan.columns
    }

    /// Reads the row as a row type, which may borrow from it. The plan is made at the first row and kept.
    ///
    /// # Errors
    /// A decode error that names the column; the stream goes on.
    #[inline]
    pub fn get<T: FromRow<'r>>(self) -> Result<T> {
        if self.plan.is_for(T::SHAPE) {
            return self.plan.read(self.row, self.context).map_err(|e| of_this_row(e, self.context));
        }
        if !self.cache.as_ref().is_some_and(|plan| plan.is_for(T::SHAPE)) {
            *self.cache = Some(RowPlan::new(T::SHAPE, self.plan.columns.clone(), &self.plan.catalog)?);
        }
        match self.cache {
            Some(plan) => plan.read(self.row, self.context).map_err(|e| of_this_row(e, self.context)),
            None => Err(too_many_fields()),
        }
    }

    /// Reads one value of whatever type, by the column's number (from 0) or name; NULL is [`Value::Null`].
    ///
    /// # Errors
    /// No such column, or bytes that aren't a value of its type.
    pub fn value(&self, column: impl ColumnIndex) -> Result<Value> {
        let at = column.find(&self.plan.columns)?;
        let mut values = self.row.values();
        for _ in 0..at {
            values.value().map_err(of_one_row)?;
        }
        let bytes = values.value().map_err(of_one_row)?;
        let Some(column) = self.plan.columns.get(at) else {
            return Err(too_many_fields());
        };
        let mut plan = Value::plan(&column.type_, &Planner { catalog: &self.plan.catalog })?;
        plan.set_format(column.format);
        let value = match bytes {
            Some(bytes) => Value::decode(RawValue { bytes, plan: &plan, context: self.context }),
            None => null_by(&plan, self.context, Value::decode, Value::null),
        };
        let within = |e: Error| e.within(format_args!("column {} {:?}", at.saturating_add(1), column.name));
        value.map_err(|e| within(of_this_row(e, self.context)))
    }

    /// Keeps the row beyond its stream.
    pub fn to_owned(&self) -> Result<Row> {
        Row::new(self.row, self.plan, self.context).map_err(of_one_row)
    }
}

/// A row that is malformed ends no connection here: it was lent by one that is about to read the next.
#[cold]
pub(crate) fn of_one_row(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol { error.with_kind(ErrorKind::Decode) } else { error }
}

/// The same, for an error of reading it: one that says that a type was altered makes the connection forget its types.
#[cold]
fn of_this_row(error: Error, context: &Context) -> Error {
    context.note(&error);
    of_one_row(error)
}

/// A row that owns its bytes, for results whose columns are known only at run time.
pub struct Row {
    columns: Arc<[Column]>,
    bytes: Box<[u8]>,
    /// Where each value lies in the bytes; `None` for NULL.
    values: Box<[Option<Range<usize>>]>,
    catalog: Catalog,
    context: Context,
}

/// Names, and what can be read: `Row { id: Int8(1), name: Text("Ann") }`.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = f.debug_struct("Row");
        for (at, column) in self.columns.iter().enumerate() {
            match self.value(at) {
                Ok(value) => row.field(column.name(), &value),
                Err(error) => row.field(column.name(), &error),
            };
        }
        row.finish()
    }
}

impl Row {
    fn new(row: DataRow<'_>, plan: &RowPlan, context: &Context) -> Result<Row> {
        let mut reader = row.values();
        let bytes = reader.rest();
        let mut values = Vec::with_capacity(plan.columns.len());
        for _ in 0..row.columns() {
            let length = reader.value()?.map(<[u8]>::len);
            let end = bytes.len().saturating_sub(reader.rest().len());
            values.push(length.map(|length| end.saturating_sub(length)..end));
        }
        reader.finish()?;
        let context = context.of_owned_row();
        let (bytes, values) = (bytes.into(), values.into());
        Ok(Row { columns: plan.columns.clone(), bytes, values, catalog: plan.catalog.clone(), context })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Reads one value, by the column's number (from 0) or name. It may borrow from the row.
    ///
    /// # Errors
    /// No such column, a type that doesn't fit, or NULL where `T` is not an `Option`: each with the column's name.
    pub fn get<'r, T: Typecaster<'r>>(&'r self, column: impl ColumnIndex) -> Result<T> {
        let at = column.find(&self.columns)?;
        let (Some(column), Some(value)) = (self.columns.get(at), self.values.get(at)) else {
            return Err(Error::usage(format!("the row has {} columns, none at {at}", self.columns.len())));
        };
        let within = |e: Error| {
            of_this_row(e, &self.context).within(format_args!(
                "column {} {:?}",
                at.saturating_add(1),
                column.name
            ))
        };
        let bytes = value.clone().and_then(|range| self.bytes.get(range));
        if bytes.is_none() && self.catalog.has_no_codecs() {
            return T::null().map_err(within);
        }
        let mut plan = T::plan(&column.type_, &Planner { catalog: &self.catalog }).map_err(within)?;
        if plan.format == Format::Text && column.format == Format::Binary && !is_text_like(&column.type_) {
            return Err(within(
                Error::decode(format!(
                    "{} is read from its text form and arrived in binary",
                    column.type_.name()
                ))
                .hint("read the row as a type with `query::<T>(..)`, or cast the column to text"),
            ));
        }
        plan.set_format(column.format);
        let context = &self.context;
        let value = match bytes {
            Some(bytes) => T::decode(RawValue { bytes, plan: &plan, context }),
            None => null_by(&plan, context, T::decode, T::null),
        };
        value.map_err(within)
    }
}

impl Row {
    /// Reads one value of whatever type, by the column's number (from 0) or name; NULL is [`Value::Null`].
    ///
    /// ```no_run
    /// # fn show(row: &pg_core::Row) -> Result<(), pg_core::Error> {
    /// for (at, column) in row.columns().iter().enumerate() {
    ///     println!("{} = {}", column.name(), row.value(at)?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No such column, or bytes that aren't a value of its type.
    pub fn value(&self, column: impl ColumnIndex) -> Result<Value> {
        self.get(column)
    }
}

impl<'r> FromRow<'r> for Row {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        let owned = Row::new(row.whole, row.plan, row.context)?;
        row.values = Reader::new(&[]); // all values were taken and checked
        Ok(owned)
    }
}
