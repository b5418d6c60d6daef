//! What is dropped leaves nothing behind: no lock, no running statement, no half-read result, no server process.
//!
//! `RELIABILITY`'s "Drops, in words": after a dropped transaction its lock is free within 100 ms with nothing touched;
//! after a dropped 10 GB stream or a 600 s statement the next call answers within a second.

use pg_core::copy::CopyFrom;
use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::{ErrorKind, Result, Session, ToSql};
use pg_tests::clients::{BlockingFace, Face, block_on, still_answers};
use pg_tests::fake_server::{FakeServer, message};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Database, Server};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(100);
const A_SECOND: Duration = Duration::from_secs(1);
const TEN_GIGABYTES: &str = "select repeat('x', 1000000) from generate_series(1, 10000)";

/// How long another session waits for the lock on all of `stock`; it fails after a second.
async fn wait_for_lock(database: &Database) -> Duration {
    let mut other = BlockingFace::connect(&BlockingFace::config(&database.url())).await.unwrap();
    let started = Instant::now();
    other.batch_execute("set lock_timeout = '1s'; lock table stock; set lock_timeout = 0").await.unwrap();
    started.elapsed()
}

async fn count<S: Session>(client: &mut S) -> Result<i64> {
    client.query_value("select count(*) from stock", ()).await
}

// ---- transactions ----

async fn a_dropped_transaction_frees_its_locks<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute("create table stock (n int8 not null)").await?;
    let mut tx = client.begin().await?;
    tx.execute("lock table stock", ()).await?;
    tx.execute("insert into stock values (1)", ()).await?;
    drop(tx);
    let waited = wait_for_lock(database).await;
    assert!(waited < SOON, "{waited:?}");
    assert_eq!(count(client).await?, 0);
    assert_eq!(client.connection().status(), Status::Idle);
    Ok(())
}

async fn a_dropped_savepoint_undoes_its_part<S: Session>(client: &mut S, database: &Database) -> Result<()> {
    client.batch_execute("create table stock (n int8 not null)").await?;
    let mut tx = client.begin().await?;
    tx.execute("insert into stock values (1)", ()).await?;
    {
        let mut inner = tx.begin().await?;
        inner.execute("lock table stock", ()).await?;
        inner.execute("insert into stock values (2)", ()).await?;
        let mut innermost = inner.begin().await?;
        assert!(innermost.execute("insert into stock values (null)", ()).await.is_err());
        // Both go at once, the inner one first.
    }
    assert_eq!(count(&mut tx).await?, 1);
    tx.commit().await?;
    assert!(wait_for_lock(database).await < SOON);
    assert_eq!(count(client).await?, 1);
    Ok(())
}

async fn an_early_return_rolls_back<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    async fn fails_half_way<S: Session>(client: &mut S) -> Result<()> {
        let mut tx = client.begin().await?;
        tx.execute("insert into stock values (1)", ()).await?;
        tx.execute("insert into stock values (null)", ()).await?;
        tx.commit().await
    }
    client.batch_execute("create table stock (n int8 not null)").await?;
    assert_eq!(fails_half_way(client).await.unwrap_err().sqlstate().unwrap().code(), "23502");
    assert_eq!(count(client).await?, 0);
    still_answers(client).await
}

async fn a_transaction_with_unread_rows_is_dropped<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute("create table stock (n int8 not null)").await?;
    let mut tx = client.begin().await?;
    tx.execute("lock table stock", ()).await?;
    let mut rows = tx.stream("select g from generate_series(1, 10) g", ()).await?;
    assert!(rows.next_row().await?.is_some());
    drop(tx);
    assert!(wait_for_lock(database).await < SOON);
    still_answers(client).await
}

async fn a_dropped_guard_leaves_a_transaction_begun_by_sql<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table stock (n int8 not null); begin").await?;
    let mut tx = client.begin().await?;
    tx.execute("insert into stock values (1)", ()).await?;
    drop(tx);
    assert_eq!(count(client).await?, 0);
    assert_eq!(client.connection().status(), Status::Transaction);
    client.batch_execute("rollback").await
}

// ---- rows ----

async fn a_dropped_stream_of_10_gigabytes_is_cancelled<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for _ in 0..3 {
        let mut rows = client.stream(TEN_GIGABYTES, ()).await?;
        assert_eq!(rows.next_row().await?.unwrap().get::<(&str,)>()?.0.len(), 1_000_000);
        let started = Instant::now();
        still_answers(client).await?;
        assert!(started.elapsed() < A_SECOND, "{:?}", started.elapsed());
    }
    Ok(())
}

async fn a_stream_is_dropped_after_each_of_its_rows<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for read in 0..12 {
        let mut rows = client.stream("select g, 'dropped' from generate_series(1, 10) g", ()).await?;
        for expected in 1..=read {
            match rows.next_row().await? {
                Some(row) => assert_eq!(row.get::<(i32, &str)>()?, (expected, "dropped")),
                None => assert_eq!(expected, 11),
            }
        }
        still_answers(client).await?;
    }
    Ok(())
}

async fn a_dropped_cancelled_transaction_is_no_more<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute("create table stock (n int8 not null)").await?;
    let mut tx = client.begin().await?;
    tx.execute("lock table stock", ()).await?;
    let mut rows = tx.stream(TEN_GIGABYTES, ()).await?;
    rows.next_row().await?;
    drop(tx);
    let started = Instant::now();
    still_answers(client).await?;
    assert!(started.elapsed() < A_SECOND, "{:?}", started.elapsed());
    assert_eq!(client.connection().status(), Status::Idle);
    assert!(wait_for_lock(database).await < SOON);
    Ok(())
}

async fn a_row_that_cannot_be_decoded_leaves_a_usable_connection<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select case when g <> 5000 then g end from generate_series(1, 10000) g";
    for _ in 0..2 {
        let failed = client.query::<(i32,)>(sql, ()).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Decode, "{failed}");
        still_answers(client).await?;
    }
    // A stream goes on after it.
    let mut rows = client.stream_as::<(i32,)>(sql, ()).await?;
    let (mut good, mut bad) = (0, 0);
    while let Some(row) = rows.next_row().await? {
        match row.get::<(i32,)>() {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    assert_eq!((good, bad), (9_999, 1));
    // In a pipeline the parts after it are still run, and all are read.
    let parts = (pipeline::query::<(i32,), _>(sql, ()), pipeline::query_one::<(i32,), _>("select 1", ()));
    assert_eq!(client.pipeline(parts).await.unwrap_err().kind(), ErrorKind::Decode);
    still_answers(client).await
}

async fn an_error_of_the_callback_ends_for_each<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut seen = 0;
    let failed = client
        .for_each("select g from generate_series(1, 10000) g", (), |(g,): (i32,)| {
            seen = g;
            if g == 100 { Err(pg_core::Error::usage("enough")) } else { Ok(()) }
        })
        .await;
    assert_eq!(failed.unwrap_err().message(), "enough");
    assert_eq!(seen, 100);
    still_answers(client).await
}

pg_tests::both_clients!(
    a_dropped_transaction_frees_its_locks,
    a_dropped_savepoint_undoes_its_part,
    an_early_return_rolls_back,
    a_transaction_with_unread_rows_is_dropped,
    a_dropped_guard_leaves_a_transaction_begun_by_sql,
    a_dropped_stream_of_10_gigabytes_is_cancelled,
    a_stream_is_dropped_after_each_of_its_rows,
    a_dropped_cancelled_transaction_is_no_more,
    a_row_that_cannot_be_decoded_leaves_a_usable_connection,
    an_error_of_the_callback_ends_for_each,
);

// ---- a panic in a callback ----

const PANICS: &str = "select g from generate_series(1, 10000) g";

fn panics_at_100((g,): (i32,)) -> Result<()> {
    assert_ne!(g, 100, "a panic of the callback, as this test wants it");
    Ok(())
}

#[test]
fn a_panic_in_a_callback_leaves_a_blocking_client_usable() {
    let database = Server::shared().database();
    let mut client = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    for _ in 0..2 {
        let panicked = catch_unwind(AssertUnwindSafe(|| client.for_each(PANICS, (), panics_at_100)));
        assert!(panicked.is_err());
        pg_blocking::complete(still_answers(&mut client)).unwrap();
    }
}

#[test]
fn a_panic_in_a_callback_leaves_an_async_client_usable() {
    let database = Server::shared().database();
    block_on(async {
        let mut client = pg_async::Config::new(&database.url()).unwrap().connect().await.unwrap();
        let mut tx = client.begin().await.unwrap();
        tx.execute("select 1", ()).await.unwrap();
        let mut call = Some(Box::pin(tx.for_each(PANICS, (), panics_at_100)));
        let panicked = poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| call.as_mut().unwrap().as_mut().poll(context))) {
                Ok(Poll::Ready(_)) => Poll::Ready(false),
                Ok(Poll::Pending) => Poll::Pending,
                Err(_) => Poll::Ready(true),
            }
        })
        .await;
        assert!(panicked);
        call = None;
        drop(call);
        drop(tx);
        still_answers(&mut client).await.unwrap();
        assert_eq!(client.connection().status(), Status::Idle);
    });
}

// ---- futures of pg-async ----

/// Polls a future until it waits, and drops it.
async fn drop_when_it_waits<F: Future>(future: F) {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => panic!("it was to wait"),
        Poll::Pending => Poll::Ready(()),
    })
    .await;
}

async fn connect(url: &str) -> pg_async::Client {
    pg_async::Config::new(url).unwrap().connect().await.unwrap()
}

#[test]
fn a_dropped_statement_of_600_seconds_is_cancelled() {
    let database = Server::shared().database();
    database.sql("create table stock (n int8)");
    block_on(async {
        let mut client = connect(&database.url()).await;
        for _ in 0..2 {
            drop_when_it_waits(client.execute("select pg_sleep(600)", ())).await;
            let started = Instant::now();
            still_answers(&mut client).await.unwrap();
            assert!(started.elapsed() < A_SECOND, "{:?}", started.elapsed());
        }
        // Within a transaction, which goes with it.
        let mut tx = client.begin().await.unwrap();
        tx.execute("lock table stock", ()).await.unwrap();
        drop_when_it_waits(tx.batch_execute("select pg_sleep(600); select pg_sleep(600)")).await;
        drop(tx);
        let started = Instant::now();
        still_answers(&mut client).await.unwrap();
        assert!(started.elapsed() < A_SECOND, "{:?}", started.elapsed());
        assert_eq!(client.connection().status(), Status::Idle);
        assert!(wait_for_lock(&database).await < SOON);
    });
}

#[test]
fn a_transaction_dropped_before_its_first_answer_frees_its_locks() {
    let database = Server::shared().database();
    database.sql("create table stock (n int8)");
    let relay = Relay::to(&database);
    block_on(async {
        let mut client = connect(&relay.url(&database)).await;
        let locked = "select 1 from pg_locks where relation = 'stock'::regclass";
        // The client hears of nothing: neither that the transaction has begun, nor that it has its lock.
        relay.stall(Direction::ToClient);
        let mut tx = client.begin().await.unwrap();
        drop_when_it_waits(tx.execute("lock table stock", ())).await;
        while database.sql(locked).is_empty() {}
        drop(tx);
        let waited = wait_for_lock(&database).await;
        assert!(waited < SOON, "{waited:?}");
        relay.release();
        still_answers(&mut client).await.unwrap();
    });
}

#[test]
fn the_call_that_settles_may_be_dropped_too() {
    let database = Server::shared().database();
    block_on(async {
        let mut client = connect(&database.url()).await;
        let started = Instant::now();
        // Dropped while it reads on, while it cancels and after: the time until then varies.
        for wait in 0..20 {
            drop_when_it_waits(client.execute("select pg_sleep(600)", ())).await;
            let wait = Duration::from_micros(99_000 + 200 * wait);
            let _ = tokio::time::timeout(wait, client.ping()).await;
        }
        still_answers(&mut client).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    });
}

#[test]
fn a_request_dropped_half_written_is_written_to_its_end() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    block_on(async {
        let mut client = connect(&relay.url(&database)).await;
        let large = "x".repeat(20_000_000);
        for passes in [0, 1, 100_000, 5_000_000] {
            relay.reset();
            relay.ration(Direction::ToServer, passes);
            let mut call = Box::pin(client.query_value::<i32>("select length($1)", (large.as_str(),)));
            poll_fn(|context| match call.as_mut().poll(context) {
                Poll::Ready(length) => panic!("not all was sent, and the answer was {length:?}"),
                Poll::Pending if relay.bytes(Direction::ToServer) == passes => Poll::Ready(()),
                Poll::Pending => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
            drop(call);
            relay.release();
            still_answers(&mut client).await.unwrap();
        }
    });
}

#[test]
fn a_dropped_connecting_leaves_no_server_process() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let processes = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    block_on(async {
        let config = pg_async::Config::new(&relay.url(&database)).unwrap();
        let mut bytes = 0;
        // At each byte of the login, in both directions; the last connects.
        for direction in [Direction::ToClient, Direction::ToServer] {
            bytes = 0;
            loop {
                relay.reset();
                relay.ration(direction, bytes);
                let mut connecting = config.connect();
                let mut looked_again = false;
                let connected = poll_fn(|context| match connecting.as_mut().poll(context) {
                    Poll::Ready(client) => Poll::Ready(Some(client)),
                    Poll::Pending if relay.bytes(direction) == bytes && looked_again => Poll::Ready(None),
                    Poll::Pending => {
                        looked_again = relay.bytes(direction) == bytes;
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await;
                drop(connecting);
                relay.release();
                if let Some(client) = connected {
                    still_answers(&mut client.unwrap()).await.unwrap();
                    break;
                }
                bytes += 7;
            }
        }
        assert!(bytes > 50);
    });
    relay.wait_until(|counts| counts.open == 0);
    let deadline = Instant::now() + Duration::from_secs(5);
    while database.sql(processes)[0][0].as_deref() != Some("0") {
        assert!(
            Instant::now() < deadline,
            "server processes are left: {:?}",
            database.sql("table pg_stat_activity")
        );
    }
}

#[test]
fn a_dropped_commit_is_decided_by_the_server() {
    let database = Server::shared().database();
    database.sql("create table stock (n int8)");
    let relay = Relay::to(&database);
    block_on(async {
        let mut client = connect(&relay.url(&database)).await;
        let mut tx = client.begin().await.unwrap();
        tx.execute("insert into stock values (1)", ()).await.unwrap();
        // Never polled: nothing was sent, so it is rolled back.
        drop(tx.commit());
        assert_eq!(count(&mut client).await.unwrap(), 0);
        let mut tx = client.begin().await.unwrap();
        tx.execute("insert into stock values (1)", ()).await.unwrap();
        // Written, so the server does it.
        relay.stall(Direction::ToClient);
        drop_when_it_waits(tx.commit()).await;
        relay.release();
        assert_eq!(count(&mut client).await.unwrap(), 1);
        assert_eq!(client.connection().status(), Status::Idle);
    });
}

// ---- a server that never stops ----

/// Sends rows faster than anybody reads them, until it is asked to cancel: waiting for more never takes any time.
struct Flood {
    url: String,
    threads: [JoinHandle<()>; 2],
}

impl Flood {
    fn start() -> Flood {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("postgres://postgres@{}/postgres?sslmode=disable", listener.local_addr().unwrap());
        let cancelled = Arc::new(AtomicBool::new(false));
        let (sessions, until) = (Arc::clone(&listener), Arc::clone(&cancelled));
        let (serving, served) = mpsc::channel();
        let session = spawn(move || {
            let (mut client, _) = sessions.accept().unwrap();
            serving.send(()).unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            let mut login = message::authentication_ok();
            login.extend(message::parameter_status("client_encoding", "UTF8"));
            login.extend(message::backend_key_data(1, &[1, 2, 3, 4]));
            login.extend(message::ready_for_query(b'I'));
            client.write_all(&login).unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            let mut answer = [message::parse_complete(), message::bind_complete()].concat();
            answer.extend(message::row_description(&[message::Column::new("n", 23, 4, 1)]));
            client.write_all(&answer).unwrap();
            let rows = message::data_row(&[Some(&[0, 0, 0, 7])]).repeat(5_000);
            while !until.load(Ordering::SeqCst) {
                client.write_all(&rows).unwrap();
            }
            let mut end = message::error("57014", "canceling statement due to user request");
            end.extend(message::ready_for_query(b'I'));
            client.write_all(&end).unwrap();
            // A ping.
            let _ = client.read(&mut [0; 1024]).unwrap();
            client.write_all(&message::ready_for_query(b'I')).unwrap();
        });
        let cancel = spawn(move || {
            served.recv().unwrap();
            let (mut request, _) = listener.accept().unwrap();
            request.read_exact(&mut [0; 16]).unwrap();
            cancelled.store(true, Ordering::SeqCst);
        });
        Flood { url, threads: [session, cancel] }
    }

    fn finish(self) {
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

async fn a_flood_cannot_outrun_the_drain<F: Face>() {
    let flood = Flood::start();
    let mut client = F::connect(&F::config(&flood.url)).await.unwrap();
    let mut rows = client.stream_as::<(i32,)>("select endless", ()).await.unwrap();
    assert_eq!(rows.next_as::<(i32,)>().await.unwrap(), Some((7,)));
    let started = Instant::now();
    client.ping().await.unwrap();
    assert!(started.elapsed() < A_SECOND, "{:?}", started.elapsed());
    flood.finish();
}

pg_tests::each_client!(a_flood_cannot_outrun_the_drain);

// ---- the end of a transaction that isn't run, be it that a cancel request hits it ----

const CANCELLED: &str = "57014";

/// Serves the first statements of a transaction, and then, when it is told to, answers its end as a server does that
/// didn't come to run it: with an error, and the transaction open.
fn failing_at_the_end(code: &'static str, may_answer: mpsc::Receiver<()>) -> FakeServer<Vec<String>> {
    FakeServer::run(move |peer| {
        peer.expect_startup();
        peer.login();
        // BEGIN and the first statement in one: no columns are asked for.
        peer.expect_all(b"PBEPBES");
        for tag in ["BEGIN", "LOCK TABLE"] {
            peer.send(message::parse_complete());
            peer.send(message::bind_complete());
            peer.send(message::command_complete(tag));
        }
        peer.send(message::ready_for_query(b'T'));
        let mut ends = Vec::new();
        loop {
            match peer.receive() {
                (b'Q', sql) if ends.is_empty() => {
                    ends.push(sql);
                    may_answer.recv().unwrap();
                    peer.send(message::error(code, "the statement was not run"));
                    peer.send(message::ready_for_query(b'E'));
                }
                (b'Q', sql) => {
                    ends.push(sql);
                    peer.send(message::command_complete("ROLLBACK"));
                    peer.send(message::ready_for_query(b'I'));
                }
                (b'S', _) => {
                    peer.send(message::ready_for_query(b'I'));
                    break;
                }
                (tag, _) => panic!("{:?} came", char::from(tag)),
            }
        }
        peer.expect_end();
        ends.iter()
            .map(|sql| String::from_utf8_lossy(sql.strip_suffix(b"\0").unwrap()).into_owned())
            .collect()
    })
}

#[test]
fn an_end_that_was_not_run_is_done_again() {
    type End = fn(pg_blocking::Blocking<pg_blocking::Transaction<'_, pg_blocking::Raw>>) -> Result<()>;
    let dropped: End = |tx| {
        drop(tx);
        Ok(())
    };
    // As a hot standby does that must give way to the primary.
    let conflict = "40001";
    let ends: [(&str, &str, End, bool); 6] = [
        (CANCELLED, "COMMIT", |tx| tx.commit(), true),
        (CANCELLED, "ROLLBACK", |tx| tx.rollback(), false),
        (CANCELLED, "ROLLBACK", dropped, false),
        (conflict, "COMMIT", |tx| tx.commit(), true),
        (conflict, "ROLLBACK", |tx| tx.rollback(), true),
        (conflict, "ROLLBACK", dropped, false),
    ];
    for (code, command, end, fails) in ends {
        let (answer, may_answer) = mpsc::channel();
        answer.send(()).unwrap();
        let fake = failing_at_the_end(code, may_answer);
        let mut client = pg_blocking::Config::new(&fake.url()).unwrap().connect().unwrap();
        let mut tx = client.begin().unwrap();
        tx.execute("lock table stock", ()).unwrap();
        let told = end(tx).err();
        let said = told.and_then(|error| error.sqlstate().map(|state| state.code().to_owned()));
        assert_eq!(said.as_deref(), fails.then_some(code));
        client.ping().unwrap();
        drop(client);
        assert_eq!(fake.finish(), [command, "ROLLBACK"]);
    }
}

#[test]
fn a_dropped_commit_that_was_cancelled_is_rolled_back() {
    let (answer, may_answer) = mpsc::channel();
    let fake = failing_at_the_end(CANCELLED, may_answer);
    block_on(async {
        let mut client = connect(&fake.url()).await;
        let mut tx = client.begin().await.unwrap();
        tx.execute("lock table stock", ()).await.unwrap();
        drop_when_it_waits(tx.commit()).await;
        answer.send(()).unwrap();
        client.ping().await.unwrap();
    });
    assert_eq!(fake.finish(), ["COMMIT", "ROLLBACK"]);
}

/// Its `Display` panics, in the middle of a request.
#[derive(ToSql)]
#[pg(name = "text", text)]
struct Explosive(Bomb);

struct Bomb;

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("half of it")?;
        panic!("in the middle of a value");
    }
}

/// A value's own code that panics leaves nothing of its request behind: neither of a statement nor of a row of COPY.
#[test]
fn a_value_that_panics_was_never_sent() -> Result<()> {
    let database = Server::shared().database();
    let mut client = pg_blocking::Config::new(&database.url())?.connect()?;
    client.batch_execute("create table t (n int4, s text)")?;
    let panics = |f: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
    for _ in 0..2 {
        panics(&mut || drop(client.execute("insert into t values ($1, $2)", (1_i32, Explosive(Bomb)))));
        assert_eq!(client.query_value::<i32>("select 7", ())?, 7);
        let mut tx = client.begin()?;
        panics(&mut || drop(tx.execute("insert into t values ($1, $2)", (1_i32, Explosive(Bomb)))));
        assert_eq!(tx.execute("insert into t values (2, 'whole')", ())?, 1);
        tx.commit()?;
        let mut copy = client.copy_in_rows::<(i32, Explosive)>(&CopyFrom::table("t"))?;
        panics(&mut || drop(copy.write(&(3, Explosive(Bomb)))));
        assert_eq!(copy.finish()?, 0);
    }
    assert_eq!(client.query::<(i32, String)>("select * from t", ())?, vec![(2, "whole".to_owned()); 2]);
    Ok(())
}
