//! Plans: a shape's fields matched to a result's columns, once per statement.

use super::column::{Column, called};
use super::shape::{Field, Shape};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::types::catalog::Catalog;
use crate::types::plan::{Plan, Planner, is_text_like};
use crate::types::typecaster::Typecaster;
use crate::types::value::Value;
use postgres_types::Type;
use std::sync::Arc;

/// How the rows of one statement are read as one row type.
#[derive(Debug)]
pub struct RowPlan {
    pub(super) shape: usize,
    /// The types as they were known when the plan was made.
    pub(super) catalog: Catalog,
    pub(super) columns: Arc<[Column]>,
    pub(super) leaves: Box<[Leaf]>,
    /// The leaves' columns stand in the row's order, each once.
    pub(super) ascending: bool,
    /// Columns after the last leaf's, when ascending.
    pub(super) trailing: u16,
}

#[derive(Debug)]
pub(super) struct Leaf {
    /// The column; `None` for a field that takes its default.
    pub(super) column: Option<u16>,
    /// Columns between the leaf before and this one, when ascending.
    pub(super) skip: u16,
    /// It is the very next value of the row, as it usually is.
    pub(super) next: bool,
    /// The form in which the reader would rather have it.
    pub(super) wanted: Format,
    pub(super) plan: Plan,
}

impl RowPlan {
    /// Matches the columns to a shape's fields and checks their types.
    ///
    /// # Errors
    /// A column that is missing or whose type doesn't fit, by name, with the cure.
    pub(crate) fn new(shape: &'static Shape, columns: Arc<[Column]>, catalog: &Catalog) -> Result<RowPlan> {
        let mut building =
            Building { columns: &columns, planner: Planner { catalog }, leaves: Vec::new(), next: 0 };
        if shape.dynamic {
            building.all()?;
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
        Ok(RowPlan {
            shape: shape.address(),
            catalog: catalog.clone(),
            columns,
            leaves: leaves.into(),
            ascending,
            trailing,
        })
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

    /// The columns that are read by what can't hold NULL, by their places.
    pub(crate) fn never_null(&self, shape: &Shape) -> Vec<usize> {
        let (mut leaves, mut columns) = (self.leaves.iter(), Vec::new());
        shape.each_column(&mut |field| {
            if let (Some(leaf), Field::Column { takes_null, .. }) = (leaves.next(), field)
                && !takes_null()
                && leaf.plan.for_null().is_none()
            {
                columns.extend(leaf.column.map(usize::from));
            }
        });
        columns
    }

    /// The format in which each column is best asked for: what its readers want; where nobody reads it, binary if there
    /// is such a form.
    pub(crate) fn wanted_formats(&self) -> Vec<Format> {
        let unread = |column: &Column| match self.catalog.has_binary_form(column.type_()) {
            true => Format::Binary,
            false => Format::Text,
        };
        let mut formats: Vec<Format> = self.columns.iter().map(unread).collect();
        for binary in [true, false] {
            // A column that has two readers comes as text, which serves both.
            for leaf in self.leaves.iter().filter(|leaf| (leaf.wanted == Format::Binary) == binary) {
                if let Some(place) = leaf.column.and_then(|column| formats.get_mut(usize::from(column))) {
                    *place = leaf.wanted;
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
        let columns =
            self.columns.iter().zip(formats).map(|(column, format)| column.with_format(*format)).collect();
        RowPlan::new(shape, columns, &self.catalog)
    }
}

struct Building<'a> {
    columns: &'a [Column],
    planner: Planner<'a>,
    leaves: Vec<Leaf>,
    next: usize,
}

impl Building<'_> {
    fn all(&mut self) -> Result<()> {
        for (at, column) in self.columns.iter().enumerate() {
            self.leaf(at, |type_, planner| {
                let mut plan = Value::plan(type_, planner)?;
                plan.set_format(column.format);
                Ok(plan)
            })?;
        }
        Ok(())
    }

    fn fields(&mut self, shape: &Shape, prefix: &str) -> Result<()> {
        for field in shape.fields {
            match field {
                Field::Nested { prefix: inner, shape } => self.fields(shape, &format!("{prefix}{inner}"))?,
                Field::Column { name: Some(name), aliases, plan, default, .. } => {
                    match called(self.columns, prefix, name, aliases)? {
                        Some(at) => self.leaf(at, *plan)?,
                        None if *default => {
                            let plan = Plan::leaf(&Type::UNKNOWN, Format::Text);
                            self.leaves.push(Leaf {
                                column: None,
                                skip: 0,
                                next: false,
                                wanted: Format::Text,
                                plan,
                            });
                        }
                        None => return Err(self.missing(&format!("{prefix}{name}"))),
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

    fn leaf(&mut self, at: usize, plan: impl Fn(&Type, &Planner<'_>) -> Result<Plan>) -> Result<()> {
        let (Some(column), Ok(number)) = (self.columns.get(at), u16::try_from(at)) else {
            return Err(Error::protocol("a row has at most 65535 columns"));
        };
        let within = |e: Error| e.within(format_args!("column {} {:?}", at.saturating_add(1), column.name));
        let mut plan = plan(&column.type_, &self.planner).map_err(within)?;
        let wanted = plan.format;
        if wanted != column.format {
            if wanted == Format::Text && !is_text_like(&column.type_) {
                return Err(within(
                    Error::decode(format!(
                        "{} is read from its text form and arrived in binary",
                        column.type_.name()
                    ))
                    .hint(
                        "name the row type when the statement starts: `query::<T>(..)` or `stream_as`, \
                               or cast the column to text",
                    ),
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
