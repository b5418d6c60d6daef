//! One type of the matrix.

use super::forced::Captured;
use super::places::{Place, Sample, Statement, echo, schema, statement};
use super::run::Tally;
use pg_core::types::adapter::Parameter;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, Error, Result, Session, Typecaster};
use pg_tests::clients::{AsyncFace, BlockingFace, Face, block_on};
use pg_tests::seed::Rng;
use pg_tests::server::Database;
use std::fmt::Debug;

/// A value, and a text that the server reads as the same.
type Random<T> = Box<dyn Fn(&mut Rng) -> Sample<T> + Send + Sync>;
/// A value of another Rust type, made from a value.
type Write<T> = for<'v> fn(&'v T) -> Option<Box<dyn Other<'v> + 'v>>;
/// A value, made from what another Rust type read.
type Read<T> = fn(&Field) -> Result<Option<T>>;
/// A parameter of any type.
type AnyParameter<'v> = Box<dyn Parameter + Send + Sync + 'v>;

/// A value of another Rust type for a SQL type.
pub trait Other<'v> {
    /// It, as a parameter.
    fn alone(self: Box<Self>) -> AnyParameter<'v>;

    /// It and NULL, as the elements of an array.
    fn in_array(self: Box<Self>) -> AnyParameter<'v>;
}

impl<'v, X: Adapter + Send + Sync + 'v> Other<'v> for X {
    fn alone(self: Box<Self>) -> AnyParameter<'v> {
        self
    }

    fn in_array(self: Box<Self>) -> AnyParameter<'v> {
        Box::new(vec![Some(*self), None])
    }
}

/// What is read as another Rust type: a column, or the first element of an array.
#[derive(Debug)]
pub struct Field {
    row: pg_core::Row,
    is_array: bool,
}

impl Field {
    /// The value, read as `X`.
    ///
    /// # Errors
    /// What `X` can't hold.
    pub fn get<'r, X: Typecaster<'r>>(&'r self) -> Result<X> {
        if !self.is_array {
            return self.row.get(0);
        }
        let mut elements = self.row.get::<Vec<Option<X>>>(0)?;
        assert!(elements.len() == 2 && elements[1].is_none(), "the value and NULL");
        elements.swap_remove(0).map_or_else(X::null, Ok)
    }
}

/// A SQL type and the Rust type that stands for it, with its values.
pub struct Row<T> {
    sql: &'static str,
    documented: &'static str,
    rust: &'static str,
    since: u32,
    extension: Option<&'static str>,
    library: Option<&'static str>,
    before: &'static str,
    text_only: Option<&'static str>,
    binary_only: Option<&'static str>,
    exceptions: Vec<(Place, &'static str)>,
    edges: Vec<(u32, T, String)>,
    random: Random<T>,
    written: Vec<(&'static str, Write<T>)>,
    read: Vec<(&'static str, Read<T>)>,
}

impl<T> Row<T> {
    /// The type `sql`, read and written as `rust` (as the documents spell it); `random` makes a value and a text that the
    /// server reads as the same.
    pub fn new(
        sql: &'static str,
        rust: &'static str,
        random: impl Fn(&mut Rng) -> Sample<T> + Send + Sync + 'static,
    ) -> Row<T> {
        Row {
            sql,
            documented: sql,
            rust,
            since: 0,
            extension: None,
            library: None,
            before: "",
            text_only: None,
            binary_only: None,
            exceptions: Vec::new(),
            edges: Vec::new(),
            random: Box::new(random),
            written: Vec::new(),
            read: Vec::new(),
        }
    }

    /// The documents spell the SQL type otherwise: `char(n)`.
    #[must_use]
    pub fn documented(mut self, name: &'static str) -> Row<T> {
        self.documented = name;
        self
    }

    /// The first server that has the type.
    #[must_use]
    pub fn since(mut self, major: u32) -> Row<T> {
        self.since = major;
        self
    }

    /// The extension that brings the type; a server that can't have it is left out.
    #[must_use]
    pub fn extension(mut self, name: &'static str) -> Row<T> {
        self.extension = Some(name);
        self
    }

    /// The library that a server must be built with to read any value of the type; one that isn't is left out.
    #[must_use]
    pub fn library(mut self, name: &'static str) -> Row<T> {
        self.library = Some(name);
        self
    }

    /// What the superuser runs first, in a schema that is the row's own: `create type`.
    #[must_use]
    pub fn before(mut self, sql: &'static str) -> Row<T> {
        self.before = sql;
        self
    }

    /// The type has no binary form, and why.
    #[must_use]
    pub fn text_only(mut self, why: &'static str) -> Row<T> {
        self.text_only = Some(why);
        self
    }

    /// Values are written in binary only, and why.
    #[must_use]
    pub fn binary_only(mut self, why: &'static str) -> Row<T> {
        self.binary_only = Some(why);
        self
    }

    /// The type has no order, so that no range is over it.
    #[must_use]
    pub fn unordered(self) -> Row<T> {
        self.except(Place::Range, "the type has no order")
    }

    /// There is no such cell, and why.
    #[must_use]
    pub fn except(mut self, place: Place, why: &'static str) -> Row<T> {
        self.exceptions.push((place, why));
        self
    }

    fn places(&self) -> Vec<Place> {
        let lacks = |place: &Place| self.exceptions.iter().any(|(lacking, _)| lacking == place);
        Place::ALL.into_iter().filter(|place| !lacks(place)).collect()
    }

    /// Values at the edges, each with the server's own text of it.
    #[must_use]
    pub fn edges<X: Into<String>>(self, edges: impl IntoIterator<Item = (T, X)>) -> Row<T> {
        self.edges_since(0, edges)
    }

    /// Values that only servers from `major` on have.
    #[must_use]
    pub fn edges_since<X: Into<String>>(
        mut self,
        major: u32,
        edges: impl IntoIterator<Item = (T, X)>,
    ) -> Row<T> {
        self.edges.extend(edges.into_iter().map(|(value, text)| (major, value, text.into())));
        self
    }

    /// Another Rust type that is written as this SQL type, made from those values that it can hold.
    #[must_use]
    pub fn written_as(mut self, rust: &'static str, write: Write<T>) -> Row<T> {
        self.written.push((rust, write));
        self
    }

    /// Another Rust type that reads this SQL type, and the value made from it; `None` for a value that it can't hold.
    #[must_use]
    pub fn read_as(mut self, rust: &'static str, read: Read<T>) -> Row<T> {
        self.read.push((rust, read));
        self
    }
}

/// A row of whatever type.
pub trait AnyRow: Send + Sync {
    /// The SQL type as the documents spell it.
    fn documented(&self) -> &'static str;

    /// The first server that has it; 0 for all.
    fn since(&self) -> u32;

    /// The extension that brings it.
    fn extension(&self) -> Option<&'static str>;

    /// The library that servers may lack, and an SQL that fails without it.
    fn library(&self) -> Option<(&'static str, String)>;

    /// The Rust types that are written as it.
    fn written(&self) -> Vec<&'static str>;

    /// The Rust types that read it.
    fn read(&self) -> Vec<&'static str>;

    /// Why there is no binary form.
    fn text_only(&self) -> Option<&'static str>;

    /// Why there is no text form that could be written.
    fn binary_only(&self) -> Option<&'static str>;

    /// The places where it can't be.
    fn exceptions(&self) -> Vec<Place>;

    /// Tries `count` values in all cells under both clients. `number` names the schema.
    ///
    /// # Errors
    /// The first cell that isn't right.
    fn run(&self, database: &Database, major: u32, number: usize, count: usize) -> Result<Tally>;

    /// The values at the edges.
    fn edges(&self, major: u32) -> Box<dyn Round + '_>;

    /// Random values.
    fn random(&self, rng: &mut Rng, count: usize) -> Box<dyn Round + '_>;
}

impl<T> AnyRow for Row<T>
where
    T: Adapter + TypecasterOwned + Clone + Debug + Send + Sync + 'static,
{
    fn documented(&self) -> &'static str {
        self.documented
    }

    fn since(&self) -> u32 {
        self.since
    }

    fn extension(&self) -> Option<&'static str> {
        self.extension
    }

    fn library(&self) -> Option<(&'static str, String)> {
        self.library.map(|library| (library, format!("select ''::{}", self.sql)))
    }

    fn written(&self) -> Vec<&'static str> {
        std::iter::once(self.rust).chain(self.written.iter().map(|(rust, _)| *rust)).collect()
    }

    fn read(&self) -> Vec<&'static str> {
        std::iter::once(self.rust).chain(self.read.iter().map(|(rust, _)| *rust)).collect()
    }

    fn text_only(&self) -> Option<&'static str> {
        self.text_only
    }

    fn binary_only(&self) -> Option<&'static str> {
        self.binary_only
    }

    fn exceptions(&self) -> Vec<Place> {
        self.exceptions.iter().map(|(place, _)| *place).collect()
    }

    fn run(&self, database: &Database, major: u32, number: usize, count: usize) -> Result<Tally> {
        let text_only = <T as Typecaster<'_>>::TEXT_ONLY;
        assert_eq!(self.text_only.is_some(), text_only, "{} has a binary form?", self.sql);
        let path = format!("type_{number}");
        database.sql(&format!(
            "create schema {path}; set search_path = {path}, public; {}; {}",
            self.before,
            schema(self.sql, &self.places())
        ));
        let mut tally =
            pg_blocking::complete(try_under::<BlockingFace>(self, database, major, &path, count))?;
        tally.add(block_on(try_under::<AsyncFace>(self, database, major, &path, count))?);
        tally.types = 1;
        Ok(tally)
    }

    fn edges(&self, major: u32) -> Box<dyn Round + '_> {
        let edges = self.edges.iter().filter(|(since, ..)| *since <= major);
        let samples = edges.map(|(_, value, text)| (value.clone(), text.clone())).collect();
        Box::new(Samples { row: self, samples })
    }

    fn random(&self, rng: &mut Rng, count: usize) -> Box<dyn Round + '_> {
        Box::new(Samples { row: self, samples: (0..count).map(|_| (self.random)(rng)).collect() })
    }
}

/// All cells of a row under one client. What is asynchronous is not generic over the type: see [`Statement`].
async fn try_under<F: Face>(
    row: &dyn AnyRow,
    database: &Database,
    major: u32,
    path: &str,
    count: usize,
) -> Result<Tally> {
    let options = format!(
        "-c search_path={path},public -c TimeZone=UTC -c plan_cache_mode=force_generic_plan -c jit=off"
    );
    let mut client = F::connect(&F::config(&database.url()).options(options)).await?;
    let mut rng = Rng::new(count as u64);
    // The two clients get different values, so that each counts.
    let mut rng = if std::any::type_name::<F>().contains("Async") { rng.fork() } else { rng };
    let edges = row.edges(major);
    edges_are_printed(&mut client, &*edges).await?;
    let mut tally = try_cells(&mut client, &*edges).await?;
    while tally.values < count / 2 {
        let random = row.random(&mut rng, (count / 2 - tally.values).min(500));
        if tally.values == edges.len() {
            others_are_the_same(&mut client, &*edges, &*random).await?;
        }
        tally.add(Tally { cells: 0, ..try_cells(&mut client, &*random).await? });
    }
    Ok(tally)
}

/// Tries values in each place and form.
async fn try_cells<S: Session>(client: &mut S, round: &dyn Round) -> Result<Tally> {
    let mut tally = Tally { values: round.len(), ..Tally::default() };
    for place in round.places() {
        let within =
            |form: &'static str| move |error: Error| error.within(format_args!("{place:?} in {form}"));
        if let Some(statement) = round.text(place) {
            echo(client, &statement).await.map_err(within("text"))?;
            tally.tried(place, round.len());
        }
        if let Some(statement) = round.binary(place) {
            echo(client, &statement).await.map_err(within("binary"))?;
            tally.tried(place, round.len());
        }
    }
    Ok(tally)
}

/// What the server prints of the values at the edges, to the letter.
async fn edges_are_printed<S: Session>(client: &mut S, edges: &dyn Round) -> Result<()> {
    let sql = format!("select format('%s', $1::{})", edges.sql());
    for at in 0..edges.len() {
        let (value, text) = edges.sample(at);
        let seen: String = client.query_value(&sql, vec![value]).await?;
        if seen != text {
            return Err(Error::usage(format!("to the server it is {seen}, and not {text}")));
        }
    }
    Ok(())
}

/// The other Rust types for the same SQL type, alone and in arrays, in binary and in text; and a column of any type.
async fn others_are_the_same<S: Session>(
    client: &mut S,
    edges: &dyn Round,
    random: &dyn Round,
) -> Result<()> {
    let type_ = edges.sql();
    for (at, rust) in edges.written().into_iter().enumerate() {
        let mut tried = 0;
        for (round, sample) in each(edges, random) {
            for is_array in [false, true] {
                let Some(other) = round.other(at, sample, is_array) else { continue };
                let written = if is_array { format!("($1::{type_}[])[1]") } else { format!("$1::{type_}") };
                let mut forms = vec![(written.clone(), vec![other])];
                if round.has_text() {
                    let connection = client.connection();
                    let literal = connection.literal(&*forms[0].1[0])?;
                    forms.push((written.replace("$1", &literal), Vec::new()));
                }
                for (written, mut params) in forms {
                    params.push(round.sample(sample).0);
                    let sql =
                        format!("select format('%s', {written}), format('%s', ${}::{type_})", params.len());
                    let (seen, wanted): (String, String) = client.query_one(&sql, params).await?;
                    if seen != wanted {
                        return Err(Error::usage(format!("{wanted} written as {rust} is {seen} in {sql}")));
                    }
                }
                tried += 1;
            }
        }
        assert_ne!(tried, 0, "no value is written as {rust}");
    }
    let read = edges.read();
    let mut tried = vec![0; read.len()];
    // The type itself is tried everywhere anyway.
    let ways = if read.len() > 1 {
        &[(false, false), (false, true), (true, false), (true, true)][..]
    } else {
        &[(false, false)]
    };
    for (is_array, is_text) in ways.iter().copied() {
        let column = if is_array { format!("array[$1::{type_}, null]") } else { format!("$1::{type_}") };
        let sql = format!("select {column}");
        for (round, sample) in each(edges, random) {
            let params = vec![round.sample(sample).0];
            let row: pg_core::Row = match is_text {
                false => client.query_one(&sql, params).await?,
                true => {
                    let mut rows = client.stream_as::<(Captured<true>,)>(&sql, params).await?;
                    rows.next_as().await?.expect("a row")
                }
            };
            let field = Field { row, is_array };
            for (at, rust) in read.iter().enumerate() {
                let Some((back, sent)) = round.read_back(at, sample, &field)? else { continue };
                if back != sent {
                    return Err(Error::usage(format!("{sent} read as {rust} is {back}, of {field:?}")));
                }
                tried[at] += 1;
            }
        }
    }
    let unread = read.iter().zip(tried).filter(|(_, tried)| *tried == 0).map(|(rust, _)| rust);
    assert_eq!(unread.collect::<Vec<_>>(), [&""; 0], "no value is read as these");
    Ok(())
}

/// Those at the edges, and a few others.
fn each<'a>(edges: &'a dyn Round, random: &'a dyn Round) -> impl Iterator<Item = (&'a dyn Round, usize)> {
    (0..edges.len()).map(move |at| (edges, at)).chain((0..random.len().min(50)).map(move |at| (random, at)))
}

/// Samples of a row, whatever their type.
pub trait Round: Send + Sync {
    /// The SQL type.
    fn sql(&self) -> &str;

    /// How many samples.
    fn len(&self) -> usize;

    /// The places in which the type can be.
    fn places(&self) -> Vec<Place>;

    /// A sample, and its text.
    fn sample(&self, at: usize) -> (AnyParameter<'_>, &str);

    /// Whether values are written as text.
    fn has_text(&self) -> bool;

    /// The samples in a place, as text, if there is such a form.
    fn text(&self, place: Place) -> Option<Statement<true>>;

    /// The samples in a place, in binary, if there is such a form.
    fn binary(&self, place: Place) -> Option<Statement<false>>;

    /// The other Rust types that are written.
    fn written(&self) -> Vec<&'static str>;

    /// A sample as one of them, if that can hold it, alone or in an array.
    fn other(&self, rust: usize, at: usize, in_array: bool) -> Option<AnyParameter<'_>>;

    /// The Rust types that read it: first the type itself.
    fn read(&self) -> Vec<&'static str>;

    /// What one of them reads, and the sample; `None` if the type can't hold it.
    fn read_back(&self, rust: usize, at: usize, field: &Field) -> Result<Option<(String, String)>>;
}

struct Samples<'r, T> {
    row: &'r Row<T>,
    samples: Vec<Sample<T>>,
}

impl<T> Round for Samples<'_, T>
where
    T: Adapter + TypecasterOwned + Clone + Debug + Send + Sync + 'static,
{
    fn sql(&self) -> &str {
        self.row.sql
    }

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn places(&self) -> Vec<Place> {
        self.row.places()
    }

    fn sample(&self, at: usize) -> (AnyParameter<'_>, &str) {
        let (value, text) = &self.samples[at];
        (Box::new(value), text)
    }

    fn has_text(&self) -> bool {
        self.row.binary_only.is_none()
    }

    fn text(&self, place: Place) -> Option<Statement<true>> {
        self.has_text().then(|| statement(place, self.row.sql, &self.samples))
    }

    fn binary(&self, place: Place) -> Option<Statement<false>> {
        (self.row.text_only.is_none() && place.has_binary())
            .then(|| statement(place, self.row.sql, &self.samples))
    }

    fn written(&self) -> Vec<&'static str> {
        self.row.written.iter().map(|(rust, _)| *rust).collect()
    }

    fn other(&self, rust: usize, at: usize, in_array: bool) -> Option<AnyParameter<'_>> {
        let other = (self.row.written[rust].1)(&self.samples[at].0)?;
        Some(if in_array { other.in_array() } else { other.alone() })
    }

    fn read(&self) -> Vec<&'static str> {
        std::iter::once(self.row.rust).chain(self.row.read.iter().map(|(rust, _)| *rust)).collect()
    }

    fn read_back(&self, rust: usize, at: usize, field: &Field) -> Result<Option<(String, String)>> {
        let back = match rust.checked_sub(1) {
            None => Some(field.get::<T>()?),
            Some(other) => (self.row.read[other].1)(field)?,
        };
        Ok(back.map(|back| (format!("{back:?}"), format!("{:?}", self.samples[at].0))))
    }
}
