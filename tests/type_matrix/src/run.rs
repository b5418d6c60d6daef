//! All rows, on all processors.

use super::families;
use pg_tests::server::{Database, Server};
use std::env;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Rows of the matrix.
    pub types: usize,
    /// Types, places, forms and clients.
    pub cells: usize,
    /// Values, each tried in all its cells of one client.
    pub values: usize,
    /// Values sent and read back.
    pub echoes: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.types += other.types;
        self.cells += other.cells;
        self.values += other.values;
        self.echoes += other.echoes;
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Tally { types, cells, values, echoes } = self;
        write!(f, "{types} types, {cells} cells, {values} values, sent and read back {echoes} times")
    }
}

/// Tries `count` values of each type, half of them under each client.
///
/// # Panics
/// With the first wrong cell of each type.
pub fn run(count: usize) -> Tally {
    let server = Server::shared();
    let database = server.database();
    let mut rows = families::all();
    rows.retain(|row| row.since() <= server.major() && has_extension(&database, row.extension()));
    let (next, tally, wrong) = (AtomicUsize::new(0), Mutex::new(Tally::default()), Mutex::new(Vec::new()));
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

/// Makes an extension, where the server has it.
fn has_extension(database: &Database, extension: Option<&str>) -> bool {
    let Some(name) = extension else { return true };
    let available = format!("select from pg_available_extensions where name = '{name}'");
    let has = !database.sql(&available).is_empty();
    if has {
        database.sql(&format!("create extension if not exists {name} schema public"));
    }
    has
}

/// 100,000 values a type, or as many as the command line says after the name.
///
/// # Panics
/// As [`run`].
pub fn soak() -> String {
    let count =
        env::args().nth(2).map_or(100_000, |count| count.parse().expect("the number of values is a number"));
    run(count).to_string()
}
