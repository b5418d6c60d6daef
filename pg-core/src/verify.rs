//! What a program declares against a live schema: a registry's types, and statements.

use crate::constant::Declared;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::exchange::check::Strict;
use crate::exchange::collect::Values;
use crate::exchange::query::Request;
use crate::exchange::types::Refresh;
use crate::run::Run;
use crate::types::expects::{self, Drift};
use crate::types::registry::Registry;
use std::fmt::Write;

/// Which of these attributes may be NULL, by their places in the list: those of tables that say nothing else. What a view
/// has says nothing.
const MAY_BE_NULL: &str = "
    select place from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2))
        with ordinality as asked(relation, attribute, place)
    join pg_catalog.pg_attribute on attrelid = relation and attnum = attribute and not attnotnull
    join pg_catalog.pg_class on pg_class.oid = relation and relkind in ('r', 'p', 'f')
    join pg_catalog.pg_type on pg_type.oid = atttypid and not typnotnull";

/// What [`Session::verify`](crate::session::Session::verify) has found out.
pub(crate) struct Findings<'q> {
    queries: &'q [&'q dyn Declared],
    failures: Vec<(usize, Error)>,
    /// Columns that must not be NULL, each with its statement.
    strict: Vec<(usize, Strict)>,
}

impl<'q> Findings<'q> {
    /// Nothing yet.
    pub(crate) fn of(queries: &'q [&'q dyn Declared]) -> Findings<'q> {
        Findings { queries, failures: Vec::new(), strict: Vec::new() }
    }

    /// Takes what a statement's check ended with.
    ///
    /// # Errors
    /// What says nothing of the statement: a lost connection, a deadline.
    pub(crate) fn add(&mut self, index: usize, checked: Result<Vec<Strict>>) -> Result<()> {
        match checked {
            Ok(columns) => self.strict.extend(columns.into_iter().map(|column| (index, column))),
            Err(error) if error.is_closed() || error.is_timeout() || error.is_cancelled() => {
                return Err(error);
            }
            Err(error) => self.failures.push((index, error)),
        }
        Ok(())
    }

    /// What tells which columns may be NULL.
    pub(crate) fn question(&self) -> impl Exchange<Output = Vec<i64>> + use<> {
        let attributes = self.strict.iter().map(|(_, column)| column.attribute);
        let attributes: (Vec<u32>, Vec<i16>) = attributes.unzip();
        Request::new(MAY_BE_NULL, attributes, Values::<i64>::default())
    }

    /// Takes its answer.
    pub(crate) fn answer(&mut self, places: &[i64]) {
        for place in places {
            let at = usize::try_from(*place).ok().and_then(|place| place.checked_sub(1));
            let Some((index, column)) = at.and_then(|at| self.strict.get(at)) else { continue };
            let error = Error::decode("it may be NULL, which the Rust type can't hold").within(&column.place);
            let error = error.with_sql(self.queries.get(*index).map_or("", |query| query.sql()));
            self.failures.push((*index, error.hint(
                "read it as an Option, declare the column NOT NULL, or say that this statement never gives NULL there: \
                 `Query::new(..).never_null(&[\"..\"])`",
            )));
        }
    }

    /// One error of all that doesn't fit.
    ///
    /// # Errors
    /// That.
    pub(crate) fn told(mut self) -> Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        self.failures.sort_by_key(|(index, _)| *index);
        let mut unfit: Vec<usize> = self.failures.iter().map(|(index, _)| *index).collect();
        unfit.dedup();
        let mut words = format!("{} of {} queries do not fit the schema", unfit.len(), self.queries.len());
        for (index, error) in &self.failures {
            let Some(query) = self.queries.get(*index) else { continue };
            let shown = error.to_string();
            let _ = write!(words, "\n\n{}: {shown}", query.location()); // a String takes all
            if !shown.contains("\nSTATEMENT:") {
                let _ = write!(words, "\nSTATEMENT:  {}", query.sql());
            }
        }
        Err(Error::usage(words))
    }
}

impl Registry {
    /// Looks up all types that were given to [`Registry::with`] and compares them with what the Rust types expect: enum
    /// labels on either side, attributes and their types, domains' base types, missing types, and types inside. Each
    /// difference is one [`Drift`], in words; an empty list says that all is well.
    ///
    /// One round trip. [`Session::drifts`](crate::session::Session::drifts) is the same, with a plain method in
    /// blocking code. Run it in a test or at start-up: what a connection only finds out when a value comes (a label
    /// without a variant) or never (an attribute that was renamed and another given its name) is found here. It is also
    /// a [`refresh`](Registry::refresh) of this session.
    ///
    /// ```no_run
    /// # async fn example<S: pg_core::Session>(client: &mut S, registry: pg_core::Registry) -> pg_core::Result<()> {
    /// for drift in registry.verify(client).await? {
    ///     eprintln!("{drift}"); // mood: the Rust type has no variant for the label "angry"
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The look-up failed; a drift is none.
    pub async fn verify<S: Run>(&self, session: &mut S) -> Result<Vec<Drift>> {
        let catalog = session.run(self.look_up()).await?;
        let mut drifts = Vec::new();
        for (name, expected) in self.expected() {
            expects::compare(*name, expected, &catalog, &mut drifts);
        }
        Ok(drifts)
    }

    /// Makes a session and this registry take over what has changed on the server: types are looked up and statements
    /// planned anew. For what the wire doesn't show: a renamed attribute, a changed label.
    ///
    /// New connections see it; those that are open already keep what they know until they are refreshed too, or until
    /// an error shows that it is wrong.
    ///
    /// # Errors
    /// The look-up failed.
    pub async fn refresh<S: Run>(&self, session: &mut S) -> Result<()> {
        session.run(self.look_up()).await.map(drop)
    }

    fn look_up(&self) -> Refresh {
        let mut names = Vec::new();
        self.expected().iter().for_each(|(name, expected)| expects::names(*name, expected, &mut names));
        Refresh::new(names)
    }
}
