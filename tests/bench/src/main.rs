//! Ours beside their peers. One command, from the top folder:
//!
//! ```text
//! cargo run --release --manifest-path tests/bench/Cargo.toml [-- WORDS]
//! ```
//!
//! Words choose: `w1`, `w2`, `w4`, `w5`, `w6`, `w9` or `w10`, `counts` or `times`, names of peers; without them it is all. It starts its own
//! PostgreSQL, as the tests do. Wants Linux, valgrind, strace, and libpq-dev (or `--no-default-features`).
//!
//! # How to read the figures
//! Everything goes over a Unix socket, and is given for one unit: a query of W1 and W6, a notification of W10, a row of the others; system calls are for
//! one query. `raw` is the limit: request bytes made beforehand, nothing but frames read. `raw-decode` also decodes by hand,
//! as libpq's rows are; tokio-postgres and postgres decode W9 by the derives of postgres-types.
//! For W1 client and server share a CPU, for the others each has its own.
//!
//! - **Instructions**: user mode, by callgrind. **Allocations**: calls of `malloc`, `calloc`, `realloc` and the like in
//!   the same run, so C is counted as Rust is. **System calls**: by strace. All three are the difference of two runs with
//!   different numbers of operations, so that set-up cancels out. They repeat to one in a thousand, and clients that poll
//!   before they read to a few in a hundred. (System calls of the others than W1 depend on how fast the server fills the socket.)
//! - **CPU**: user and system time of the client process, without its set-up: the median of rounds in which the peers
//!   take turns. Times move by half on a shared machine: compare the ratios, which are medians of what was measured in
//!   the same round.
//! - A budget is PASS up to the goal of it, `within 1.3x` up to the limit, and OVER beyond; OVER makes the command fail.
//!   For CPU ours must be ahead of `libpq`, `postgres` and `tokio-postgres`.
//!
//! Where the instructions went, by function: `callgrind_annotate --inclusive=yes FILE`, with a file of the folder
//! `profiles` beside the program.

mod budgets;
mod child;
mod counts;
mod cpus;
mod peers;
mod report;
mod times;
mod workload;

use std::{collections::HashSet, env, process::ExitCode};

use pg_tests::server::Server;

use crate::{
    cpus::Cpus,
    peers::{PEERS, Peer},
    report::Line,
    workload::{Result, SCHEMA, WORKLOADS, Workload},
};

fn main() -> Result<ExitCode> {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|word| word == "child").is_some() {
        return child::run(arguments).map(|()| ExitCode::SUCCESS);
    }
    let wanted = Wanted::read(arguments)?;
    let server = Server::try_shared()?;
    let database = server.try_database()?;
    let dir = database
        .socket_dir()
        .ok_or("the server of DATABASE_URL has no Unix socket here; unset DATABASE_URL")?;
    database.sql(SCHEMA);
    let place = [
        ("PGHOST", dir.display().to_string()),
        ("PGPORT", database.port().to_string()),
        ("PGUSER", database.user().to_owned()),
        ("PGDATABASE", database.name().to_owned()),
    ];
    let cpus = Cpus::get()?;
    let mut all_hold = true;
    for workload in wanted.workloads() {
        cpus.pin(workload, server.pid())?;
        let mut lines: Vec<Line> =
            wanted.peers().filter(|peer| workload.is_done_by(peer)).map(Line::new).collect();
        if wanted.has("counts") {
            for line in &mut lines {
                line.counts = counts::count(line.peer, workload, &place)?;
            }
        }
        if wanted.has("times") {
            let peers: Vec<&str> = lines.iter().map(|line| line.peer).collect();
            for (line, times) in lines.iter_mut().zip(times::time(&peers, workload, &place)?) {
                line.times = Some(times);
            }
        }
        all_hold &= report::print(workload, &lines);
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the command line chose; a group of words of which none was said is wanted whole.
struct Wanted(HashSet<String>);

const GROUPS: [&[&str]; 2] = [&["w1", "w2", "w4", "w5", "w6", "w9", "w10"], &["counts", "times"]];

impl Wanted {
    fn read(words: impl Iterator<Item = String>) -> Result<Wanted> {
        let words: HashSet<String> = words.collect();
        let known = |word: &str| {
            GROUPS.iter().any(|group| group.contains(&word)) || PEERS.iter().any(|peer| peer.name == word)
        };
        match words.iter().find(|word| !known(word)) {
            Some(word) => {
                Err(format!("{word:?} is none of w1, w2, w4, w5, w6, w9, w10, counts, times, nor a peer")
                    .into())
            }
            None => Ok(Wanted(words)),
        }
    }

    fn has(&self, word: &str) -> bool {
        let group = GROUPS.iter().find(|group| group.contains(&word));
        self.0.contains(word) || !group.is_some_and(|group| group.iter().any(|other| self.0.contains(*other)))
    }

    fn workloads(&self) -> impl Iterator<Item = Workload> {
        WORKLOADS.into_iter().filter(|workload| self.has(workload.group()))
    }

    fn peers(&self) -> impl Iterator<Item = &'static str> {
        let named = PEERS.iter().any(|peer| self.0.contains(peer.name));
        PEERS.iter().map(|Peer { name, .. }| *name).filter(move |name| !named || self.0.contains(*name))
    }
}
