//! Rows: shapes known at compile time, plans made once per statement, and readers that decode straight out of the
//! input buffer.

use crate::error::{Error, Result};
use crate::message::Format;
use crate::message::backend::{DataRow, RowDescription};
use crate::types::catalog::Catalog;
use crate::types::context::Context;
use crate::types::plan::{Plan, Planner};
use crate::types::typecaster::{RawValue, Typecaster, TypecasterOwned};
use crate::wire::reader::Reader;
use postgres_types::{Oid, Type};
use std::ops::Range;
use std::sync::Arc;

/// A column of a result, as RowDescription tells it.
#[derive(Debug, Clone)]
pub struct Column {
    name: Box<str>,
    type_: Type,
    table: Oid,
    attribute: i16,
    modifier: i32,
    format: Format,
}

impl Column {
    /// Its name; `?column?` for an expression without one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type. A domain's column arrives with the type the domain is made over.
    pub fn type_(&self) -> &Type {
        &self.type_
    }

    /// The OID of the table it comes from; 0 for an expression.
    pub fn table(&self) -> Oid {
        self.table
    }

    /// Its attribute number in that table; 0 for an expression.
    pub fn attribute(&self) -> i16 {
        self.attribute
    }

    /// The type's modifier, such as a `varchar`'s length + 4; -1 for none.
    pub fn type_modifier(&self) -> i32 {
        self.modifier
    }

    /// The form in which its values travel.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Reads all columns of a description.
    pub(crate) fn all(description: RowDescription<'_>, catalog: &Catalog) -> Result<Vec<Column>> {
        let columns = description.fields()?.into_iter().map(|field| Column {
            name: field.name.into(),
            type_: catalog.type_or_stand_in(field.type_oid),
            table: field.table,
            attribute: field.attribute,
            modifier: field.type_modifier,
            format: if field.format == 1 { Format::Binary } else { Format::Text },
        });
        Ok(columns.collect())
    }

    pub(crate) fn with_format(&self, format: Format) -> Column {
        Column { format, ..self.clone() }
    }

    pub(crate) fn with_type(&self, catalog: &Catalog) -> Column {
        Column { type_: catalog.type_or_stand_in(self.type_.oid()), ..self.clone() }
    }
}

/// The columns that a row type reads: a constant, so that its address names it.
#[derive(Debug)]
pub struct Shape {
    fields: &'static [Field],
    dynamic: bool,
}

/// One field of a row type.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// Read from a column, found by name; without one, the next column.
    Column {
        /// The column's name.
        name: Option<&'static str>,
        /// [`Typecaster::plan`] of the field's type.
        plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
        /// The field's SQL type.
        type_name: crate::types::name::TypeName,
        /// The field reads only text.
        text_only: bool,
        /// A missing column is no error: the field has a default.
        default: bool,
    },
    /// A row type inside: its columns' names begin with the prefix.
    Nested {
        /// Put before the column names of the nested type; empty for none.
        prefix: &'static str,
        /// The nested row type.
        shape: &'static Shape,
    },
}

impl Field {
    /// A column by name.
    pub const fn column<'a, T: Typecaster<'a>>(name: &'static str) -> Field {
        Field::Column { name: Some(name), plan: T::plan, type_name: T::TYPE, text_only: T::TEXT_ONLY, default: false }
    }

    /// A column by name, which may be missing.
    pub const fn column_or_default<'a, T: Typecaster<'a>>(name: &'static str) -> Field {
        Field::Column { name: Some(name), plan: T::plan, type_name: T::TYPE, text_only: T::TEXT_ONLY, default: true }
    }

    /// The next column.
    pub const fn next<'a, T: Typecaster<'a>>() -> Field {
        Field::Column { name: None, plan: T::plan, type_name: T::TYPE, text_only: T::TEXT_ONLY, default: false }
    }
}

impl Shape {
    /// The shape of a row type with these fields, in the order in which [`FromRow::from_row`] reads them.
    pub const fn new(fields: &'static [Field]) -> Shape {
        Shape { fields, dynamic: false }
    }

    /// All columns, whatever they are.
    pub const DYNAMIC: Shape = Shape { fields: &[], dynamic: true };

    /// The fields.
    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Takes all columns, whatever they are.
    pub fn is_dynamic(&self) -> bool {
        self.dynamic
    }

    /// Whether any column reads only text, so that the first run asks for text.
    pub(crate) fn text_only(&self) -> bool {
        self.fields.iter().any(|field| match field {
            Field::Column { text_only, .. } => *text_only,
            Field::Nested { shape, .. } => shape.text_only(),
        })
    }

    /// Visits the SQL types of all columns.
    pub(crate) fn each_type(&self, visit: &mut impl FnMut(crate::types::name::TypeName)) {
        for field in self.fields {
            match field {
                Field::Column { type_name, .. } => visit(*type_name),
                Field::Nested { shape, .. } => shape.each_type(visit),
            }
        }
    }

    fn leaves(&self) -> usize {
        self.fields.iter().fold(0, |sum: usize, field| {
            sum.saturating_add(match field {
                Field::Column { .. } => 1,
                Field::Nested { shape, .. } => shape.leaves(),
            })
        })
    }

    /// What names the shape: plans are kept under it.
    #[inline]
    pub(crate) fn address(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

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

/// How the rows of one statement are read as one row type.
#[derive(Debug)]
pub struct RowPlan {
    shape: usize,
    /// The types as they were known when the plan was made.
    catalog: Catalog,
    columns: Arc<[Column]>,
    leaves: Box<[Leaf]>,
    /// The leaves' columns stand in the row's order, each once.
    ascending: bool,
    /// Columns after the last leaf's, when ascending.
    trailing: u16,
}

#[derive(Debug)]
struct Leaf {
    /// The column; `None` for a field that takes its default.
    column: Option<u16>,
    /// Columns between the leaf before and this one, when ascending.
    skip: u16,
    /// It is the very next value of the row, as it usually is.
    next: bool,
    /// The form in which the reader would rather have it.
    wanted: Format,
    plan: Plan,
}

impl RowPlan {
    /// Matches the columns to a shape's fields and checks their types.
    ///
    /// # Errors
    /// A column that is missing or whose type doesn't fit, by name, with the cure.
    pub(crate) fn new(shape: &'static Shape, columns: Arc<[Column]>, catalog: &Catalog) -> Result<RowPlan> {
        let mut building = Building { columns: &columns, planner: Planner { catalog }, leaves: Vec::new(), next: 0 };
        if shape.dynamic {
            building.all();
        } else {
            building.fields(shape, "")?;
        }
        let mut leaves = building.leaves;
        let mut ascending = true;
        let mut at = 0u16;
        for leaf in &mut leaves {
            match leaf.column.and_then(|column| column.checked_sub(at)) {
                Some(skip) => {
                    leaf.skip = skip;
                    at = at.saturating_add(skip).saturating_add(1);
                }
                None => ascending = false,
            }
        }
        for leaf in &mut leaves {
            leaf.next = ascending && leaf.skip == 0;
        }
        let trailing = u16::try_from(columns.len()).unwrap_or(u16::MAX).saturating_sub(at);
        Ok(RowPlan { shape: shape.address(), catalog: catalog.clone(), columns, leaves: leaves.into(), ascending, trailing })
    }

    /// Whether it was made for this shape.
    #[inline]
    pub(crate) fn is_for(&self, shape: &'static Shape) -> bool {
        self.shape == shape.address()
    }

    /// The columns.
    pub fn columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// The format in which each column is best asked for: what its readers want, binary where nobody reads it.
    pub(crate) fn wanted_formats(&self) -> Vec<Format> {
        let mut formats = vec![Format::Binary; self.columns.len()];
        for leaf in &self.leaves {
            if let Some(place) = leaf.column.and_then(|column| formats.get_mut(usize::from(column))) {
                if leaf.wanted == Format::Text {
                    *place = Format::Text;
                }
            }
        }
        formats
    }

    /// The same plan for columns that come in other formats.
    ///
    /// # Errors
    /// A reader that knows only text and is given binary.
    pub(crate) fn with_formats(&self, shape: &'static Shape, formats: &[Format]) -> Result<RowPlan> {
        let columns = self.columns.iter().zip(formats).map(|(column, format)| column.with_format(*format)).collect();
        RowPlan::new(shape, columns, &self.catalog)
    }

    /// Reads a row as `T`, whose shape this plan is for.
    #[inline]
    pub(crate) fn read<'r, T: FromRow<'r>>(&self, row: DataRow<'r>, context: &'r Context) -> Result<T> {
        let mut reader = RowReader::new(self, row, context)?;
        let value = T::from_row(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

struct Building<'a> {
    columns: &'a [Column],
    planner: Planner<'a>,
    leaves: Vec<Leaf>,
    next: usize,
}

impl Building<'_> {
    fn all(&mut self) {
        self.leaves = (0u16..)
            .zip(self.columns)
            .map(|(at, column)| Leaf {
                column: Some(at),
                skip: 0,
                next: false,
                wanted: column.format,
                plan: Plan::leaf(&column.type_, column.format),
            })
            .collect();
    }

    fn fields(&mut self, shape: &Shape, prefix: &str) -> Result<()> {
        for field in shape.fields {
            match field {
                Field::Nested { prefix: inner, shape } => self.fields(shape, &format!("{prefix}{inner}"))?,
                Field::Column { name: Some(name), plan, default, .. } => {
                    let name = format!("{prefix}{name}");
                    match self.columns.iter().position(|column| *column.name == *name) {
                        Some(at) => self.leaf(at, *plan)?,
                        None if *default => {
                            let plan = Plan::leaf(&Type::UNKNOWN, Format::Text);
                            self.leaves.push(Leaf { column: None, skip: 0, next: false, wanted: Format::Text, plan });
                        }
                        None => return Err(self.missing(&name)),
                    }
                }
                Field::Column { name: None, plan, .. } => {
                    let at = self.next;
                    self.next = at.saturating_add(1);
                    if at >= self.columns.len() {
                        return Err(Error::decode(format!(
                            "the row has {} columns, and the Rust type reads at least {}",
                            self.columns.len(),
                            at.saturating_add(1)
                        ))
                        .hint("select as many columns as the tuple has, or derive FromRow and read them by name"));
                    }
                    self.leaf(at, *plan)?;
                }
            }
        }
        Ok(())
    }

    fn leaf(&mut self, at: usize, plan: fn(&Type, &Planner<'_>) -> Result<Plan>) -> Result<()> {
        let (Some(column), Ok(number)) = (self.columns.get(at), u16::try_from(at)) else {
            return Err(Error::protocol("a row has at most 65535 columns"));
        };
        let within = |e: Error| e.within(format_args!("column {} {:?}", at.saturating_add(1), column.name));
        let mut plan = plan(&column.type_, &self.planner).map_err(within)?;
        let wanted = plan.format;
        if wanted != column.format {
            if wanted == Format::Text && !text_like(&column.type_) {
                return Err(within(
                    Error::decode(format!("{} is read from its text form and arrived in binary", column.type_.name()))
                        .hint("name the row type when the statement starts: `query::<T>(..)` or `stream_as`, \
                               or cast the column to text"),
                ));
            }
            plan.set_format(column.format);
        }
        self.leaves.push(Leaf { column: Some(number), skip: 0, next: false, wanted, plan });
        Ok(())
    }

    #[cold]
    fn missing(&self, name: &str) -> Error {
        let columns: Vec<&str> = self.columns.iter().map(|column| &*column.name).collect();
        Error::decode(format!("the row has no column {name:?}; it has {}", columns.join(", "))).hint(
            "select it, give the field its column's name with `#[pg(name = \"..\")]`, or a default with `#[pg(default)]`",
        )
    }
}

/// Types whose binary form is their text.
fn text_like(type_: &Type) -> bool {
    matches!(*type_, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON | Type::XML)
}

/// Reads the values of one row in the order of a shape's fields.
#[derive(Debug)]
pub struct RowReader<'r, 'p> {
    leaves: std::slice::Iter<'p, Leaf>,
    values: Reader<'r>,
    context: &'r Context,
    plan: &'p RowPlan,
    /// All values, when the fields are in another order than the columns.
    gathered: Option<Vec<Option<&'r [u8]>>>,
    whole: DataRow<'r>,
}

impl<'r, 'p> RowReader<'r, 'p> {
    #[inline]
    fn new(plan: &'p RowPlan, row: DataRow<'r>, context: &'r Context) -> Result<RowReader<'r, 'p>> {
        if usize::from(row.columns()) != plan.columns.len() {
            return Err(other_width(row.columns(), plan.columns.len()));
        }
        let gathered = if plan.ascending { None } else { Some(gather(row)?) };
        let leaves = plan.leaves.iter();
        Ok(RowReader { leaves, values: row.values(), context, plan, gathered, whole: row })
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
            let (bytes, values) = elsewhere(self.values, self.gathered.as_deref(), leaf)?;
            self.values = values;
            bytes
        };
        let value = match bytes {
            Some(bytes) => decode(RawValue { bytes, plan: &leaf.plan, context: self.context }),
            None => null(),
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
                Some(values) => leaf.column.and_then(|at| values.get(usize::from(at)).copied().flatten()),
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
    #[inline]
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
    gathered: Option<&[Option<&'r [u8]>]>,
    leaf: &Leaf,
) -> Result<(Option<&'r [u8]>, Reader<'r>)> {
    if let Some(values) = gathered {
        return Ok((leaf.column.and_then(|at| values.get(usize::from(at)).copied().flatten()), cursor));
    }
    for _ in 0..leaf.skip {
        cursor.value()?;
    }
    Ok((cursor.value()?, cursor))
}

#[cold]
fn explain(error: Error, leaf: &Leaf, plan: &RowPlan) -> Error {
    let at = leaf.column.unwrap_or_default();
    match plan.columns.get(usize::from(at)) {
        Some(column) => error.within(format_args!("column {} {:?}", at.saturating_add(1), column.name)),
        None => error,
    }
}

/// All values of a row, each checked, and that nothing is left over.
fn gather(row: DataRow<'_>) -> Result<Vec<Option<&[u8]>>> {
    let mut reader = row.values();
    let mut values = Vec::with_capacity(usize::from(row.columns()).min(reader.rest().len() / 4));
    for _ in 0..row.columns() {
        values.push(reader.value()?);
    }
    reader.finish()?;
    Ok(values)
}

#[cold]
fn other_width(found: u16, described: usize) -> Error {
    Error::protocol(format!("a row has {found} columns, and {described} were described"))
}

#[cold]
fn too_many_fields() -> Error {
    Error::usage("FromRow::from_row reads more fields than its SHAPE lists")
}

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
            return self.plan.read(self.row, self.context);
        }
        if !self.cache.as_ref().is_some_and(|plan| plan.is_for(T::SHAPE)) {
            *self.cache = Some(RowPlan::new(T::SHAPE, self.plan.columns.clone(), &self.plan.catalog)?);
        }
        match self.cache {
            Some(plan) => plan.read(self.row, self.context),
            None => Err(too_many_fields()),
        }
    }

    /// Keeps the row beyond its stream.
    pub fn to_owned(&self) -> Result<Row> {
        Row::new(self.row, self.plan, self.context)
    }
}

/// A row that owns its bytes, for results whose columns are known only at run time.
#[derive(Debug)]
pub struct Row {
    columns: Arc<[Column]>,
    bytes: Box<[u8]>,
    /// Where each value lies in the bytes; `None` for NULL.
    values: Box<[Option<Range<usize>>]>,
    catalog: Catalog,
    context: Context,
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
        let context = Context { settings: context.settings.clone(), ..Context::default() };
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
        let within = |e: Error| e.within(format_args!("column {} {:?}", at.saturating_add(1), column.name));
        let Some(bytes) = value.clone().and_then(|range| self.bytes.get(range)) else {
            return T::null().map_err(within);
        };
        let mut plan = T::plan(&column.type_, &Planner { catalog: &self.catalog }).map_err(within)?;
        if plan.format == Format::Text && column.format == Format::Binary && !text_like(&column.type_) {
            return Err(within(
                Error::decode(format!("{} is read from its text form and arrived in binary", column.type_.name()))
                    .hint("read the row as a type with `query::<T>(..)`, or cast the column to text"),
            ));
        }
        plan.set_format(column.format);
        T::decode(RawValue { bytes, plan: &plan, context: &self.context }).map_err(within)
    }
}

/// What names a column: its number from 0, or its name.
pub trait ColumnIndex {
    /// The column's number.
    fn find(&self, columns: &[Column]) -> Result<usize>;
}

impl ColumnIndex for usize {
    fn find(&self, columns: &[Column]) -> Result<usize> {
        if *self < columns.len() {
            return Ok(*self);
        }
        Err(Error::usage(format!("the row has {} columns, so there is none at {self}", columns.len())))
    }
}

impl ColumnIndex for &str {
    fn find(&self, columns: &[Column]) -> Result<usize> {
        columns.iter().position(|column| &*column.name == *self).ok_or_else(|| {
            let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
            Error::usage(format!("the row has no column {self:?}; it has {}", names.join(", ")))
        })
    }
}

impl<'r> FromRow<'r> for Row {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        let owned = Row::new(row.whole, row.plan, row.context)?;
        row.gathered = Some(Vec::new()); // all values were taken and checked
        Ok(owned)
    }
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
    ($($name:ident)+) => {
        impl<'r, $($name: Typecaster<'r>),+> FromRow<'r> for ($($name,)+) {
            const SHAPE: &'static Shape = &Shape::new(&[$(Field::next::<'r, $name>()),+]);

            #[inline]
            fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
                Ok(($(row.next::<$name>()?,)+))
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
tuples!(A B C D E F G H I J K L M);
tuples!(A B C D E F G H I J K L M N);
tuples!(A B C D E F G H I J K L M N O);
tuples!(A B C D E F G H I J K L M N O P);

/// Keeps the bound in the public API where inference needs it spelled out.
const _: fn() = || {
    fn owned<T: TypecasterOwned>() {}
    owned::<i64>();
};

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
