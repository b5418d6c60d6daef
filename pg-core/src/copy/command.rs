//! The commands: `COPY .. FROM STDIN` and `COPY .. TO STDOUT`. All names and values pass the quoting of `quote`.

use crate::error::{Error, Result};
use crate::quote;
use std::fmt::Write;

/// `COPY table FROM STDIN`: what is copied into, and how its data looks.
///
/// ```
/// use pg_core::copy::CopyFrom;
///
/// let copy = CopyFrom::table("item").schema("shop").columns(["name", "price"]).csv().header();
/// assert_eq!(
///     copy.to_sql()?,
///     r#"COPY "shop"."item" ("name", "price") FROM STDIN WITH (FORMAT csv, HEADER true)"#
/// );
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CopyFrom {
    target: Target,
    options: Vec<(&'static str, Setting)>,
    filter: Option<String>,
}

/// `COPY table TO STDOUT` or `COPY (query) TO STDOUT`: what is copied out, and how its data is to look.
///
/// ```
/// use pg_core::copy::CopyTo;
///
/// let copy = CopyTo::query("select name from item where price > 5").csv().null("-");
/// assert_eq!(
///     copy.to_sql()?,
///     "COPY (select name from item where price > 5) TO STDOUT WITH (FORMAT csv, NULL '-')"
/// );
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CopyTo {
    source: Source,
    options: Vec<(&'static str, Setting)>,
}

/// What `COPY .. FROM` does with a value that its column can't hold. PostgreSQL 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The command fails.
    Stop,
    /// The row is left out, and a notice counts them.
    Ignore,
}

#[derive(Debug, Clone)]
struct Target {
    schema: Option<String>,
    table: String,
    columns: Vec<String>,
}

#[derive(Debug, Clone)]
enum Source {
    Table(Target),
    /// With what belongs to a table and was said of it, to be refused.
    Query(String, Option<&'static str>),
}

#[derive(Debug, Clone)]
enum Setting {
    /// A word of PostgreSQL's own.
    Word(&'static str),
    /// A value, quoted.
    Text(String),
    /// Column names; none stands for `*`.
    Columns(Vec<String>),
}

impl Target {
    fn named(table: &str) -> Target {
        Target { schema: None, table: table.to_owned(), columns: Vec::new() }
    }

    fn name(&self) -> Result<String> {
        let table = quote::identifier(&self.table)?;
        Ok(match &self.schema {
            Some(schema) => format!("{}.{table}", quote::identifier(schema)?),
            None => table,
        })
    }

    fn to_sql(&self) -> Result<String> {
        let mut sql = self.name()?;
        if !self.columns.is_empty() {
            sql.push_str(" (");
            sql.push_str(&list(&self.columns)?);
            sql.push(')');
        }
        Ok(sql)
    }
}

fn list(names: &[String]) -> Result<String> {
    Ok(names.iter().map(|name| quote::identifier(name)).collect::<Result<Vec<_>>>()?.join(", "))
}

fn with_options(sql: &mut String, options: &[(&'static str, Setting)]) -> Result<()> {
    for (at, (name, setting)) in options.iter().enumerate() {
        sql.push_str(if at == 0 { " WITH (" } else { ", " });
        // Writing to a String can't fail.
        let _ = match setting {
            Setting::Word(word) => write!(sql, "{name} {word}"),
            Setting::Text(text) => write!(sql, "{name} {}", quote::literal(text)?.trim_start()),
            Setting::Columns(columns) if columns.is_empty() => write!(sql, "{name} *"),
            Setting::Columns(columns) => write!(sql, "{name} ({})", list(columns)?),
        };
    }
    if !options.is_empty() {
        sql.push(')');
    }
    Ok(())
}

/// The options that both directions have.
macro_rules! options {
    ($($(#[$doc:meta])* $method:ident($($argument:ident: $type_:ty)?) = $name:literal, $setting:expr;)+) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $method(self $(, $argument: $type_)?) -> Self {
            self.set($name, $setting)
        }
    )+ };
}

macro_rules! common_options {
    () => {
        options! {
            /// CSV in place of the text format.
            csv() = "FORMAT", Setting::Word("csv");
            /// The binary format. `copy_in_rows` and `copy_out_rows` choose it by themselves.
            binary() = "FORMAT", Setting::Word("binary");
            /// What stands between columns, one byte: a tab by default, in CSV a comma.
            delimiter(delimiter: char) = "DELIMITER", Setting::Text(delimiter.to_string());
            /// What stands for NULL: `\N` by default, in CSV nothing without quotes.
            null(text: &str) = "NULL", Setting::Text(text.to_owned());
            /// The first line names the columns. In text format from PostgreSQL 15 on.
            header() = "HEADER", Setting::Word("true");
            /// CSV's quote, one byte: `"` by default.
            quote(quote: char) = "QUOTE", Setting::Text(quote.to_string());
            /// What stands before a quote inside quotes in CSV, one byte: the quote itself by default.
            escape(escape: char) = "ESCAPE", Setting::Text(escape.to_string());
            /// The encoding of the data; the client's, UTF8, by default.
            encoding(encoding: &str) = "ENCODING", Setting::Text(encoding.to_owned());
        }

        fn set(mut self, name: &'static str, setting: Setting) -> Self {
            self.options.retain(|(known, _)| *known != name);
            self.options.push((name, setting));
            self
        }
    };
}

fn names<N: Into<String>>(columns: impl IntoIterator<Item = N>) -> Vec<String> {
    columns.into_iter().map(Into::into).collect()
}

impl CopyFrom {
    /// Copies into the table of this name, spelt as in the catalog: no quotes, case kept.
    pub fn table(table: &str) -> CopyFrom {
        CopyFrom { target: Target::named(table), options: Vec::new(), filter: None }
    }

    /// The table's schema; without one it is looked for in the search path.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> CopyFrom {
        self.target.schema = Some(schema.to_owned());
        self
    }

    pub(crate) fn column_names(&self) -> &[String] {
        &self.target.columns
    }

    /// The columns that come, in this order; all by default. Rows of a derived struct name theirs.
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> CopyFrom {
        self.target.columns = names(columns);
        self
    }

    /// The rows that are kept: a condition in SQL, which may name columns. It is not quoted.
    #[must_use]
    pub fn only_where(mut self, condition: &'static str) -> CopyFrom {
        self.filter = Some(condition.to_owned());
        self
    }

    common_options!();

    options! {
        /// The first line names the columns, and the server checks that they are these. PostgreSQL 15.
        header_must_match() = "HEADER", Setting::Word("match");
        /// Rows are frozen at once: only into a table made or emptied in the same transaction.
        freeze() = "FREEZE", Setting::Word("true");
        /// What a value that its column can't hold does. PostgreSQL 17; not in binary.
        on_error(action: OnError) = "ON_ERROR", Setting::Word(match action {
            OnError::Stop => "stop",
            OnError::Ignore => "ignore",
        });
        /// What stands for the column's default. PostgreSQL 16; not in binary.
        default(text: &str) = "DEFAULT", Setting::Text(text.to_owned());
    }

    /// In CSV: an empty value of these columns is an empty string, not NULL.
    #[must_use]
    pub fn force_not_null<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> CopyFrom {
        self.set("FORCE_NOT_NULL", Setting::Columns(names(columns)))
    }

    /// In CSV: a quoted value of these columns may be NULL too.
    #[must_use]
    pub fn force_null<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> CopyFrom {
        self.set("FORCE_NULL", Setting::Columns(names(columns)))
    }

    /// The command.
    ///
    /// # Errors
    /// A name that is empty or contains NUL.
    pub fn to_sql(&self) -> Result<String> {
        let mut sql = format!("COPY {} FROM STDIN", self.target.to_sql()?);
        with_options(&mut sql, &self.options)?;
        if let Some(filter) = &self.filter {
            sql.push_str(" WHERE ");
            sql.push_str(filter);
        }
        Ok(sql)
    }

    /// The same for rows of `count` values, whose columns are these unless the command names its own.
    ///
    /// # Errors
    /// Another number of columns, or an option that rows leave no choice of.
    pub(crate) fn for_rows(&self, columns: &[&str], count: usize) -> Result<CopyFrom> {
        check_rows(&self.options)?;
        let mut copy = self.clone();
        if copy.target.columns.is_empty() {
            copy.target.columns = names(columns.iter().copied());
        } else if copy.target.columns.len() != count {
            return Err(Error::usage(format!(
                "COPY names {} columns, and a row has {count}",
                copy.target.columns.len()
            )));
        }
        Ok(copy)
    }

    /// A statement whose `count` parameters have the columns' types. It needs the very right that COPY needs, and writes
    /// identity columns as COPY does.
    pub(crate) fn describing(&self, count: usize) -> Result<String> {
        let values: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
        Ok(format!(
            "INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES ({})",
            self.target.to_sql()?,
            values.join(", ")
        ))
    }
}

impl CopyTo {
    /// Copies the table of this name, spelt as in the catalog: no quotes, case kept.
    pub fn table(table: &str) -> CopyTo {
        CopyTo { source: Source::Table(Target::named(table)), options: Vec::new() }
    }

    /// Copies what a query gives. It has no parameters: values go in by [`Sql`](crate::compose::Sql) literals.
    pub fn query(sql: &str) -> CopyTo {
        CopyTo { source: Source::Query(sql.to_owned(), None), options: Vec::new() }
    }

    /// The table's schema; without one it is looked for in the search path. A query that is given one is an error.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> CopyTo {
        match &mut self.source {
            Source::Table(target) => target.schema = Some(schema.to_owned()),
            Source::Query(_, refused) => *refused = Some("a schema"),
        }
        self
    }

    /// The columns, in this order; all by default. A query names its own: one that is given others is an error.
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> CopyTo {
        match &mut self.source {
            Source::Table(target) => target.columns = names(columns),
            Source::Query(_, refused) => *refused = Some("columns"),
        }
        self
    }

    common_options!();

    /// In CSV: values of these columns are always quoted; of all columns if none is named.
    #[must_use]
    pub fn force_quote<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> CopyTo {
        self.set("FORCE_QUOTE", Setting::Columns(names(columns)))
    }

    /// The command.
    ///
    /// # Errors
    /// A name that is empty or contains NUL; a query that was given what only a table has.
    pub fn to_sql(&self) -> Result<String> {
        let source = match &self.source {
            Source::Table(target) => target.to_sql()?,
            Source::Query(sql, None) => in_parentheses(sql),
            Source::Query(_, Some(refused)) => {
                return Err(Error::usage(format!(
                    "COPY of a query was given {refused}, which only a table has"
                ))
                .hint("say it in the query"));
            }
        };
        let mut sql = format!("COPY {source} TO STDOUT");
        with_options(&mut sql, &self.options)?;
        Ok(sql)
    }

    /// The command for rows in this form.
    pub(crate) fn of_rows(&self, binary: bool) -> Result<String> {
        check_rows(&self.options)?;
        let mut copy = self.clone();
        // A table's COPY leaves generated columns out; its rows are those that were described.
        if let Source::Table(_) = self.source {
            copy.source = Source::Query(self.select()?, None);
        }
        if binary { copy.binary().to_sql() } else { copy.to_sql() }
    }

    /// A statement with the same columns.
    pub(crate) fn select(&self) -> Result<String> {
        Ok(match &self.source {
            Source::Query(sql, _) => without_end(sql).to_owned(),
            Source::Table(target) if target.columns.is_empty() => format!("SELECT * FROM {}", target.name()?),
            Source::Table(target) => format!("SELECT {} FROM {}", list(&target.columns)?, target.name()?),
        })
    }
}

/// A comment that the query ends with must not reach the parenthesis.
fn in_parentheses(sql: &str) -> String {
    let sql = without_end(sql);
    let end = if sql.contains("--") { "\n" } else { "" };
    format!("({sql}{end})")
}

/// The query without the semicolon that may end it.
fn without_end(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';')
}

/// Rows of Rust types choose the form of the data themselves.
fn check_rows(options: &[(&'static str, Setting)]) -> Result<()> {
    match options.iter().find(|(name, _)| !matches!(*name, "FREEZE" | "ON_ERROR")) {
        None => Ok(()),
        Some((name, _)) => Err(Error::usage(format!(
            "COPY of rows chooses the form of its data itself, so that {name} can't be set"
        ))
        .hint("use copy_in or copy_out, and write or read the bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_or_value_holds_stays_inside_its_quotes() {
        let copy = CopyFrom::table("a\"; drop table b; --")
            .columns(["x\"y", "select"])
            .delimiter('\'')
            .null("\\N'")
            .force_null(["x\"y"]);
        assert_eq!(
            copy.to_sql().unwrap(),
            r#"COPY "a""; drop table b; --" ("x""y", "select") FROM STDIN WITH (DELIMITER '''', NULL E'\\N''', FORCE_NULL ("x""y"))"#
        );
        assert!(CopyFrom::table("").to_sql().is_err());
        assert!(CopyFrom::table("a\0b").to_sql().is_err());
        assert!(CopyTo::table("a").null("\0").to_sql().is_err());
    }

    #[test]
    fn an_option_that_is_set_again_is_set_anew() {
        let copy = CopyTo::table("t").schema("s").columns(["a"]).csv().binary().force_quote([""; 0]);
        assert_eq!(
            copy.to_sql().unwrap(),
            r#"COPY "s"."t" ("a") TO STDOUT WITH (FORMAT binary, FORCE_QUOTE *)"#
        );
    }

    #[test]
    fn rows_name_their_columns_and_leave_no_choice_of_form() {
        let copy = CopyFrom::table("t").for_rows(&["a", "b"], 2).unwrap();
        assert_eq!(
            copy.clone().binary().to_sql().unwrap(),
            r#"COPY "t" ("a", "b") FROM STDIN WITH (FORMAT binary)"#
        );
        assert_eq!(
            copy.describing(2).unwrap(),
            r#"INSERT INTO "t" ("a", "b") OVERRIDING SYSTEM VALUE VALUES ($1, $2)"#
        );
        assert!(CopyFrom::table("t").csv().for_rows(&["a"], 1).is_err());
        assert!(CopyFrom::table("t").columns(["a"]).for_rows(&[], 2).is_err());
        assert_eq!(CopyTo::query("select 1; ").select().unwrap(), "select 1");
        assert!(CopyTo::query("select 1").schema("s").to_sql().is_err());
        assert!(CopyTo::query("select 1").columns(["a"]).to_sql().is_err());
    }
}
