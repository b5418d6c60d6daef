//! How a blocking connection waits is the user's choice, and whatever it is, everything works.

use pg_blocking::pg_core::lsn::Lsn;
use pg_blocking::wait::{self, Failure, Ready, Wait, WaitPoll, Wanted};
use pg_blocking::{Client, Config, CopyFrom, ErrorKind, Replication, complete};
use pg_tests::clients::still_answers;
use pg_tests::fake_server::FakeServer;
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

fn connect(database: &Database, strategy: impl Wait + 'static) -> Client {
    wait::connect(&Config::new(&database.url()).unwrap(), Arc::new(strategy)).unwrap()
}

/// A callback that counts its calls, and does what `WaitPoll` does.
fn counting(calls: &Arc<AtomicUsize>) -> impl Wait + use<> {
    let calls = Arc::clone(calls);
    move |fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| -> Result<Ready, Failure> {
        calls.fetch_add(1, Ordering::Relaxed);
        WaitPoll::new().wait(fd, wanted, deadline)
    }
}

#[test]
fn every_wait_goes_through_the_callback_and_everything_works() {
    let database = Server::shared().database();
    let calls = Arc::default();
    let mut client = connect(&database, counting(&calls));
    let connecting = calls.load(Ordering::Relaxed);
    assert!(connecting > 0);
    client.batch_execute("create table t (n int4, word text)").unwrap();
    let mut tx = client.begin().unwrap();
    assert_eq!(tx.copy_in_all(&CopyFrom::table("t"), (0..50_000).map(|n| (n, "word"))).unwrap(), 50_000);
    tx.commit().unwrap();
    let mut sum = 0;
    let mut rows = client.stream("select n from t", ()).unwrap();
    while let Some((n,)) = rows.next_as::<(i32,)>().unwrap() {
        sum += i64::from(n);
    }
    assert_eq!(sum, 1_249_975_000);
    client.listen("c").unwrap();
    client.notify("c", "x").unwrap();
    assert!(client.wait_notification(Duration::ZERO).unwrap().is_some());
    assert_eq!(client.wait_notification(Duration::from_millis(10)).unwrap(), None);
    assert!(calls.load(Ordering::Relaxed) > connecting + 5);
    // And back to the system's read.
    client.get_mut().set_wait(None);
    let before = calls.load(Ordering::Relaxed);
    complete(still_answers(&mut client)).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), before);
}

#[test]
fn an_interrupt_cancels_the_query_and_the_connection_stays_usable() {
    let database = Server::shared().database();
    let flag = Arc::new(AtomicBool::new(false));
    let mut client = connect(&database, WaitPoll::new().interrupted_by(Arc::clone(&flag)));
    let (running, runs) = mpsc::channel();
    let (from_outside, url) = (Arc::clone(&flag), database.url());
    let interrupter = std::thread::spawn(move || {
        let mut other = Config::new(&url).unwrap().connect().unwrap();
        for () in runs {
            let sql = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
            while other.query_value::<i64>(sql, ()).unwrap() == 0 {}
            from_outside.store(true, Ordering::SeqCst);
        }
    });
    for sql in ["select 1 from pg_sleep(600)", "select 1 from generate_series(1, 3), pg_sleep(600)"] {
        running.send(()).unwrap();
        let start = Instant::now();
        let error = client.query_value::<i32>(sql, ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
        complete(still_answers(&mut client)).unwrap();
    }
    // In a transaction too, which has failed then.
    let mut tx = client.begin().unwrap();
    running.send(()).unwrap();
    assert_eq!(tx.execute("select pg_sleep(600)", ()).unwrap_err().kind(), ErrorKind::Interrupted);
    drop(tx);
    complete(still_answers(&mut client)).unwrap();
    drop(running);
    interrupter.join().unwrap();
    // While it waits for notifications.
    client.listen("c").unwrap();
    flag.store(true, Ordering::SeqCst);
    let error = client.wait_notification(Duration::from_secs(600)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    complete(still_answers(&mut client)).unwrap();
}

/// A process that a signal interrupts, as Ctrl-C does.
#[test]
fn sigint_cancels_the_query_and_the_connection_goes_on() {
    let database = Server::shared().database();
    let mut command = Command::new(env!("CARGO_BIN_EXE_interrupted_by_sigint"));
    let mut process = command.arg(database.url()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    for _ in 0..2 {
        let sql = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
        while other.query_value::<i64>(sql, ()).unwrap() == 0 {
            assert_eq!(process.try_wait().unwrap(), None, "it has ended");
        }
        let start = Instant::now();
        kill_process(Pid::from_child(&process), Signal::INT).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "Interrupted, and the connection goes on: true");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(lines.next().unwrap().unwrap(), "heard: true");
    assert!(process.wait().unwrap().success());
}

#[test]
fn a_server_that_is_silent_for_too_long_is_cancelled() {
    let database = Server::shared().database();
    let mut client = Config::new(&database.url()).unwrap().connect().unwrap();
    client.get_mut().set_wait(Some(Arc::new(WaitPoll::new().silent_for(Duration::from_millis(50)))));
    let error = client.execute("select pg_sleep(600)", ()).unwrap_err();
    assert!(error.kind() == ErrorKind::Interrupted && error.to_string().contains("silent"), "{error}");
    client.get_mut().set_wait(None);
    complete(still_answers(&mut client)).unwrap();
}

/// A callback that fails once, when it is told to.
fn failing(fails: &Arc<AtomicBool>) -> impl Wait + use<> {
    let fails = Arc::clone(fails);
    move |fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| -> Result<Ready, Failure> {
        if fails.load(Ordering::SeqCst) {
            return Err("the callback has failed".into());
        }
        WaitPoll::new().wait(fd, wanted, deadline)
    }
}

#[test]
fn a_callback_that_fails_leaves_a_connection_that_goes_on() {
    let database = Server::shared().database();
    let fails = Arc::default();
    let mut client = connect(&database, failing(&fails));
    client.batch_execute("create table t (n int4)").unwrap();
    for _ in 0..3 {
        fails.store(true, Ordering::SeqCst);
        let error = client.query_value::<i32>("select 1 from pg_sleep(600)", ()).unwrap_err();
        assert!(error.to_string().contains("the callback has failed"), "{error}");
        fails.store(false, Ordering::SeqCst);
        let mut copy = client.copy_in_rows::<(i32,)>(&CopyFrom::table("t")).unwrap();
        copy.write(&(1,)).unwrap();
        fails.store(true, Ordering::SeqCst);
        // The COPY may have ended before it was cancelled: then it says so.
        let _ = copy.finish();
        fails.store(false, Ordering::SeqCst);
        complete(still_answers(&mut client)).unwrap();
    }
    assert!(!client.is_closed());
}

#[test]
fn a_connection_is_closed_only_if_its_server_does_not_answer() {
    let server = FakeServer::run(|peer| {
        peer.login();
        peer.wait_for_end();
    });
    let fails = Arc::default();
    let config = Config::new(&server.url()).unwrap().cancel_timeout(Duration::from_millis(100));
    let mut client = wait::connect(&config, Arc::new(failing(&fails))).unwrap();
    fails.store(true, Ordering::SeqCst);
    assert_eq!(client.ping().unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(client.is_closed());
}

/// A call with a deadline of 50 ms to a server that would take five seconds ends soon.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_strategy_that_returns_with_nothing_there_waits_for_nothing() {
    let database = Server::shared().database();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let early = move |_: BorrowedFd<'_>, _: Wanted, _: Option<Instant>| -> Result<Ready, Failure> {
        match counted.fetch_add(1, Ordering::Relaxed) {
            1_000 => Err("enough".into()),
            _ => Ok(Ready::Read),
        }
    };
    let mut client = Config::new(&database.url()).unwrap().connect().unwrap();
    client.get_mut().set_wait(Some(Arc::new(early)));
    let start = Instant::now();
    assert_eq!(client.execute("select pg_sleep(5)", ()).unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(
        client.within(Duration::from_millis(50)).execute("select pg_sleep(5)", ()).unwrap_err().is_timeout()
    );
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    complete(still_answers(&mut client)).unwrap();
}

#[test]
fn a_strategy_need_not_tell_room_to_send_from_something_to_read() {
    let database = Server::shared().database();
    let full = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&full);
    let undecided = move |fd: BorrowedFd<'_>,
                          wanted: Wanted,
                          deadline: Option<Instant>|
          -> Result<Ready, Failure> {
        counted.fetch_add(usize::from(wanted == Wanted::Write), Ordering::Relaxed);
        WaitPoll::new().silent_for(Duration::from_secs(10)).wait(fd, wanted, deadline).map(|_| Ready::Read)
    };
    let mut client = connect(&database, undecided);
    client.batch_execute("create table t (word text)").unwrap();
    full.store(0, Ordering::Relaxed);
    let mut copy = client.copy_in(&CopyFrom::table("t").to_sql().unwrap()).unwrap();
    let lines = format!("{}\n", "x".repeat(1_000)).repeat(1_000);
    for _ in 0..50 {
        copy.write(lines.as_bytes()).unwrap();
    }
    assert_eq!(copy.finish().unwrap(), 50_000);
    assert!(full.load(Ordering::Relaxed) > 0, "the socket was never full");
    complete(still_answers(&mut client)).unwrap();
}

/// A callback that waits, and then fails once if it was told to.
fn failing_once(fails: &Arc<AtomicBool>) -> impl Wait + use<> {
    let fails = Arc::clone(fails);
    move |fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| -> Result<Ready, Failure> {
        let ready = WaitPoll::new().wait(fd, wanted, deadline)?;
        match fails.swap(false, Ordering::SeqCst) {
            true => Err("the callback has failed".into()),
            false => Ok(ready),
        }
    }
}

#[test]
fn an_interrupt_loses_no_notification() {
    let database = Server::shared().database();
    let fails = Arc::default();
    let mut client = connect(&database, failing_once(&fails));
    client.listen("c").unwrap();
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    for payload in ["1", "2"] {
        fails.store(true, Ordering::SeqCst);
        other.notify("c", payload).unwrap();
        // It lies in the socket when the callback fails.
        let error = client.wait_notification(Duration::from_secs(600)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        let heard = client.wait_notification(Duration::from_secs(20)).unwrap().expect("it was kept");
        assert!(format!("{heard:?}").contains(payload), "{heard:?}");
    }
}

#[test]
fn a_replication_stream_waits_by_the_callback_and_an_interrupt_loses_nothing_of_it() {
    let database = Server::shared().database();
    database.sql("create table t (n int4)");
    database.sql("select pg_create_logical_replication_slot(current_database(), 'test_decoding')");
    let (calls, fails) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let (counted, failing) = (Arc::clone(&calls), failing_once(&fails));
    let strategy = move |fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| {
        counted.fetch_add(1, Ordering::Relaxed);
        failing.wait(fd, wanted, deadline)
    };
    let config = Config::new(&database.url()).unwrap().replication(Replication::Logical);
    let mut client = wait::connect(&config, Arc::new(strategy)).unwrap();
    let options = [("include-xids", "0"), ("skip-empty-xacts", "1")];
    let mut stream = client.start_logical(database.name(), Lsn(0), options).unwrap();
    let (mut lines, mut end) = (Vec::new(), Lsn(0));
    for n in 0..3 {
        let before = calls.load(Ordering::Relaxed);
        // Nothing is there, or what the server says of its log: it waits. Then what comes lies in the socket when it fails.
        fails.store(true, Ordering::SeqCst);
        database.sql(&format!("insert into t values ({n})"));
        let error = loop {
            match stream.next() {
                Err(error) => break error,
                Ok(message) => lines.push(message.unwrap().data.to_vec()),
            }
        };
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        while lines.last().is_none_or(|line| line != b"COMMIT") || lines.len() < 3 * (n + 1) {
            let message = stream.next().unwrap().unwrap();
            end = message.start;
            lines.push(message.data.to_vec());
        }
        stream.feedback(end, end, end, false).unwrap();
        assert!(calls.load(Ordering::Relaxed) > before);
    }
    assert_eq!(lines.len(), 9, "{lines:?}");
    stream.stop(Duration::from_secs(20)).unwrap();
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    let sql = "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1";
    let confirmed: String = other.query_value(sql, (database.name(),)).unwrap();
    assert!(confirmed.parse::<Lsn>().unwrap() >= end);
    client.drop_slot(database.name(), true).unwrap();
}

/// So many rows that reading them needs many waits.
const MANY: &str = "select repeat('x', 1000) from generate_series(1, 100000)";

#[test]
fn an_interrupt_while_dropped_rows_are_read_away_is_told_by_the_call_that_reads_them() {
    let database = Server::shared().database();
    let fails = Arc::default();
    let mut client = connect(&database, failing_once(&fails));
    for _ in 0..3 {
        let mut rows = client.stream(MANY, ()).unwrap();
        rows.next_row().unwrap();
        drop(rows);
        fails.store(true, Ordering::SeqCst);
        let error = client.query_value::<i32>("select 1", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        // Nothing of it is left for a call that is merely late.
        let late = client.within(Duration::from_millis(50)).execute("select pg_sleep(600)", ()).unwrap_err();
        assert!(late.is_timeout(), "{late}");
        complete(still_answers(&mut client)).unwrap();
    }
}

#[test]
fn a_callback_that_fails_and_fails_cancels_once_and_closes_nothing() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let fails = Arc::default();
    let config = Config::new(&relay.url(&database)).unwrap();
    let mut client = wait::connect(&config, Arc::new(failing(&fails))).unwrap();
    let slow = "select repeat('x', 10000), case when g > 9 then pg_sleep(600)::text end from generate_series(1, 10) g";
    for calls in 1..=3 {
        let mut rows = client.stream(slow, ()).unwrap();
        rows.next_row().unwrap();
        drop(rows);
        fails.store(true, Ordering::SeqCst);
        let error = client.query_value::<i32>("select 1", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        fails.store(false, Ordering::SeqCst);
        complete(still_answers(&mut client)).unwrap();
        // The connection itself, and one for each request.
        assert_eq!(relay.counts().connections, 1 + calls);
    }
}

#[test]
fn a_panic_while_an_interrupted_call_is_read_to_its_end_leaves_the_callback_in_place() {
    let database = Server::shared().database();
    let calls = Arc::new(AtomicUsize::new(0));
    let fails = Arc::new(AtomicBool::new(false));
    let (counted, failing) = (Arc::clone(&calls), failing_once(&fails));
    let strategy = move |fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| {
        counted.fetch_add(1, Ordering::Relaxed);
        failing.wait(fd, wanted, deadline)
    };
    let mut client = connect(&database, strategy);
    fails.store(true, Ordering::SeqCst);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        client.query_with(MANY, (), |_| -> pg_blocking::Result<()> {
            assert!(fails.load(Ordering::SeqCst), "a row after the interrupt");
            Ok(())
        })
    }));
    assert!(outcome.is_err(), "it did not panic");
    let before = calls.load(Ordering::Relaxed);
    complete(still_answers(&mut client)).unwrap();
    assert!(calls.load(Ordering::Relaxed) > before, "it waits in the plain way now");
}
