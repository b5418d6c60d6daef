//! All rows, on all processors.

use super::places::Place;
use super::{AnyRow, families};
use pg_tests::server::{Database, Server, admin_query};
use std::env;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What was tried.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Rows of the matrix.
    pub types: usize,
    /// Types, places, forms and clients.
    pub cells: usize,
    /// Values, each tried in all its cells of one client.
    pub values: usize,
    /// Values sent and read back.
    pub echoes: usize,
    /// Rows of types that the server can't have: the type, and what lacks.
    pub left_out: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.types += other.types;
        self.cells += other.cells;
        self.values += other.values;
        self.echoes += other.echoes;
        self.left_out.extend(other.left_out);
    }

    /// Adds the cells of a place in one form.
    pub(super) fn tried(&mut self, place: Place, values: usize) {
        self.cells += place.cells();
        self.echoes += values;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Tally { types, cells, values, echoes, left_out } = self;
        write!(f, "{types} types, {cells} cells, {values} values, sent and read back {echoes} times")?;
        if left_out.is_empty() { Ok(()) } else { write!(f, "; left out: {}", left_out.join(", ")) }
    }
}

/// Tries `count` values of each type, half of them under each client.
///
/// # Panics
/// With the first wrong cell of each type. Where `CI` is set, if both rows of pgvector and others are left out: no
/// package of PostgreSQL lacks both.
pub fn run(count: usize) -> Tally {
    let server = Server::shared();
    let database = server.database();
    let mut rows = families::all();
    let mut left_out = Vec::new();
    rows.retain(|row| {
        let lacks = lacks(&database, server.major(), &**row);
        left_out.extend(lacks.iter().map(|what| format!("{} (no {what})", row.documented())));
        lacks.is_none()
    });
    if env::var_os("CI").is_some() {
        // Packages of PostgreSQL bring either what it comes with, or pgvector (pip's).
        let of_pgvector = left_out.iter().filter(|row| row.ends_with("(no extension vector)")).count();
        assert!(
            [0, left_out.len()].contains(&of_pgvector),
            "the server lacks what it should have: {left_out:?}"
        );
    }
    let tally = Mutex::new(Tally { left_out, ..Tally::default() });
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(number) else { return };
            match row.run(&database, server.major(), number, count) {
                Ok(tried) => tally.lock().expect("no thread panicked").add(tried),
                Err(error) => {
                    let mut wrong = wrong.lock().expect("no thread panicked");
                    wrong.push(format!("{}: {error}", row.documented()));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("no thread panicked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    tally.into_inner().expect("no thread panicked")
}

/// What the server lacks that a row needs; its extension is made, where the server has it.
fn lacks(database: &Database, major: u32, row: &dyn AnyRow) -> Option<String> {
    if row.since() > major {
        return Some(format!("type before PostgreSQL {}", row.since()));
    }
    if let Some((library, sql)) = row.library()
        && admin_query(&database.url(), &sql).is_err()
    {
        return Some(library.to_owned());
    }
    let name = row.extension()?;
    let available = format!("select from pg_available_extensions where name = '{name}'");
    if database.sql(&available).is_empty() {
        return Some(format!("extension {name}"));
    }
    database.sql(&format!("create extension if not exists {name} schema public"));
    None
}

/// 100,000 values a type under each client, or as many as the command line says after the name.
///
/// # Panics
/// As [`run`].
pub fn soak() -> String {
    let count =
        env::args().nth(2).map_or(100_000, |count| count.parse().expect("the number of values is a number"));
    run(count * 2).to_string()
}
