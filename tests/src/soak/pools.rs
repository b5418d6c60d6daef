//! A pool of 8 with 64 borrowers, while server processes are killed at random and the server restarts.
//!
//! Each borrower commits one numbered transaction after the other. One of known outcome is done again until it is
//! committed, and one of unknown outcome is looked up; so that in the end each is there once and whole. Who looks it up waits
//! for the transaction's lock: a server process that was killed may be committing still.

use crate::clients::block_on;
use crate::pools::Lends;
use crate::seed::{Rng, mix};
use crate::server::{Database, Options, Server, Stop};
use pg_async::pool::Manager;
use pg_core::exchange::pipeline;
use pg_core::{ErrorKind, Result, Session};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 8;
const BORROWERS: i32 = 64;

/// How long it may take until a borrower who comes after a kill has committed something.
const SERVING: Duration = Duration::from_secs(2);

const TABLE: &str = "create table kept (task int4 not null, turn int4 not null, part int4 not null)";

/// Lets borrowers work on a pool until it is over.
type Borrow = fn(&Arc<Ledger>);

/// The crates that pool.
const CRATES: [(&str, Borrow); 3] = [("deadpool", with_deadpool), ("bb8", with_bb8), ("r2d2", with_r2d2)];

/// Kills so often under each crate that pools; what was killed, and what was committed.
///
/// # Panics
/// If a transaction was lost, doubled or kept in half, a connection leaked, or the pool took too long to serve again.
pub fn pools_under_kills(kills: u64, seed: u64) -> String {
    // What was committed must outlive the server.
    let server = Server::start(Options::new().set("synchronous_commit", "on"));
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let mut told = Vec::new();
    for (name, run) in CRATES {
        let database = server.database();
        database.sql(TABLE);
        let ledger = Arc::new(Ledger { database, seed, state: Mutex::default(), changed: Condvar::new() });
        let borrowers = std::thread::spawn({
            let ledger = Arc::clone(&ledger);
            move || run(&ledger)
        });
        let summary = kill(&server, &ledger, kills, &mut Rng::new(seed));
        ledger.change(|state| state.is_over = true);
        if let Err(panicked) = borrowers.join() {
            std::panic::resume_unwind(panicked);
        }
        ledger.wait_for_sessions(|| 0, &format!("after the pool of {name} was dropped"));
        let outcome = format!("{name}: {}; {summary}", ledger.judge());
        println!("{outcome}");
        told.push(outcome);
    }
    told.join("\n")
}

/// What the borrowers know of their transactions.
struct Ledger {
    database: Database,
    seed: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    committed: BTreeSet<(i32, i32)>,
    /// What became of it before.
    stories: BTreeMap<(i32, i32), Vec<String>>,
    /// When the latest began of those that were committed.
    began: Option<Instant>,
    undone: u64,
    unknown: u64,
    is_over: bool,
}

impl Ledger {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        outcome
    }

    /// Waits until the borrowers have come so far.
    fn wait_until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = Duration::from_secs(60);
        let waited = self.changed.wait_timeout_while(state, patience, |state| !is_so(state));
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{what}: nothing in {patience:?}");
    }

    /// Waits until the server has no more sessions of borrowers than that: those that end need a moment, and a pool may still
    /// be connecting.
    fn wait_for_sessions(&self, most: impl Fn() -> u32, when: &str) {
        const SESSIONS: &str = "select count(*) from pg_stat_activity \
                                where datname = current_database() and pid <> pg_backend_pid()";
        let start = Instant::now();
        loop {
            let count: u32 =
                self.database.sql(SESSIONS)[0][0].as_deref().unwrap_or_default().parse().unwrap_or(0);
            let most = most();
            if count <= most {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{count} sessions {when}, {most} at most");
        }
    }

    /// What is in the table is what was committed.
    fn judge(&self) -> String {
        let kept =
            self.database.sql("select task, turn, count(*), count(distinct part) from kept group by 1, 2");
        let number = |value: &Option<String>| value.as_deref().and_then(|text| text.parse::<i32>().ok());
        let kept: BTreeMap<_, _> = kept
            .iter()
            .map(|row| ((number(&row[0]), number(&row[1])), (number(&row[2]), number(&row[3]))))
            .collect();
        self.change(|state| {
            for (task, turn) in &state.committed {
                let parts = kept.get(&(Some(*task), Some(*turn)));
                let story = state.stories.get(&(*task, *turn));
                assert_eq!(parts, Some(&(Some(2), Some(2))), "turn {turn} of task {task}: {story:#?}, seed {}", self.seed);
            }
            assert_eq!(kept.len(), state.committed.len(), "transactions that nobody committed, seed {}", self.seed);
            let State { committed, undone, unknown, .. } = state;
            format!(
                "{} transactions committed, 0 lost, 0 doubled; {undone} done again, {unknown} of unknown outcome looked up",
                committed.len()
            )
        })
    }
}

/// Kills, waits until the pool serves again, lets it work, and so on.
fn kill(server: &Server, ledger: &Ledger, kills: u64, rng: &mut Rng) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut slowest, mut slowest_of) = (Duration::ZERO, "");
    for _ in 0..kills {
        let more = ledger.change(|state| state.committed.len()) + rng.index(100);
        ledger.wait_until("work between two kills", |state| state.committed.len() > more);
        let kind = match rng.below(20) {
            0..12 => "a session",
            12..15 => "all sessions",
            15..17 => "a process by SIGKILL",
            17..19 => "the server at once",
            _ => "the server in order",
        };
        let done = |outcome: std::result::Result<(), crate::server::Error>| {
            outcome.unwrap_or_else(|error| panic!("{kind}: {error}"));
        };
        match kind {
            "a session" => terminate(ledger, "order by random() limit 1"),
            "all sessions" => terminate(ledger, ""),
            "a process by SIGKILL" => crash(server, ledger),
            _ => {
                done(server.stop(if kind == "the server at once" { Stop::Immediate } else { Stop::Fast }));
                done(server.start_again());
            }
        }
        // Whoever comes from now on finds a server.
        let since = Instant::now();
        ledger.wait_until(kind, |state| state.began.is_some_and(|began| began > since));
        let took = since.elapsed();
        assert!(
            took < SERVING,
            "{took:?} until it served again after the kill of {kind}, seed {}",
            ledger.seed
        );
        if took > slowest {
            (slowest, slowest_of) = (took, kind);
        }
        *counts.entry(kind).or_default() += 1;
    }
    format!("killed {counts:?}; served again after {slowest:.0?} at most (of {slowest_of})")
}

fn terminate(ledger: &Ledger, which: &str) {
    ledger.database.sql(&format!(
        "select pg_terminate_backend(pid) from (select pid from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() {which}) chosen"
    ));
}

/// The postmaster ends all sessions and recovers, as after a crash.
fn crash(server: &Server, ledger: &Ledger) {
    let config = pg_blocking::Config::new(&server.url()).unwrap_or_else(|error| panic!("{error}"));
    let mut witness = config.connect().unwrap_or_else(|error| panic!("{error}"));
    let sql = "select pid from pg_stat_activity where datname = $1 union all select pg_backend_pid()";
    let pids = witness.query_values::<i32>(sql, (ledger.database.name(),));
    let pids = pids.unwrap_or_else(|error| panic!("{error}"));
    // One may have ended by itself; that of the witness, the last, hasn't.
    let kill = |pid: &i32| Pid::from_raw(*pid).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok());
    assert!(pids.iter().any(kill));
    let lost = witness.execute("select pg_sleep(60)", ()).expect_err("its session ends too");
    assert!(lost.is_closed(), "{lost}");
    let start = Instant::now();
    while let Err(error) = config.connect() {
        assert!(start.elapsed() < Duration::from_secs(30), "{error}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn with_deadpool(ledger: &Arc<Ledger>) {
    let manager =
        Manager::new(pg_async::Config::new(&ledger.database.url()).unwrap_or_else(|e| panic!("{e}")));
    let pool = deadpool::managed::Pool::builder(manager).max_size(CONNECTIONS as usize).build();
    let pool: deadpool::managed::Pool<Manager> = pool.unwrap_or_else(|error| panic!("{error}"));
    block_on(tasks(pool, ledger));
}

fn with_bb8(ledger: &Arc<Ledger>) {
    let manager =
        Manager::new(pg_async::Config::new(&ledger.database.url()).unwrap_or_else(|e| panic!("{e}")));
    block_on(async {
        let pool = bb8::Pool::builder().max_size(CONNECTIONS).build(manager).await;
        tasks(pool.unwrap_or_else(|error| panic!("{error}")), ledger).await;
    });
}

async fn tasks<L: Lends + Clone>(pool: L, ledger: &Arc<Ledger>) {
    let mut borrowers = tokio::task::JoinSet::new();
    for task in 0..BORROWERS {
        let (pool, ledger) = (pool.clone(), Arc::clone(ledger));
        borrowers.spawn(async move { borrow(&pool, &ledger, task).await });
    }
    while let Some(outcome) = borrowers.join_next().await {
        if let Err(panicked) = outcome {
            std::panic::resume_unwind(panicked.into_panic());
        }
    }
    ledger.wait_for_sessions(|| pool.size().min(CONNECTIONS), "of a pool that nobody uses");
}

fn with_r2d2(ledger: &Arc<Ledger>) {
    let config = pg_blocking::Config::new(&ledger.database.url()).unwrap_or_else(|error| panic!("{error}"));
    let pool = r2d2::Pool::builder().max_size(CONNECTIONS).build(pg_blocking::pool::Manager::new(config));
    let pool = pool.unwrap_or_else(|error| panic!("{error}"));
    std::thread::scope(|scope| {
        for task in 0..BORROWERS {
            let pool = &pool;
            scope.spawn(move || pg_blocking::complete(borrow(pool, ledger, task)));
        }
    });
    ledger.wait_for_sessions(|| pool.size().min(CONNECTIONS), "of a pool that nobody uses");
}

/// Commits one transaction after the other until it is over.
async fn borrow<L: Lends>(pool: &L, ledger: &Ledger, task: i32) {
    let mut rng = Rng::new(mix(ledger.seed, u64::from(task.unsigned_abs())));
    let mut turn = 0;
    let mut is_unknown = false;
    while is_unknown || !ledger.change(|state| state.is_over) {
        let began = Instant::now();
        let way = rng.below(8);
        let outcome = match pool.try_lend().await {
            Ok(mut lent) if is_unknown => is_kept(&mut *lent, task, turn).await,
            Ok(mut lent) => write(&mut *lent, task, turn, way).await,
            Err(_) => {
                L::pause(Duration::from_millis(5)).await;
                continue;
            }
        };
        let is_lost = matches!(&outcome, Err(error) if error.kind() == ErrorKind::CommitUnknown);
        ledger.change(|state| match &outcome {
            Ok(true) => {
                state.committed.insert((task, turn));
                state.began = state.began.max(Some(began));
            }
            _ => {
                let story = state.stories.entry((task, turn)).or_default();
                story.push(format!("way {way}, looked up: {is_unknown}: {outcome:?}"));
                *if is_lost { &mut state.unknown } else { &mut state.undone } += 1;
            }
        });
        match outcome {
            Ok(is_committed) => {
                is_unknown = false;
                turn += i32::from(is_committed);
            }
            // Nothing but a lost connection keeps anybody from what he does.
            Err(error) => {
                assert!(error.is_closed(), "turn {turn} of task {task}: {error:?}");
                is_unknown |= is_lost;
            }
        }
    }
}

/// Held by a transaction to its end.
const LOCK: &str = "select pg_advisory_xact_lock($1, $2)";

/// Whether the transaction is there.
async fn is_kept<S: Session>(session: &mut S, task: i32, turn: i32) -> Result<bool> {
    let mut transaction = session.begin().await?;
    transaction.execute(LOCK, (task, turn)).await?;
    let sql = "select exists (select from kept where task = $1 and turn = $2)";
    transaction.query_value(sql, (task, turn)).await
}

/// One transaction, in one of several ways; whether it was committed.
async fn write<S: Session>(session: &mut S, task: i32, turn: i32, way: u64) -> Result<bool> {
    const INSERT: &str = "insert into kept values ($1, $2, $3)";
    assert!(session.connection().is_idle(), "what the one before was owed is there");
    match way {
        // What is left open and unread is the next one's to be spared.
        0 => {
            session.batch_execute("begin; set local application_name = 'left'").await?;
            session.execute(INSERT, (task, turn, -1)).await?;
            return Ok(false);
        }
        1 => {
            let mut dropped = session.begin().await?;
            dropped.execute(INSERT, (task, turn, -2)).await?;
            return Ok(false);
        }
        2 => {
            session.batch_execute("set application_name = 'left'").await?;
            let mut rows = session.stream("select generate_series(1, 20000)", ()).await?;
            rows.next_row().await?;
            return Ok(false);
        }
        3 => {
            let name: String = session.query_value("select current_setting('application_name')", ()).await?;
            assert_ne!(name, "left", "a setting of the one before");
        }
        _ => {}
    }
    let mut transaction = session.begin().await?;
    transaction.execute(LOCK, (task, turn)).await?;
    transaction.execute(INSERT, (task, turn, 0)).await?;
    if way < 6 {
        transaction.execute(INSERT, (task, turn, 1)).await?;
        transaction.commit().await?;
    } else {
        transaction.commit_with((pipeline::execute(INSERT, (task, turn, 1)),)).await?;
    }
    Ok(true)
}
