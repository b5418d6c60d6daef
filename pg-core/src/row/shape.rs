//! Shapes: the columns that a row type reads, as constants of the type.

use crate::error::Result;
use crate::types::catalog::Catalog;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner};
use crate::types::typecaster::Typecaster;
use postgres_types::Type;

/// The OID of `text`.
const TEXT: u32 = 25;

/// The columns that a row type reads: a constant, so that its address names it.
#[derive(Debug)]
pub struct Shape {
    pub(super) fields: &'static [Field],
    pub(super) dynamic: bool,
}

/// One field of a row type.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// Read from a column, found by name; without one, the next column.
    Column {
        /// The column's name.
        name: Option<&'static str>,
        /// What else the column may be called.
        aliases: &'static [&'static str],
        /// [`Typecaster::plan`] of the field's type.
        plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
        /// The field's SQL type.
        type_name: TypeName,
        /// The field reads only text.
        text_only: bool,
        /// A missing column is no error: the field has a default.
        default: bool,
        /// Whether the field can hold NULL.
        takes_null: fn() -> bool,
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
        Field::Column {
            name: Some(name),
            aliases: &[],
            plan: T::plan,
            type_name: T::TYPE,
            text_only: T::TEXT_ONLY,
            default: false,
            takes_null: T::takes_null,
        }
    }

    /// A column by name, which may be missing.
    pub const fn column_or_default<'a, T: Typecaster<'a>>(name: &'static str) -> Field {
        Field::Column {
            name: Some(name),
            aliases: &[],
            plan: T::plan,
            type_name: T::TYPE,
            text_only: T::TEXT_ONLY,
            default: true,
            takes_null: T::takes_null,
        }
    }

    /// The next column.
    pub const fn next<'a, T: Typecaster<'a>>() -> Field {
        Field::Column {
            name: None,
            aliases: &[],
            plan: T::plan,
            type_name: T::TYPE,
            text_only: T::TEXT_ONLY,
            default: false,
            takes_null: T::takes_null,
        }
    }
}

impl Shape {
    /// The shape of a row type with these fields, in the order in which [`from_row`](super::FromRow::from_row) reads them.
    ///
    /// A type that takes all columns can't be one of several fields, which is told when it is compiled:
    ///
    /// ```compile_fail,E0080
    /// #[derive(pg_core::FromRow)]
    /// struct Account {
    ///     id: i64,
    ///     #[pg(flatten)]
    ///     rest: std::collections::HashMap<String, pg_core::Value>,
    /// }
    /// # let _ = <Account as pg_core::FromRow<'_>>::SHAPE;
    /// ```
    pub const fn new(fields: &'static [Field]) -> Shape {
        let mut rest = fields;
        while let Some((field, others)) = rest.split_first() {
            if let Field::Nested { shape, .. } = field {
                assert!(
                    !shape.dynamic,
                    "a row type that takes all columns can't be flattened into another: read the whole row as it"
                );
            }
            rest = others;
        }
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

    /// Whether the columns must be known before the first run: all are taken, or some reader, or one inside, is known
    /// only at run time, and so is the form it wants.
    pub(crate) fn needs_description(&self, catalog: &Catalog) -> bool {
        self.dynamic
            || self.fields.iter().any(|field| match field {
                Field::Column { type_name, .. } if type_name.is_described() => true,
                Field::Column { type_name, plan, .. } if !catalog.has_no_codecs() => {
                    let own = catalog.resolve(*type_name);
                    own.is_some_and(|own| plan(&own, &Planner { catalog }).is_ok_and(|plan| plan.has_codec()))
                }
                Field::Column { .. } => false,
                Field::Nested { shape, .. } => shape.needs_description(catalog),
            })
    }

    /// Whether any column reads only text, so that the first run asks for text.
    pub(crate) fn text_only(&self) -> bool {
        self.fields.iter().any(|field| match field {
            Field::Column { text_only, .. } => *text_only,
            Field::Nested { shape, .. } => shape.text_only(),
        })
    }

    /// Visits the SQL types of all columns.
    pub(crate) fn each_type(&self, visit: &mut impl FnMut(TypeName)) {
        for field in self.fields {
            match field {
                Field::Column { type_name, .. } => visit(*type_name),
                Field::Nested { shape, .. } => shape.each_type(visit),
            }
        }
    }

    /// Whether some column, or what is inside of one, may be of a created type that no name in the shape tells: a string
    /// reads enums, an array those of domains over its elements' type, a tuple composites. Its type must be known then.
    pub(crate) fn reads_created_types(&self) -> bool {
        let mut found = false;
        let mut visit = |name: TypeName| {
            found |= matches!(name, TypeName::Oid(TEXT) | TypeName::Array(_) | TypeName::Record(_));
        };
        self.each_type(&mut |name| name.each(&mut visit));
        found
    }

    /// Visits all columns in the order in which they are read.
    pub(super) fn each_column(&self, visit: &mut impl FnMut(&Field)) {
        for field in self.fields {
            match field {
                Field::Column { .. } => visit(field),
                Field::Nested { shape, .. } => shape.each_column(visit),
            }
        }
    }

    /// Whether a field that has no default reads the column of this name.
    pub(crate) fn requires(&self, column: &str) -> bool {
        self.fields.iter().any(|field| match field {
            Field::Column { name, aliases, default, .. } => {
                !default && (*name == Some(column) || aliases.contains(&column))
            }
            Field::Nested { prefix, shape } => {
                column.strip_prefix(prefix).is_some_and(|column| shape.requires(column))
            }
        })
    }

    /// How many columns are read by their places: the first so many.
    pub(crate) fn positional(&self) -> usize {
        let mut count = 0usize;
        self.each_column(&mut |field| {
            count = count.saturating_add(usize::from(matches!(field, Field::Column { name: None, .. })));
        });
        count
    }

    pub(super) fn leaves(&self) -> usize {
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
