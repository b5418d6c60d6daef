//! What a program declares against a live schema: a registry's types, and statements.

use crate::constant::Declared;
use crate::error::{Error, Result};
use crate::exchange::collect::Values;
use crate::exchange::query::Request;
use crate::exchange::session::{Begin, End};
use crate::exchange::types::Refresh;
use crate::run::Run;
use crate::transaction::TransactionOptions;
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

/// What [`Session::verify`](crate::session::Session::verify) does. `in_transaction` says that each check needs a savepoint.
pub(crate) async fn queries<S: Run>(
    session: &mut S,
    queries: &[&dyn Declared],
    in_transaction: bool,
) -> Result<()> {
    let (mut failures, mut strict) = (Vec::new(), Vec::new());
    for (index, query) in queries.iter().enumerate() {
        let checked = match in_transaction {
            false => session.run(query.check()).await,
            true => {
                let begin = Begin::new(TransactionOptions::default().to_sql(), false);
                let depth = session.run(begin).await?;
                let checked = session.run(query.check()).await;
                session.run(End::roll_back(depth)).await?;
                checked
            }
        };
        match checked {
            Ok(columns) => strict.extend(columns.into_iter().map(|column| (index, column))),
            Err(error) if error.is_closed() => return Err(error),
            Err(error) => failures.push((index, error)),
        }
    }
    let (tables, attributes): (Vec<u32>, Vec<i16>) =
        strict.iter().map(|(_, column)| column.attribute).unzip();
    if !tables.is_empty() {
        let open = Request::new(MAY_BE_NULL, (tables, attributes), Values::<i64>::default());
        for place in session.run(open).await? {
            let at = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
            let found = at.and_then(|at| strict.get(at));
            let Some((index, column, sql)) =
                found.and_then(|(index, column)| Some((index, column, queries.get(*index)?.sql())))
            else {
                continue;
            };
            let error = Error::decode("it may be NULL, which the Rust type can't hold")
                .within(&column.place)
                .with_sql(sql);
            failures.push((*index, error.hint(
                "read it as an Option, declare the column NOT NULL, or say that this statement never gives NULL there: \
                 `Query::new(..).never_null(&[\"..\"])`",
            )));
        }
    }
    failures.sort_by_key(|(index, _)| *index);
    told(queries, &failures)
}

/// One error of all.
fn told(queries: &[&dyn Declared], failures: &[(usize, Error)]) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let mut unfit: Vec<usize> = failures.iter().map(|(index, _)| *index).collect();
    unfit.dedup();
    let mut words = format!("{} of {} queries do not fit the schema", unfit.len(), queries.len());
    for (index, error) in failures {
        let Some(query) = queries.get(*index) else { continue };
        let shown = error.to_string();
        let _ = write!(words, "\n\n{}: {shown}", query.location()); // a String takes all
        if !shown.contains("\nSTATEMENT:") {
            let _ = write!(words, "\nSTATEMENT:  {}", query.sql());
        }
    }
    Err(Error::usage(words))
}

impl Registry {
    /// Looks up all types that were given to [`Registry::with`] and compares them with what the Rust types expect: enum
    /// labels on either side, attributes and their types, domains' base types, missing types, and types inside. Each
    /// difference is one [`Drift`], in words; an empty list says that all is well.
    ///
    /// One round trip. [`Session::drifts`](crate::session::Session::drifts) is the same, with a plain method in blocking code.
    /// Run it in a test or at start-up: what a connection only finds out when a value comes (a label
    /// without a variant) or never (an attribute that was renamed and another given its name) is found here. It is also a
    /// [`refresh`](Registry::refresh) of this session.
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
