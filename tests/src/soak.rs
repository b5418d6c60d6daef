//! Long runs against a server, by name: `cargo run --release -p pg-soak -- NAME`. Some are run shorter by the tests.

pub mod copy_memory;
mod drops;
mod listening;
mod many;
mod pools;
mod replication;
mod waiting;

pub use drops::drop_at_random;
pub use listening::listening_under_kills;
pub use many::many_connections;
pub use pools::pools_under_kills;
pub use replication::{busy_async, busy_blocking, forget_slot, impatient, large_transaction};
pub use waiting::wait_for_nothing;

use crate::clients::{AsyncFace, BlockingFace, Face, block_on};
use crate::recorded::checks::{self, Extent};
use crate::server::{Database, Server};
use pg_core::{Error, Lifecycle, Result, Session};
use rustix::time::{ClockId, clock_gettime};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A long run.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it proves.
    pub about: &'static str,
    /// Runs it; what it returns is printed. It panics where its promise is broken.
    pub run: fn() -> String,
}

/// All long runs.
pub const ALL: &[Soak] = &[
    Soak {
        name: "cancel_races",
        about: "10,000 cancel requests race with the ends of their statements: the next statement is never hit",
        run: cancel_races,
    },
    Soak {
        name: "ddl_changes",
        about: "1,000 changes of a table between runs of cached statements: each is healed",
        run: ddl_changes,
    },
    Soak {
        name: "drops",
        about: "10,000 COPYs, pipelines, cursors and large objects, dropped, cancelled or late at random: the next call is right",
        run: drops::drops,
    },
    Soak {
        name: "listen",
        about: "a listener under 100 random kills of its sessions, links and server: what is missing lies before a gap",
        run: listen,
    },
    Soak {
        name: "many",
        about: "200 connections in one thread, each asked every 10 ms for 10 s: CPU a query beside one that blocks",
        run: || many_connections(200, Duration::from_secs(number(2, 10))),
    },
    Soak {
        name: "pools",
        about: "200 random kills of sessions and of the server while 64 borrowers share a pool of 8: nothing lost, doubled or leaked",
        run: || pools_under_kills(number(2, 200), number(3, 1)),
    },
    Soak {
        name: "replication_chaos",
        about: "200 random kills of client, backends, server and links while a database follows another: nothing lost or doubled",
        run: || crate::chaos::replication(number(2, 200), number(3, 1)),
    },
    Soak {
        name: "replication_pump",
        about: "15 s of work between two changes at a server that waits for 2 s: pump() keeps the connection",
        run: replication::pump,
    },
    Soak {
        name: "recorded_sessions",
        about: "sessions of seven kinds, ended and flipped at every byte and bit, and in 10,000 splits",
        run: recorded_sessions,
    },
    Soak {
        name: "waiting",
        about: "ten seconds of waiting for a notification in each way of waiting: under 5 ms of CPU",
        run: || wait_for_nothing(Duration::from_secs(number(2, 10))),
    },
];

/// A number of the command line: `replication_chaos KILLS SEED` says how many, and which.
fn number(at: usize, otherwise: u64) -> u64 {
    std::env::args().nth(at).and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

fn listen() -> String {
    let (kills, seed) = (number(2, 100), number(3, 1));
    let blocking = listening_under_kills::<pg_blocking::Listener>(kills, seed);
    format!("{blocking}\n{}", listening_under_kills::<pg_async::Listener>(kills, seed))
}

/// User and system time of this thread so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

type Check = fn(Extent) -> u64;

/// Runs a session whose memory nobody counts.
fn uncounted(session: &mut dyn FnMut()) -> u64 {
    session();
    0
}

fn recorded_sessions() -> String {
    let mut told = format!("{} kinds", checks::whole());
    let runs: [(&str, Check); 5] = [
        ("closed or reset after each byte", checks::cut),
        ("silent after each byte", checks::stalled),
        ("with each bit flipped", |extent| checks::flipped(extent, uncounted)),
        ("with each bit of a login flipped", checks::flipped_in_the_login),
        ("byte by byte and in random pieces", checks::split),
    ];
    for (about, run) in runs {
        let started = Instant::now();
        let count = run(Extent::ALL);
        println!("{count} runs {about} ({:.1} s)", started.elapsed().as_secs_f64());
        told.push_str(&format!(", {count} runs {about}"));
    }
    told
}

fn ddl_changes() -> String {
    const CHANGES: u32 = 1_000;
    let database = Server::shared().database();
    let told = |outcome: Result<u32>| outcome.unwrap_or_else(|error| panic!("{error}"));
    let blocking = told(pg_blocking::complete(heal_ddl_changes::<BlockingFace>(&database, CHANGES)));
    let asynchronous = told(block_on(heal_ddl_changes::<AsyncFace>(&database, CHANGES)));
    format!("{blocking} of {CHANGES} changes were healed (blocking), {asynchronous} (async)")
}

/// Changes a table from another session, each change followed by runs of statements that were cached before it. Returns
/// how many changes there were.
///
/// # Errors
/// That of a statement that wasn't healed.
///
/// # Panics
/// On a row that isn't the table's.
pub async fn heal_ddl_changes<F: Face>(database: &Database, changes: u32) -> Result<u32> {
    let mut client = F::connect(&F::config(&database.url())).await?;
    let mut other = F::connect(&F::config(&database.url())).await?;
    other
        .batch_execute("drop table if exists t; create table t (id int4 not null); insert into t values (7)")
        .await?;
    for change in 0..changes {
        let column = format!("c{change}");
        let ddl = match change % 5 {
            0 => format!("alter table t add column {column} text default '{change}'"),
            1 => format!("alter table t rename column c{} to {column}", change - 1),
            2 => format!("alter table t alter column c{} type varchar(20)", change - 1),
            3 => format!("alter table t drop column c{}", change - 2),
            _ => "alter table t rename to gone; create table t as select * from gone; drop table gone"
                .to_owned(),
        };
        other.batch_execute(&ddl).await?;
        let healed = |error: Error| error.within(format_args!("after change {change}, {ddl}"));
        let row: pg_core::Row = client.query_one("select * from t", ()).await.map_err(healed)?;
        assert_eq!(row.get::<i32>("id")?, 7);
        let there = usize::from(change % 5 < 3) + 1;
        assert_eq!(row.columns().len(), there, "after {ddl}");
        let (id,): (i32,) = client.query_one("select * from t where id = $1", (7,)).await.map_err(healed)?;
        assert_eq!(id, 7);
        let mut rows = client.stream("select * from t", ()).await.map_err(healed)?;
        assert_eq!(rows.next_as::<(i32,)>().await.map_err(healed)?, Some((7,)));
    }
    Ok(changes)
}

fn cancel_races() -> String {
    const RACES: u32 = 10_000;
    let database = Server::shared().database();
    let told = |outcome: Result<u32>| outcome.unwrap_or_else(|error| panic!("{error}"));
    let blocking = told(pg_blocking::complete(race_cancels::<BlockingFace>(&database, RACES)));
    let asynchronous = told(block_on(race_cancels::<AsyncFace>(&database, RACES)));
    format!(
        "of {RACES} statements {blocking} were cancelled (blocking), {asynchronous} (async), and none after them"
    )
}

/// Cancels statements that are about to end, each followed at once by one that must have its answer. Returns how many
/// were cancelled.
///
/// # Errors
/// Those of connecting, and of a statement that was hit and should not have been.
///
/// # Panics
/// On an answer that is another statement's.
pub async fn race_cancels<F: Face>(database: &Database, races: u32) -> Result<u32> {
    let mut client = F::connect(&F::config(&database.url())).await?;
    let token = client.cancel_token();
    let (ask, asked) = mpsc::channel::<Duration>();
    let (say, begun) = mpsc::channel::<()>();
    let canceller = std::thread::spawn(move || -> Result<()> {
        for wait in asked {
            let started = Instant::now();
            while started.elapsed() < wait {
                std::hint::spin_loop();
            }
            F::cancel(&token)?;
            let _ = say.send(());
        }
        Ok(())
    });
    let mut cancelled = 0;
    for race in 0..races {
        // From before the statement is there until after it has gone.
        let wait = Duration::from_micros(u64::from(race % 20) * 100);
        let _ = ask.send(wait);
        match client.query_value::<i32>("select 1 from pg_sleep(0.001)", ()).await {
            Ok(one) => assert_eq!(one, 1),
            Err(error) if error.is_cancelled() => cancelled += 1,
            Err(error) => return Err(error),
        }
        // Once the request has arrived it hits nothing any more, however little time there is between.
        let _ = begun.recv();
        let next: i64 =
            client.query_value("select $1::int8", (i64::from(race),)).await.map_err(after(race))?;
        assert_eq!(next, i64::from(race));
    }
    drop(ask);
    match canceller.join() {
        Ok(outcome) => outcome?,
        Err(panicked) => std::panic::resume_unwind(panicked),
    }
    Ok(cancelled)
}

fn after(race: u32) -> impl FnOnce(Error) -> Error {
    move |error| error.within(format_args!("the statement after race {race} was hit"))
}
