//! Replication streams: an application that is busy for longer than the server waits, and a transaction of many rows.

use crate::clients::{AsyncFace, BlockingFace, Face, block_on, pg_async, pg_blocking};
use crate::server::{Database, Options, Server};
use pg_core::config::settings::Replication;
use pg_core::lsn::Lsn;
use pg_core::replication::change::Event;
use pg_core::replication::pgoutput::{Message, PgOutput, Streaming};
use pg_core::walsender::ReplicationSession;
use pg_core::{FromRow, Result};
use std::time::{Duration, Instant};

/// A stream is stopped within this time.
const SOON: Duration = Duration::from_secs(20);

/// A server that waits so long for a sign of life from whom it streams to.
pub fn impatient(wal_sender_timeout: &str) -> Server {
    let options = Options::new().set("wal_sender_timeout", wal_sender_timeout);
    Server::start(options).unwrap_or_else(|error| panic!("{error}"))
}

/// A blocking application reads a change, works for so long, under `pump` or not, and reads on.
///
/// # Errors
/// The connection was lost.
pub fn busy_blocking(database: &Database, work: Duration, pumped: bool) -> Result<()> {
    use pg_blocking::{Config, Pump};
    prepare(database, "test_decoding", "insert into t select generate_series(1, 3)");
    let mut walsender = Config::new(&database.url())?.replication(Replication::Logical).connect()?;
    let stream = walsender.start_logical(database.name(), Lsn(0), ())?;
    let mut stream = stream.status_interval(Duration::from_millis(100));
    assert!(stream.next()?.is_some());
    let began = Instant::now();
    let work = || {
        while let Some(left) = work.checked_sub(began.elapsed()) {
            std::thread::park_timeout(left);
        }
    };
    if pumped {
        stream.pump(work)
    } else {
        work()
    }
    // What had come is read; then it shows whether the server is still there.
    while stream.next()?.is_some_and(|message| !message.data.starts_with(b"COMMIT")) {}
    stream.feedback(Lsn(0), Lsn(0), Lsn(0), true)?;
    stream.stop(SOON)?;
    walsender.drop_slot(database.name(), true)
}

/// The same of an asynchronous application.
///
/// # Errors
/// The connection was lost.
pub fn busy_async(database: &Database, work: Duration) -> Result<()> {
    prepare(database, "test_decoding", "insert into t select generate_series(1, 3)");
    block_on(async {
        let config = pg_async::Config::new(&database.url())?.replication(Replication::Logical);
        let mut walsender = config.connect().await?;
        let stream = walsender.start_logical(database.name(), Lsn(0), ()).await?;
        let mut stream = stream.status_interval(Duration::from_millis(100));
        assert!(stream.next().await?.is_some());
        let answer = stream.pump(async {
            tokio::time::sleep(work).await;
            42
        });
        assert_eq!(answer.await?, 42);
        while stream.next().await?.is_some_and(|message| !message.data.starts_with(b"COMMIT")) {}
        stream.feedback(Lsn(0), Lsn(0), Lsn(0), true).await?;
        stream.stop(SOON).await?;
        walsender.drop_slot(database.name(), true).await
    })
}

/// Drops the slot that a lost stream has left, once its walsender has ended, so that the database can be dropped.
pub fn forget_slot(database: &Database) {
    let dropped = || -> Result<()> {
        let config = pg_blocking::Config::new(&database.url())?.replication(Replication::Logical);
        config.connect()?.drop_slot(database.name(), true)
    };
    dropped().unwrap_or_else(|error| panic!("{error}"));
}

/// A table, a slot of a plugin with the database's name, and a change to be streamed.
fn prepare(database: &Database, plugin: &str, change: &str) {
    database.sql("create table t (id int8, name text); create publication p for table t");
    database.sql(&format!("select pg_create_logical_replication_slot(current_database(), '{plugin}')"));
    database.sql(change);
}

/// 15 seconds of work at a server that waits for two, in both clients at once; and once without `pump`, so that it shows
/// what that is for.
pub(super) fn pump() -> String {
    const WORK: Duration = Duration::from_secs(15);
    let server = impatient("2s");
    let databases = [server.database(), server.database(), server.database()];
    let [blocking, asynchronous, left_alone] = &databases;
    std::thread::scope(|scope| {
        let blocking = scope.spawn(|| busy_blocking(blocking, WORK, true));
        let alone = scope.spawn(|| busy_blocking(left_alone, WORK, false));
        busy_async(asynchronous, WORK).unwrap_or_else(|error| panic!("async: {error}"));
        let told = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
        };
        told(blocking).unwrap_or_else(|error| panic!("blocking: {error}"));
        let lost = told(alone).err().unwrap_or_else(|| panic!("kept its connection without pump"));
        forget_slot(left_alone);
        format!(
            "{WORK:?} of work at wal_sender_timeout = 2s: kept its connection in both clients; without pump: {lost}"
        )
    })
}

/// A row of the large transaction.
#[derive(Debug, FromRow)]
struct Streamed<'r> {
    id: i64,
    name: &'r str,
}

/// Streams a transaction of so many rows through each client, as protocol 2 has it before its end, and reads each row
/// as a struct. What `count` says of each run.
///
/// # Panics
/// If a row is missing, or the transaction wasn't streamed.
pub fn large_transaction(rows: i64, count: fn(&mut dyn FnMut()) -> u64) -> [u64; 2] {
    let server = Server::shared();
    let database = server.database();
    let insert = format!("insert into t select n, 'the name of ' || n from generate_series(1, {rows}) n");
    prepare(&database, "pgoutput", &insert);
    let told = |outcome: Result<()>| outcome.unwrap_or_else(|error| panic!("{error}"));
    let blocking =
        count(&mut || told(pg_blocking::complete(stream_through::<BlockingFace>(&database, rows))));
    // In this thread, whose memory is counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let asynchronous = count(&mut || told(runtime.block_on(stream_through::<AsyncFace>(&database, rows))));
    forget_slot(&database);
    [blocking, asynchronous]
}

async fn stream_through<F: Face>(database: &Database, rows: i64) -> Result<()> {
    // So that a small number of rows is a large transaction too.
    let config = F::config(&database.url()).options("-c logical_decoding_work_mem=64kB");
    let mut walsender = F::connect(&config.replication(Replication::Logical)).await?;
    let options = PgOutput::new(["p"]).binary().streaming(Streaming::On);
    let mut changes = walsender.start_logical(database.name(), Lsn(0), options).await?.changes();
    let (mut seen, mut sum, mut blocks) = (0, 0, 0);
    loop {
        match changes.next().await? {
            Some(Event::Change(mut change)) => {
                let row: Streamed<'_> = change.new()?;
                assert!(row.name.starts_with("the name of "), "{row:?}");
                (seen, sum) = (seen + 1, sum + row.id);
            }
            Some(Event::Other(Message::StreamStart(_))) => blocks += 1,
            Some(Event::Other(Message::StreamCommit(_))) => break,
            Some(Event::Other(_)) => {}
            None => panic!("the server ended the stream after {seen} rows"),
        }
    }
    assert_eq!((seen, sum), (rows, rows * (rows + 1) / 2));
    assert!(blocks > 1, "{blocks} blocks");
    changes.stop(SOON).await
}
