//! Where a value stands: on its own, in an array, in a composite ..., and what the server makes of texts there.

use super::forced::Forced;
use pg_core::exchange::pipeline;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, Error, FromSql, Result, Session, ToSql};
use std::fmt::Debug;

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A parameter and a column of its own: two cells.
    Value,
    /// An element, some of its neighbours NULL.
    Array,
    /// An element of an array of two dimensions.
    Array2,
    /// An attribute, between NULL and itself.
    Composite,
    /// A domain over the type.
    Domain,
}

impl Place {
    /// All of them.
    pub const ALL: [Place; 5] = [Place::Value, Place::Array, Place::Array2, Place::Composite, Place::Domain];

    /// How many cells of the matrix it is in one form.
    pub(super) fn cells(self) -> usize {
        if self == Place::Value { 2 } else { 1 }
    }
}

/// What the composite and the domain of a type are called, in a schema that is the type's own.
pub(super) fn schema(sql: &str) -> String {
    format!(
        "create type in_composite as (before {sql}, value {sql}, after {sql}); create domain in_domain as {sql}"
    )
}

#[derive(Debug, Clone, ToSql, FromSql)]
#[pg(name = "in_composite")]
struct InComposite<T> {
    value: T,
    before: Option<T>,
    after: T,
}

#[derive(Debug, Clone, ToSql, FromSql)]
#[pg(name = "in_domain", domain)]
struct InDomain<T>(T);

/// A value, and a text that the server reads as the same.
pub(super) type Sample<T> = (T, String);

/// Tries samples in one place and one form.
pub(super) async fn try_place<S, T, const TEXT: bool>(
    session: &mut S,
    place: Place,
    sql: &str,
    samples: &[Sample<T>],
) -> Result<()>
where
    S: Session,
    T: Adapter + TypecasterOwned + Clone + Debug + Send + Sync + 'static,
{
    let forced = |(value, _): &Sample<T>| Forced::<T, TEXT>(value.clone());
    let text = |(_, text): &Sample<T>| Some(text.clone());
    match place {
        Place::Value => {
            let values = samples.iter().map(|sample| (forced(sample), text(sample)));
            let oracle = format!("$2::text::{sql}");
            echo(session, sql, &oracle, values).await?;
            let nothing = [(None::<Forced<T, TEXT>>, None::<String>)].into_iter();
            echo(session, sql, &oracle, nothing).await
        }
        Place::Array => {
            let values = samples.chunks(5).map(|chunk| {
                let (mut values, mut texts) = (vec![None], vec![None]);
                values.extend(chunk.iter().map(|sample| Some(forced(sample))));
                texts.extend(chunk.iter().map(text));
                (values, texts)
            });
            echo(session, &format!("{sql}[]"), &format!("$2::text[]::{sql}[]"), values).await
        }
        Place::Array2 => {
            let values = samples.chunks(3).map(|chunk| {
                let values: Vec<_> = chunk.iter().map(|sample| Some(forced(sample))).collect();
                let texts: Vec<_> = chunk.iter().map(text).collect();
                let nothing = (vec![None; values.len()], vec![None; texts.len()]);
                (vec![values, nothing.0], vec![texts, nothing.1])
            });
            echo(session, &format!("{sql}[]"), &format!("$2::text[]::{sql}[]"), values).await
        }
        Place::Composite => {
            let values = samples.iter().map(|sample| {
                let value = InComposite { value: forced(sample), before: None, after: forced(sample) };
                (value, text(sample))
            });
            let oracle = format!("row(null, $2::text::{sql}, $2::text::{sql})::in_composite");
            echo(session, "in_composite", &oracle, values).await
        }
        Place::Domain => {
            let values = samples.iter().map(|sample| (InDomain(forced(sample)), text(sample)));
            echo(session, "in_domain", &format!("$2::text::{sql}::in_domain"), values).await
        }
    }
}

/// Sends each value and gets it back; the server's text of it must be that of what `oracle` makes of the text `$2`.
async fn echo<S, P, Q>(
    session: &mut S,
    sql: &str,
    oracle: &str,
    values: impl Iterator<Item = (P, Q)> + Send,
) -> Result<()>
where
    S: Session,
    P: Adapter + TypecasterOwned + Debug + Clone + Send + Sync,
    Q: Adapter + Debug + Clone + Send + Sync,
{
    // `format` calls the type's output function, where a cast to text may be another function.
    let statement = format!("select $1::{sql}, format('%s', $1::{sql}), format('%s', {oracle})");
    let values: Vec<(P, Q)> = values.collect();
    for some in values.chunks(64) {
        let parts = some.iter().map(|pair| {
            pipeline::query_one::<(P, String, String), _>(&statement, (pair.0.clone(), pair.1.clone()))
        });
        let answers = session.pipeline(parts.collect::<Vec<_>>()).await?;
        for ((sent, text), (back, seen, wanted)) in some.iter().zip(answers) {
            let same = format!("{sent:?}") == format!("{back:?}");
            if !same || seen != wanted {
                return Err(Error::usage(format!(
                    "sent {sent:?}, which the server takes for {seen}; read back {back:?}; \
                     the same as text, {text:?}, it takes for {wanted}"
                )));
            }
        }
    }
    Ok(())
}
