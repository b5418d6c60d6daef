//! One type of the matrix.

use super::places::{Place, Sample, schema, try_place};
use super::run::Tally;
use pg_core::types::adapter::Parameter;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, Error, Result, Session};
use pg_tests::clients::{AsyncFace, BlockingFace, Face, block_on};
use pg_tests::seed::Rng;
use pg_tests::server::Database;
use std::fmt::Debug;

/// A value, and a text that the server reads as the same.
type Random<T> = Box<dyn Fn(&mut Rng) -> Sample<T> + Send + Sync>;
/// A parameter of another Rust type, made from a value.
type Write<T> = for<'v> fn(&'v T) -> Option<Box<dyn Parameter + Send + Sync + 'v>>;
/// A value, made from what another Rust type read.
type Read<T> = fn(&pg_core::Row) -> Result<Option<T>>;

/// A SQL type and the Rust type that stands for it, with its values.
pub struct Row<T> {
    sql: &'static str,
    documented: &'static str,
    rust: &'static str,
    since: u32,
    extension: Option<&'static str>,
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

    /// There is no such cell, and why.
    #[must_use]
    pub fn except(mut self, place: Place, why: &'static str) -> Row<T> {
        self.exceptions.push((place, why));
        self
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

    /// Another Rust type that reads this SQL type, column 0 of the row, and the value made from it; `None` for a value
    /// that it can't hold.
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

    /// The Rust types that are written as it.
    fn written(&self) -> Vec<&'static str>;

    /// The Rust types that read it.
    fn read(&self) -> Vec<&'static str>;

    /// Why there is no binary form.
    fn text_only(&self) -> Option<&'static str>;

    /// Why there is no text form that could be written.
    fn binary_only(&self) -> Option<&'static str>;

    /// Tries `count` values in all cells under both clients. `number` names the schema.
    ///
    /// # Errors
    /// The first cell that isn't right.
    fn run(&self, database: &Database, major: u32, number: usize, count: usize) -> Result<Tally>;
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

    fn run(&self, database: &Database, major: u32, number: usize, count: usize) -> Result<Tally> {
        assert_eq!(self.text_only.is_some(), <T as Adapter>::TEXT_ONLY, "{} has a binary form?", self.sql);
        let path = format!("type_{number}");
        database.sql(&format!(
            "create schema {path}; set search_path = {path}, public; {}; {}",
            self.before,
            schema(self.sql)
        ));
        let mut tally = pg_blocking::complete(self.try_under::<BlockingFace>(database, major, &path, count))?;
        tally.add(block_on(self.try_under::<AsyncFace>(database, major, &path, count))?);
        Ok(Tally { types: 1, ..tally })
    }
}

impl<T> Row<T>
where
    T: Adapter + TypecasterOwned + Clone + Debug + Send + Sync + 'static,
{
    async fn try_under<F: Face>(
        &self,
        database: &Database,
        major: u32,
        path: &str,
        count: usize,
    ) -> Result<Tally> {
        let options =
            format!("-c search_path={path},public -c TimeZone=UTC -c plan_cache_mode=force_generic_plan");
        let mut client = F::connect(&F::config(&database.url()).options(options)).await?;
        let edges = self.edges.iter().filter(|(since, ..)| *since <= major);
        let mut samples: Vec<Sample<T>> =
            edges.map(|(_, value, text)| (value.clone(), text.clone())).collect();
        self.try_edges(&mut client, &samples).await?;
        let mut rng = Rng::new(count as u64);
        let mut tally = Tally::default();
        // The two clients get different values, so that each counts.
        let mut rng = if std::any::type_name::<F>().contains("Async") { rng.fork() } else { rng };
        loop {
            while samples.len() < 1000 && tally.values + samples.len() < count / 2 {
                samples.push((self.random)(&mut rng));
            }
            if samples.is_empty() {
                return Ok(tally);
            }
            let first = tally.values == 0;
            for place in Place::ALL.into_iter().filter(|place| !self.lacks(*place)) {
                let within = |form: &'static str| {
                    move |error: Error| error.within(format_args!("{place:?} in {form}"))
                };
                let mut forms = 0;
                if self.binary_only.is_none() {
                    try_place::<_, T, true>(&mut client, place, self.sql, &samples)
                        .await
                        .map_err(within("text"))?;
                    forms += 1;
                }
                if self.text_only.is_none() {
                    try_place::<_, T, false>(&mut client, place, self.sql, &samples)
                        .await
                        .map_err(within("binary"))?;
                    forms += 1;
                }
                tally.cells += if first { forms * place.cells() } else { 0 };
                tally.echoes += forms * samples.len();
            }
            if first {
                self.try_others(&mut client, &samples).await?;
            }
            tally.values += samples.len();
            samples.clear();
        }
    }

    fn lacks(&self, place: Place) -> bool {
        self.exceptions.iter().any(|(lacking, _)| *lacking == place)
    }

    /// What the server prints of the values at the edges, to the letter.
    async fn try_edges<S: Session>(&self, client: &mut S, edges: &[Sample<T>]) -> Result<()> {
        let sql = format!("select format('%s', $1::{})", self.sql);
        for (value, text) in edges {
            let seen: String = client.query_value(&sql, (value,)).await?;
            if seen != *text {
                return Err(Error::usage(format!("{value:?} is {seen} to the server, and not {text}")));
            }
        }
        Ok(())
    }

    /// The other Rust types for the same SQL type.
    async fn try_others<S: Session>(&self, client: &mut S, samples: &[Sample<T>]) -> Result<()> {
        let sql = format!("select $1::{0}, format('%s', $1::{0}), format('%s', $2::{0})", self.sql);
        for (rust, write) in &self.written {
            let mut tried = 0;
            for (value, text) in samples {
                let Some(other) = write(value) else { continue };
                let params: Vec<Box<dyn Parameter + Send + Sync + '_>> = vec![other, Box::new(value.clone())];
                let row: pg_core::Row = client.query_one(&sql, params).await?;
                let (seen, wanted): (String, String) = (row.get(1)?, row.get(2)?);
                if seen != wanted {
                    return Err(Error::usage(format!("{text} written as {rust} is {seen} to the server")));
                }
                tried += 1;
            }
            assert_ne!(tried, 0, "no value is written as {rust}");
        }
        for (rust, read) in &self.read {
            let mut tried = 0;
            for (value, text) in samples {
                let row: pg_core::Row = client.query_one(&sql, (value.clone(), value.clone())).await?;
                let Some(back) = read(&row)? else { continue };
                if format!("{value:?}") != format!("{back:?}") {
                    return Err(Error::usage(format!("{text} read as {rust} is {back:?}")));
                }
                tried += 1;
            }
            assert_ne!(tried, 0, "no value is read as {rust}");
        }
        Ok(())
    }
}
