//! Where a value stands: on its own, in an array, in a composite ..., and what the server makes of texts there.

use super::forced::{Captured, Forced};
use pg_core::exchange::pipeline;
use pg_core::types::adapter::Parameter;
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Context;
use pg_core::types::range::Range;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, Error, FromSql, Result, Session, ToSql};
use std::fmt::Debug;
use std::ops::Bound;
use std::sync::Arc;

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
    /// Both bounds of a range over the type.
    Range,
}

impl Place {
    /// All of them.
    pub const ALL: [Place; 6] =
        [Place::Value, Place::Array, Place::Array2, Place::Composite, Place::Domain, Place::Range];

    /// How many cells of the matrix it is in one form.
    pub(super) fn cells(self) -> usize {
        if self == Place::Value { 2 } else { 1 }
    }
}

/// What the composite, the domain and the range of a type are called, in a schema that is the type's own.
pub(super) fn schema(sql: &str, places: &[Place]) -> String {
    let range = match places.contains(&Place::Range) {
        true => format!("; create type in_range as range (subtype = {sql})"),
        false => String::new(),
    };
    format!(
        "create type in_composite as (before {sql}, value {sql}, after {sql}); create domain in_domain as {sql}{range}"
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

#[derive(Debug, Clone, ToSql, FromSql)]
#[pg(name = "in_range", range)]
struct InRange<T>(Range<T>);

/// A value, and a text that the server reads as the same.
pub(super) type Sample<T> = (T, String);

/// Parameters of any types.
type Parameters<'v> = Vec<Box<dyn Parameter + Send + Sync + 'v>>;

/// A value that is sent, in whatever place: what is generic over its type is not asynchronous, and the other way round,
/// or all that runs a statement would be compiled anew for each type, place, form and client.
trait Sent<const TEXT: bool>: Send + Sync {
    /// The value, and the text that means the same.
    fn params(&self) -> Parameters<'_>;

    /// The value that came back, and the one that was sent.
    fn compare(
        &self,
        back: &Captured<TEXT>,
        catalog: &Catalog,
        context: &Context,
    ) -> Result<(String, String)>;
}

impl<P, Q, const TEXT: bool> Sent<TEXT> for (P, Q)
where
    P: Adapter + TypecasterOwned + Debug + Send + Sync,
    Q: Adapter + Send + Sync,
{
    fn params(&self) -> Parameters<'_> {
        vec![Box::new(&self.0), Box::new(&self.1)]
    }

    fn compare(
        &self,
        back: &Captured<TEXT>,
        catalog: &Catalog,
        context: &Context,
    ) -> Result<(String, String)> {
        Ok((format!("{:?}", back.read::<P>(catalog, context)?), format!("{:?}", self.0)))
    }
}

/// What is sent in one place and one form.
pub struct Statement<const TEXT: bool> {
    sql: String,
    sent: Vec<Box<dyn Sent<TEXT>>>,
}

impl<const TEXT: bool> Statement<TEXT> {
    /// The server's text of the value must be that of what `oracle` makes of the text `$2`.
    fn new(
        sql: &str,
        oracle: &str,
        sent: impl Iterator<Item = impl Sent<TEXT> + 'static>,
    ) -> Statement<TEXT> {
        // `format` calls the type's output function, where a cast to text may be another function.
        let sql = format!("select $1::{sql}, format('%s', $1::{sql}), format('%s', {oracle})");
        Statement { sql, sent: sent.map(|sent| Box::new(sent) as _).collect() }
    }
}

/// Samples in one place and one form.
pub(super) fn statement<T, const TEXT: bool>(
    place: Place,
    sql: &str,
    samples: &[Sample<T>],
) -> Statement<TEXT>
where
    T: Adapter + TypecasterOwned + Clone + Debug + Send + Sync + 'static,
{
    let forced = |(value, _): &Sample<T>| Forced::<T, TEXT>(value.clone());
    let text = |(_, text): &Sample<T>| Some(text.clone());
    match place {
        Place::Value => {
            let values = samples.iter().map(|sample| (Some(forced(sample)), text(sample)));
            let nothing = [(None::<Forced<T, TEXT>>, None::<String>)];
            Statement::new(sql, &format!("$2::text::{sql}"), values.chain(nothing))
        }
        Place::Array => {
            let values = samples.chunks(5).map(|chunk| {
                let (mut values, mut texts) = (vec![None], vec![None]);
                values.extend(chunk.iter().map(|sample| Some(forced(sample))));
                texts.extend(chunk.iter().map(text));
                (values, texts)
            });
            Statement::new(&format!("{sql}[]"), &format!("$2::text[]::{sql}[]"), values)
        }
        Place::Array2 => {
            let values = samples.chunks(3).map(|chunk| {
                let values: Vec<_> = chunk.iter().map(|sample| Some(forced(sample))).collect();
                let texts: Vec<_> = chunk.iter().map(text).collect();
                let nothing = (vec![None; values.len()], vec![None; texts.len()]);
                (vec![values, nothing.0], vec![texts, nothing.1])
            });
            Statement::new(&format!("{sql}[]"), &format!("$2::text[]::{sql}[]"), values)
        }
        Place::Composite => {
            let values = samples.iter().map(|sample| {
                let value = InComposite { value: forced(sample), before: None, after: forced(sample) };
                (value, text(sample))
            });
            let oracle = format!("row(null, $2::text::{sql}, $2::text::{sql})::in_composite");
            Statement::new("in_composite", &oracle, values)
        }
        Place::Domain => {
            let values = samples.iter().map(|sample| (InDomain(forced(sample)), text(sample)));
            Statement::new("in_domain", &format!("$2::text::{sql}::in_domain"), values)
        }
        Place::Range => {
            // From the value to itself: there is no need to know which of two is the greater one.
            let values = samples.iter().map(|sample| {
                let range = Range::new(Bound::Included(forced(sample)), Bound::Included(forced(sample)));
                (InRange(range), text(sample))
            });
            let oracle = format!("in_range($2::text::{sql}, $2::text::{sql}, '[]')");
            Statement::new("in_range", &oracle, values)
        }
    }
}

/// Sends each value and gets it back.
pub(super) async fn echo<S: Session, const TEXT: bool>(
    session: &mut S,
    statement: &Statement<TEXT>,
) -> Result<()> {
    for some in statement.sent.chunks(64) {
        let parts = some.iter().map(|sent| {
            pipeline::query_one::<(Captured<TEXT>, String, String), _>(&statement.sql, sent.params())
        });
        let answers = session.pipeline(parts.collect::<Vec<_>>()).await?;
        let conversation = session.connection().conversation();
        let settings = Arc::new(conversation.settings().clone());
        for (sent, (back, seen, wanted)) in some.iter().zip(answers) {
            let context = Context { settings: settings.clone(), ..Context::default() };
            let (back, sent) = sent.compare(&back, conversation.catalog(), &context)?;
            if sent != back || seen != wanted {
                return Err(Error::usage(format!(
                    "sent {sent}, which the server takes for {seen}; read back {back}; what was sent as text, it takes \
                     for {wanted}"
                )));
            }
        }
    }
    Ok(())
}
