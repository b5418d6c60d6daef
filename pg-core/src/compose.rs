//! Composing SQL at run time: text, names and values side by side. Values are bound, with `$n` numbered by the composer, or
//! written out as literals where PostgreSQL takes no parameters (DDL, `SET`, `NOTIFY`, COPY, replication commands).

use crate::error::{Error, Result};
use crate::message::Format;
use crate::params::{ParamWriter, Params};
use crate::quote;
use crate::types::adapter::{Encode, IsNull, Parameter};
use crate::types::catalog::Catalog;
use crate::types::context::Settings;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner};
use crate::types::{Kind, Type};

/// A statement in the making.
///
/// A value can't become SQL by accident: [`Sql::value`] binds it as a parameter, [`Literal`] writes it out escaped, and
/// [`Sql::text`] takes only text that stands in the program.
///
/// ```
/// use pg_core::Sql;
///
/// let (minimum, name) = (5_i64, Some("anna"));
/// let mut sql = Sql::new("select id from users where score > ").value(minimum);
/// if let Some(name) = name {
///     sql = sql.text(" and name = ").value(name);
/// }
/// let sql = sql.text(" order by ").identifier("created at")?;
/// assert_eq!(sql.as_str(), r#"select id from users where score > $1 and name = $2 order by "created at""#);
/// // client.query::<(i64,)>(sql.as_str(), &sql)
/// # Ok::<(), pg_core::Error>(())
/// ```
///
/// Pieces of any kind, lists of them, and statements inside statements:
///
/// ```
/// use pg_core::Sql;
/// use pg_core::compose::{Bind, Ident, Literal};
///
/// let recent = Sql::new("select id from orders where total > ").value(100_i64);
/// let sql = Sql::new("create table ")
///     .with(Ident::qualified("shop", "big orders"))?
///     .text(" (")
///     .join(", ", ["id", "total"].map(Ident::new))?
///     .text(", at date default ")
///     .with(Literal("2026-01-01"))?
///     .text(") as select $$of $1$$, ")
///     .with(Bind("x"))?
///     .text(" from (")
///     .with(recent)?
///     .text(") o");
/// assert_eq!(
///     sql.as_str(),
///     "create table \"shop\".\"big orders\" (\"id\", \"total\", at date default '2026-01-01') \
///      as select $$of $1$$, $1 from (select id from orders where total > $2) o"
/// );
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Default)]
pub struct Sql<'v> {
    text: String,
    /// Where the composer's placeholders stand in the text, in order: those of text that was given are none of them.
    places: Vec<usize>,
    values: Vec<Box<dyn Parameter + Send + Sync + 'v>>,
}

impl<'v> Sql<'v> {
    /// Begins with text of the program.
    pub fn new(text: &'static str) -> Sql<'v> {
        Sql { text: text.to_owned(), ..Sql::default() }
    }

    /// Appends text of the program.
    #[must_use]
    pub fn text(mut self, text: &'static str) -> Sql<'v> {
        self.text.push_str(text);
        self
    }

    /// Appends a placeholder, and binds the value to it.
    #[must_use]
    pub fn value(mut self, value: impl Parameter + Send + Sync + 'v) -> Sql<'v> {
        self.bind(Box::new(value));
        self
    }

    fn bind(&mut self, value: Box<dyn Parameter + Send + Sync + 'v>) {
        self.values.push(value);
        self.places.push(self.text.len());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
    }

    /// Appends a name, quoted.
    ///
    /// # Errors
    /// An empty name, or one that contains NUL.
    pub fn identifier(self, name: &str) -> Result<Sql<'v>> {
        self.with(Ident::new(name))
    }

    /// Appends SQL text that was made at run time. Whoever calls it vouches that no outside value is in it.
    #[must_use]
    pub fn raw(mut self, text: &str) -> Sql<'v> {
        self.text.push_str(text);
        self
    }

    /// Appends a piece: an [`Ident`], a [`Literal`], a [`LiteralAs`], a [`Bind`], a [`Raw`], or another statement, whose
    /// placeholders are numbered anew.
    ///
    /// # Errors
    /// The piece's.
    pub fn with(mut self, piece: impl Piece<'v>) -> Result<Sql<'v>> {
        piece.append(&mut self)?;
        Ok(self)
    }

    /// Appends pieces with a separator between them: `join(", ", names.iter().map(|name| Ident::new(name)))`.
    ///
    /// # Errors
    /// A piece's.
    pub fn join<P: Piece<'v>>(
        mut self,
        separator: &'static str,
        pieces: impl IntoIterator<Item = P>,
    ) -> Result<Sql<'v>> {
        for (at, piece) in pieces.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(separator);
            }
            piece.append(&mut self)?;
        }
        Ok(self)
    }

    /// The statement's text, to be run with `&sql` as its parameters.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Sql<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sql").field("text", &self.text).field("values", &self.values.len()).finish()
    }
}

/// What a statement is composed of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no piece of SQL",
    note = "wrap a name in `Ident::new(..)`, a value in `Bind(..)` or `Literal(..)`; text of the program goes by `Sql::text`"
)]
pub trait Piece<'v> {
    /// Appends it.
    ///
    /// # Errors
    /// What can't be written: a name that is empty, text with NUL, a value that the SQL type can't hold.
    fn append(self, to: &mut Sql<'v>) -> Result<()>;
}

/// A name, quoted, so that any name means itself: `Ident::new("order")`, `Ident::qualified("shop", "order")`.
#[derive(Debug, Clone, Copy)]
pub struct Ident<'n> {
    schema: Option<&'n str>,
    name: &'n str,
}

impl<'n> Ident<'n> {
    /// A name of one part.
    pub fn new(name: &'n str) -> Ident<'n> {
        Ident { schema: None, name }
    }

    /// A name in a schema, or a column of a table.
    pub fn qualified(schema: &'n str, name: &'n str) -> Ident<'n> {
        Ident { schema: Some(schema), name }
    }
}

impl<'v> Piece<'v> for Ident<'_> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        if let Some(schema) = self.schema {
            to.text.push_str(&quote::identifier(schema)?);
            to.text.push('.');
        }
        to.text.push_str(&quote::identifier(self.name)?);
        Ok(())
    }
}

/// A value that is bound: a placeholder stands for it.
#[derive(Debug, Clone, Copy)]
pub struct Bind<T>(pub T);

impl<'v, T: Parameter + Send + Sync + 'v> Piece<'v> for Bind<T> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        to.bind(Box::new(self.0));
        Ok(())
    }
}

/// A value that is written out, as [`literal`] does without a connection: types of PostgreSQL's own and what is made of
/// them, strings, enums and domains. A composite needs the catalog: [`literal`] takes one, and [`Raw`] its result; or
/// [`LiteralAs`] is told its type.
#[derive(Debug, Clone, Copy)]
pub struct Literal<T>(pub T);

impl<'v, T: Parameter> Piece<'v> for Literal<T> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        to.text.push_str(&literal(&self.0, &Catalog::default(), &Settings::default())?);
        Ok(())
    }
}

/// A value that is written out as the type that is chosen: see [`literal_as`].
///
/// ```
/// use pg_core::Sql;
/// use pg_core::compose::LiteralAs;
/// use pg_core::types::Type;
///
/// let sql = Sql::new("alter table shop alter tags set default ").with(LiteralAs("{}", &Type::JSONB))?;
/// assert_eq!(sql.as_str(), "alter table shop alter tags set default '{}'::pg_catalog.jsonb");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LiteralAs<'t, T>(pub T, pub &'t Type);

impl<'v, T: Parameter> Piece<'v> for LiteralAs<'_, T> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        to.text.push_str(&literal_as(&self.0, self.1, &Catalog::of(self.1), &Settings::default())?);
        Ok(())
    }
}

/// SQL text that was made at run time. Whoever writes it vouches that no outside value is in it.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'t>(pub &'t str);

impl<'v> Piece<'v> for Raw<'_> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        to.text.push_str(self.0);
        Ok(())
    }
}

impl<'v> Piece<'v> for Sql<'v> {
    fn append(self, to: &mut Sql<'v>) -> Result<()> {
        let mut rest = self.text.as_str();
        let mut from = 0;
        for ((place, value), number) in self.places.into_iter().zip(self.values).zip(1u32..) {
            // `places` tells where `$` and the number of the value stand.
            let length = number.to_string().len().saturating_add(1);
            let at = place.saturating_sub(from);
            let (Some(before), Some(after)) = (rest.get(..at), rest.get(at.saturating_add(length)..)) else {
                return Err(Error::usage("a composed statement has lost a placeholder"));
            };
            to.text.push_str(before);
            to.bind(value);
            rest = after;
            from = place.saturating_add(length);
        }
        to.text.push_str(rest);
        Ok(())
    }
}

/// A value written out as SQL: its text form in quotes, and its type, as in `'-5'::int4`. A string has no type, as a string
/// parameter has none: the server infers it from where the literal stands.
///
/// It means the value whatever `standard_conforming_strings` says, and wherever it stands: a negative number never
/// becomes a comment behind a minus, NaN and the infinities are values, an empty array has its type. (To take an
/// array's literal apart put it in parentheses: `('{1,2}'::int4[])[1]`.) NULL is `NULL`, with its type.
///
/// `catalog` and `settings` are a connection's, `session.connection().conversation()` has both, or their defaults:
/// composites, and arrays and ranges of types that were created, need a catalog that knows them, which it does once a
/// statement had them as a parameter.
///
/// A connection writes the same by all it knows: [`Connection::literal`](crate::protocol::connection::Connection::literal).
/// [`literal_as`] lets the caller choose the type.
///
/// # Errors
/// A value that can't be written as its SQL type, text that contains NUL or is no UTF-8, a composite that the catalog
/// doesn't know, and a type that is known only at run time, but for a value whose adapter was registered ([`via`]) and
/// the catalog has it.
///
/// [`via`]: crate::types::via::via
///
/// ```
/// use pg_core::compose::literal;
/// use pg_core::types::{catalog::Catalog, context::Settings};
///
/// let write = |value: &dyn pg_core::Parameter| literal(value, &Catalog::default(), &Settings::default());
/// assert_eq!(write(&-5_i32)?, "'-5'::pg_catalog.int4");
/// assert_eq!(write(&"it's")?, "'it''s'");
/// assert_eq!(write(&vec![Some(f64::NAN), None])?, "'{NaN,NULL}'::pg_catalog.float8[]");
/// assert_eq!(write(&vec![1_u8, 255])?, r" E'\\x01ff'::pg_catalog.bytea");
/// assert_eq!(write(&None::<bool>)?, "NULL::pg_catalog.bool");
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn literal(value: &dyn Parameter, catalog: &Catalog, settings: &Settings) -> Result<String> {
    let name = value.type_name();
    let type_ = catalog.resolve(name).unwrap_or(Type::UNKNOWN);
    let plan = value.plan_as(&type_, &Planner { catalog }).map_err(|error| match type_ == Type::UNKNOWN {
        true if name.is_described() => error,
        true => error.within(format_args!("{name} isn't in the catalog that was given")).with_cure(
            "give that of a connection which has had a value of it as a parameter, or has looked it up by its name \
             (`type_by_name`); or bind the value: `Sql::value(..)`",
        ),
        false => error,
    })?;
    let cast = match (name.is_described(), &plan.type_) {
        (true, &Type::UNKNOWN) => {
            return Err(Error::encode(
                "the value's type is known only at run time, so that it has no literal",
            )
            .hint("choose its type: `literal_as(..)`, or bind it: `Sql::value(..)`"));
        }
        // An adapter that was registered at run time says the type in its plan.
        (true, own) => Some(cast_by_type(own)?),
        (false, _) if type_ == Type::UNKNOWN => cast_by_name(name)?,
        (false, _) => Some(cast_by_type(&type_)?),
    };
    written(value, plan, settings, cast)
}

/// As [`literal`], of the SQL type that is chosen: a domain over the value's own type, what a string shall be read as, one
/// of several ranges over a subtype, the type of a [`Value`](crate::types::value::Value). Anything but a string is checked
/// against it. A type modifier goes around it: `format!("({sql})::numeric(10, 2)")`.
///
/// [`Session::type_by_name`](crate::Session::type_by_name) gives a type that was created, and leaves it in the
/// connection's catalog.
///
/// # Errors
/// A value that can't be written as this type, and text that contains NUL or is no UTF-8.
///
/// ```
/// use pg_core::compose::literal_as;
/// use pg_core::types::{Type, catalog::Catalog, context::Settings};
///
/// let write = |value: &dyn pg_core::Parameter, type_| {
///     literal_as(value, &type_, &Catalog::default(), &Settings::default())
/// };
/// assert_eq!(write(&"[1, 2]", Type::JSONB)?, "'[1, 2]'::pg_catalog.jsonb");
/// assert_eq!(write(&vec!["::1"], Type::INET_ARRAY)?, "'{::1}'::pg_catalog.inet[]");
/// assert!(write(&-5_i32, Type::INT8).is_err()); // nothing is converted in silence
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn literal_as(
    value: &dyn Parameter,
    type_: &Type,
    catalog: &Catalog,
    settings: &Settings,
) -> Result<String> {
    let plan = value.plan_as(type_, &Planner { catalog })?;
    written(value, plan, settings, Some(cast_by_type(type_)?))
}

/// The value's text in quotes, and the type that it is cast to.
fn written(
    value: &dyn Parameter,
    mut plan: Plan,
    settings: &Settings,
    cast: Option<String>,
) -> Result<String> {
    plan.set_format(Format::Text);
    let mut out = Vec::new();
    let mut sql = match value.write(&mut Encode { out: &mut out, plan: &plan, settings })? {
        IsNull::Yes => "NULL".to_owned(),
        IsNull::No => {
            let text = std::str::from_utf8(&out)
                .map_err(|e| Error::encode("the value's text is not UTF-8").with_source(e))?;
            quote::literal(text)?
        }
    };
    if let Some(cast) = cast {
        sql.push_str("::");
        sql.push_str(&cast);
    }
    Ok(sql)
}

/// A type as it is written behind `::`. Its schema is named, so that the search path can't make it another, and so is that
/// of PostgreSQL's own: `bit` and `char` alone would be types of length 1.
fn cast_by_type(type_: &Type) -> Result<String> {
    match type_.kind() {
        // `int2vector` and `oidvector` are arrays too, with names of their own.
        Kind::Array(element) if type_.name().starts_with('_') => Ok(format!("{}[]", cast_by_type(element)?)),
        _ if type_.schema() == "pg_catalog" => Ok(format!("pg_catalog.{}", type_.name())),
        _ => Ok(format!("{}.{}", quote::identifier(type_.schema())?, quote::identifier(type_.name())?)),
    }
}

/// As [`cast_by_type`], for what no catalog has told. None for what the server infers.
fn cast_by_name(name: TypeName) -> Result<Option<String>> {
    Ok(match name {
        TypeName::Named(named) => Some(match named.schema {
            Some(schema) => format!("{}.{}", quote::identifier(schema)?, quote::identifier(named.name)?),
            None => quote::identifier(named.name)?,
        }),
        TypeName::Array(element) => cast_by_name(*element)?.map(|element| format!("{element}[]")),
        _ => None,
    })
}

impl Params for Sql<'_> {
    fn count(&self) -> usize {
        self.values.len()
    }

    fn constants(&self) -> usize {
        0
    }

    fn type_name(&self, index: usize) -> TypeName {
        self.values.type_name(index)
    }

    fn plan(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        self.values.plan(index, type_, planner)
    }

    fn write(&self, to: &mut ParamWriter<'_>) -> Result<()> {
        self.values.write(to)
    }
}
