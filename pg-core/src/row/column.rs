//! A result's columns, and what names one.

use crate::error::{Error, Result};
use crate::message::Format;
use crate::message::backend::RowDescription;
use crate::types::catalog::Catalog;
use postgres_types::{Oid, Type};

/// A column of a result, as RowDescription tells it.
#[derive(Debug, Clone)]
pub struct Column {
    pub(super) name: Box<str>,
    pub(super) type_: Type,
    pub(super) table: Oid,
    pub(super) attribute: i16,
    pub(super) modifier: i32,
    pub(super) format: Format,
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

    /// A column of a table, as replication tells it.
    pub(crate) fn of_table(
        name: &str,
        type_: Type,
        table: Oid,
        attribute: i16,
        modifier: i32,
        format: Format,
    ) -> Column {
        Column { name: name.into(), type_, table, attribute, modifier, format }
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

/// The column that a field's name or one of its aliases means, behind a prefix.
///
/// # Errors
/// Several are meant: the first is as good a guess as the last.
pub(super) fn called(
    columns: &[Column],
    prefix: &str,
    name: &str,
    aliases: &[&str],
) -> Result<Option<usize>> {
    let is_meant = |column: &Column| {
        let inner = column.name.strip_prefix(prefix);
        inner.is_some_and(|inner| inner == name || aliases.contains(&inner))
    };
    let mut found = columns.iter().enumerate().filter(|(_, column)| is_meant(column));
    match (found.next(), found.next()) {
        (Some((first, one)), Some((second, another))) => {
            let (first, second) = (first.saturating_add(1), second.saturating_add(1));
            let (one, another) = (&*one.name, &*another.name);
            Err(match one == another {
                true => Error::decode(format!("columns {first} and {second} of the row are both called {one:?}")),
                false => Error::decode(format!(
                    "columns {first} and {second} of the row, {one:?} and {another:?}, are one field's"
                )),
            }
            .hint("give one of them another name in the SQL: `.. as other_name`; a tuple reads columns by their places"))
        }
        (first, _) => Ok(first.map(|(at, _)| at)),
    }
}

/// What names a column: its number from 0, or its name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no column",
    label = "a column's number, a `usize` from 0, or its name, a `&str`"
)]
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
