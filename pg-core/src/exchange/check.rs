//! A declared statement against the live schema: prepared and planned as its first run would be, and not run.

use super::planning::Described;
use super::prelude::Needs;
use super::statement::Statement;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::params::ParamField;
use crate::protocol::conversation::Conversation;
use crate::row::Shape;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner};
use postgres_types::{Oid, Type};

/// See the module.
#[derive(Debug)]
pub struct Check {
    core: Statement<'static>,
    params: Constants,
    shape: &'static Shape,
    never_null: &'static [&'static str],
}

/// A column that is read by what can't hold NULL.
#[derive(Debug)]
pub struct Strict {
    /// How errors call it.
    pub place: String,
    /// The table it comes from, and its number there.
    pub attribute: (Oid, i16),
}

/// Parameters of which there are no values.
#[derive(Debug, Clone, Copy)]
struct Constants(Option<&'static [ParamField]>);

impl Described for Constants {
    fn fields(&self) -> &'static [ParamField] {
        self.0.unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.fields().len()
    }

    fn name(&self, index: usize) -> TypeName {
        self.fields().get(index).map_or(TypeName::Inferred, |field| field.type_name)
    }

    fn plan_at(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        match self.fields().get(index) {
            Some(field) => (field.plan)(type_, planner),
            None => Err(Error::usage("there are fewer parameters")),
        }
    }
}

impl Check {
    /// Of this statement, with these parameters (`None` for a list known at run time, which is taken to fit), its rows
    /// read as this shape.
    pub(crate) fn new(
        sql: &'static str,
        fields: Option<&'static [ParamField]>,
        shape: &'static Shape,
        never_null: &'static [&'static str],
    ) -> Check {
        let params = Constants(fields);
        // The next run is its first: what this one prepares goes by no constants.
        let core = Statement::of(sql, shape, 0, params.fields());
        Check { core, params, shape, never_null }
    }

    /// The columns that the schema must not let be NULL.
    fn strict(&self) -> Result<Vec<Strict>> {
        let Some(reading) = &self.core.reading else {
            return match self.shape.fields() {
                [] => Ok(Vec::new()),
                _ => Err(Error::decode("the statement returns no rows at all")
                    .hint("add `returning ..` to it, or declare it as `Query<P, ()>`")),
            };
        };
        let columns = reading.plan.columns();
        if let Some(name) = self.never_null.iter().find(|name| columns.iter().all(|c| c.name() != **name)) {
            return Err(Error::usage(format!(
                "the row has no column {name:?}, which is said to be never NULL"
            ))
            .hint("correct or remove it in `never_null(..)`"));
        }
        let strict = reading.plan.never_null(self.shape).into_iter().filter_map(|at| {
            let column = columns.get(at).filter(|column| column.table() != 0 && column.attribute() > 0)?;
            (!self.never_null.contains(&column.name())).then(|| Strict {
                place: format!("column {} {:?}", at.saturating_add(1), column.name()),
                attribute: (column.table(), column.attribute()),
            })
        });
        Ok(strict.collect())
    }
}

impl Exchange for Check {
    type Output = Vec<Strict>;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.core.plan_ahead(c, &self.params)
    }

    fn finish(self, c: &mut Conversation) -> Result<Vec<Strict>> {
        self.core.check_described(c, self.params.0.map(<[_]>::len))?;
        self.strict().map_err(|e| e.with_sql(self.core.sql))
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Prepare, sql: Some(self.core.sql), parameters: self.params.len() }
    }
}
