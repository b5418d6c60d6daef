//! Composing SQL at run time: text and values side by side, the values always bound, `$n` numbered by the composer.

use crate::error::Result;
use crate::params::{ParamWriter, Params};
use crate::quote;
use crate::types::adapter::Parameter;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner};
use postgres_types::Type;

/// A statement in the making.
///
/// A value can't become SQL by accident: [`Sql::value`] binds it as a parameter, and [`Sql::text`] takes only text that
/// stands in the program.
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
#[derive(Default)]
pub struct Sql<'v> {
    text: String,
    values: Vec<Box<dyn Parameter + Send + Sync + 'v>>,
}

impl<'v> Sql<'v> {
    /// Begins with text of the program.
    pub fn new(text: &'static str) -> Sql<'v> {
        Sql { text: text.to_owned(), values: Vec::new() }
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
        self.values.push(Box::new(value));
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Appends a name, quoted.
    ///
    /// # Errors
    /// An empty name, or one that contains NUL.
    pub fn identifier(mut self, name: &str) -> Result<Sql<'v>> {
        self.text.push_str(&quote::identifier(name)?);
        Ok(self)
    }

    /// Appends SQL text that was made at run time. Whoever calls it vouches that no outside value is in it.
    #[must_use]
    pub fn raw(mut self, text: &str) -> Sql<'v> {
        self.text.push_str(text);
        self
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
