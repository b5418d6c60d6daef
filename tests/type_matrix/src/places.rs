//! Where a value stands: on its own, in an array, in a composite, in a COPY ..., and what the server makes of texts there.

use super::forced::{Beside, Captured, Forced};
use pg_core::compose::literal;
use pg_core::copy::{CopyTo, RowWriter};
use pg_core::exchange::pipeline;
use pg_core::types::Type;
use pg_core::types::adapter::Parameter;
use pg_core::types::catalog::Catalog;
use pg_core::types::context::{Context, Settings};
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
    /// A literal in a statement of the simple protocol, which has no parameters. It is text.
    Literal,
    /// A row of a COPY, in and out: two cells.
    Copy,
}

impl Place {
    /// All of them.
    pub const ALL: [Place; 8] = [
        Place::Value,
        Place::Array,
        Place::Array2,
        Place::Composite,
        Place::Domain,
        Place::Range,
        Place::Literal,
        Place::Copy,
    ];

    /// How many cells of the matrix it is in one form.
    pub(super) fn cells(self) -> usize {
        if matches!(self, Place::Value | Place::Copy) { 2 } else { 1 }
    }

    /// Whether a value stands there in binary too.
    pub(super) fn has_binary(self) -> bool {
        self != Place::Literal
    }
}

/// What the composite, the domain, the range and the table of a type are called, in a schema that is the type's own.
pub(super) fn schema(sql: &str, places: &[Place]) -> String {
    let range = match places.contains(&Place::Range) {
        true => format!("; create type in_range as range (subtype = {sql})"),
        false => String::new(),
    };
    format!(
        "create type in_composite as (before {sql}, value {sql}, after {sql}); create domain in_domain as {sql}{range}; \
         create unlogged table in_table (at int4, value {sql})"
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

/// Rows of a COPY into the table, for columns of these types: their numbers and values, and whether they are in binary.
type CopyData = dyn Fn(&[Type], &Catalog, &Settings) -> Result<(Vec<u8>, bool)> + Send + Sync;

/// How values come to the server.
enum Way {
    /// As parameters.
    Bound,
    /// Into the table, written out in the statement.
    Literals,
    /// Into the table and out of it.
    Copied(Box<CopyData>),
}

/// What is sent in one place and one form.
pub struct Statement<const TEXT: bool> {
    sql: String,
    sent: Vec<Box<dyn Sent<TEXT>>>,
    way: Way,
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
        Statement { sql, sent: sent.map(|sent| Box::new(sent) as _).collect(), way: Way::Bound }
    }

    /// The same of a value that is in the table under the number `$1`.
    fn stored(sql: &str, way: Way, sent: impl Iterator<Item = impl Sent<TEXT> + 'static>) -> Statement<TEXT> {
        let sql = format!(
            "select value, format('%s', value), format('%s', $2::text::{sql}) from in_table where at = $1"
        );
        Statement { sql, sent: sent.map(|sent| Box::new(sent) as _).collect(), way }
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
        Place::Value => Statement::new(sql, &format!("$2::text::{sql}"), alone::<T, TEXT>(samples)),
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
        Place::Literal => Statement::stored(sql, Way::Literals, alone::<T, TEXT>(samples)),
        Place::Copy => {
            let values: Vec<_> = samples.iter().map(|(value, _)| Some(value.clone())).chain([None]).collect();
            let data = move |columns: &[Type], catalog: &Catalog, settings: &Settings| {
                let mut writer = RowWriter::new::<(Beside<TEXT>, &Option<T>)>(columns, catalog)?;
                let text = TEXT || <T as Adapter>::TEXT_ONLY;
                assert_ne!(writer.is_binary(), text, "the form of a COPY of {}", columns[1]);
                let mut data = Vec::new();
                for (at, value) in (0..).zip(&values) {
                    writer.write(&mut data, &(Beside::<TEXT>(at), value), settings)?;
                }
                writer.end(&mut data);
                Ok((data, writer.is_binary()))
            };
            Statement::stored(sql, Way::Copied(Box::new(data)), alone::<T, TEXT>(samples))
        }
    }
}

/// Each value on its own, and NULL.
fn alone<T: Clone, const TEXT: bool>(
    samples: &[Sample<T>],
) -> impl Iterator<Item = (Option<Forced<T, TEXT>>, Option<String>)> {
    let some = samples.iter().map(|(value, text)| (Some(Forced(value.clone())), Some(text.clone())));
    some.chain([(None, None)])
}

/// What came back, the server's text of what was sent, and its text of what the oracle makes.
type Answer<const TEXT: bool> = (Captured<TEXT>, String, String);

/// Sends each value and gets it back.
pub(super) async fn echo<S: Session, const TEXT: bool>(
    session: &mut S,
    statement: &Statement<TEXT>,
) -> Result<()> {
    let mut copied = match &statement.way {
        Way::Bound => Vec::new(),
        Way::Literals => {
            insert_literals(session, &statement.sent).await?;
            Vec::new()
        }
        Way::Copied(data) => copy::<S, TEXT>(session, &**data).await?,
    };
    let mut copied = copied.drain(..);
    for (some, first) in statement.sent.chunks(64).zip((0_i32..).step_by(64)) {
        let parts = some.iter().zip(first..).map(|(sent, at)| {
            let mut params = sent.params();
            if !matches!(statement.way, Way::Bound) {
                params[0] = Box::new(at);
            }
            pipeline::query_one::<Answer<TEXT>, _>(&statement.sql, params)
        });
        let mut answers = session.pipeline(parts.collect::<Vec<_>>()).await?;
        for ((back, ..), copied) in answers.iter_mut().zip(&mut copied) {
            *back = copied;
        }
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

/// Fills the table by one statement of the simple protocol.
async fn insert_literals<S: Session, const TEXT: bool>(
    session: &mut S,
    sent: &[Box<dyn Sent<TEXT>>],
) -> Result<()> {
    let conversation = session.connection().conversation();
    let mut rows = Vec::new();
    for (at, sent) in sent.iter().enumerate() {
        let value = literal(&*sent.params()[0], conversation.catalog(), conversation.settings())?;
        rows.push(format!("({at}, {value})"));
    }
    session
        .batch_execute(&format!("truncate in_table; insert into in_table values {}", rows.join(", ")))
        .await
}

/// Fills the table by a COPY, and reads it by another.
async fn copy<S: Session, const TEXT: bool>(session: &mut S, data: &CopyData) -> Result<Vec<Captured<TEXT>>> {
    session.batch_execute("truncate in_table").await?;
    let columns = session.prepare("select at, value from in_table").await?.columns;
    let types: Vec<Type> = columns.iter().map(|column| column.type_().clone()).collect();
    let conversation = session.connection().conversation();
    let (data, is_binary) = data(&types, conversation.catalog(), conversation.settings())?;
    let format = if is_binary { "binary" } else { "text" };
    let mut copy = session.copy_in(&format!("copy in_table from stdin (format {format})")).await?;
    copy.write(&data).await?;
    copy.finish().await?;
    let all = CopyTo::query("select value from in_table order by at");
    let mut rows = session.copy_out_rows::<(Captured<TEXT>,)>(&all).await?;
    let mut values = Vec::new();
    while let Some((value,)) = rows.next_as::<(Captured<TEXT>,)>().await? {
        values.push(value);
    }
    Ok(values)
}
