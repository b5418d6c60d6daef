//! The non-blocking connection: what is polled by hand does what waits in a call does.

use pg_blocking::nonblocking::{self, Client, Operation, Polled, Task};
use pg_blocking::pg_core::exchange::collect::{All, Value};
use pg_blocking::pg_core::exchange::copy::{Copied, Flush};
use pg_blocking::pg_core::exchange::copy::{Copy, Direction as CopyDirection};
use pg_blocking::pg_core::exchange::pipeline::{self, Pipeline};
use pg_blocking::pg_core::exchange::query::Request;
use pg_blocking::pg_core::exchange::replication::Await;
use pg_blocking::pg_core::exchange::stream::{Fetch, Fetched, Stream};
use pg_blocking::pg_core::exchange::waiting::Hear;
use pg_blocking::pg_core::exchange::{Exchange, session::Ping};
use pg_blocking::pg_core::lsn::Lsn;
use pg_blocking::pg_core::message::replication::{ReplicationMessage, StatusUpdate};
use pg_blocking::pg_core::row::FromRow;
use pg_blocking::{
    Config, CopyFrom, ErrorKind, Heard, Lifecycle, Replication, ReplicationSession, Result, Session,
};
use pg_tests::clients::still_answers;
use pg_tests::fake_server::FakeServer;
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Auth, Database, Options, Server, Tls};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::BorrowedFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What an event loop does, for one descriptor.
fn wait_for(fd: BorrowedFd<'_>, writing: bool, deadline: Option<Instant>) {
    let events = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let left = left.map(|left| Timespec::try_from(left + Duration::from_millis(1)).unwrap());
    poll(&mut [PollFd::new(&fd, events)], left.as_ref()).unwrap();
}

fn finish<T>(mut task: Task<T>) -> Result<T> {
    loop {
        match task.poll()? {
            Polled::Ready(output) => return Ok(output),
            wanted => wait_for(task.as_fd(), wanted.is_write(), task.deadline()),
        }
    }
}

fn complete<E: Exchange>(client: &mut Client, operation: &mut Operation<E>) -> Result<E::Output> {
    loop {
        match client.poll(operation)? {
            Polled::Ready(output) => return Ok(output),
            wanted => wait_for(client.as_fd(), wanted.is_write(), operation.deadline()),
        }
    }
}

fn connect(url: &str) -> Client {
    finish(nonblocking::connect(&Config::new(url).unwrap())).unwrap()
}

fn number(sql: &str) -> Request<'_, (), Value<i64>> {
    Request::new(sql, (), Value::default())
}

fn answers(client: Client) -> Client {
    let task = client.task(|mut client| async move {
        still_answers(&mut client).await?;
        Ok(client)
    });
    finish(task).unwrap()
}

#[test]
fn it_connects_and_asks_without_a_call_that_waits() {
    let database = Server::shared().database();
    let mut client = connect(&database.url());
    // The answer can't be there before it is let go.
    let mut holder = Config::new(&database.url()).unwrap().connect().unwrap();
    holder.batch_execute("select pg_advisory_lock(1)").unwrap();
    let sql = "select n from pg_advisory_lock(1), generate_series(1, 3) n";
    let mut query = client.start(Request::new(sql, (), All::<(i32,)>::default()));
    assert!(!client.is_executing());
    assert_eq!(client.poll(&mut query).unwrap(), Polled::Read);
    assert!(client.is_executing());
    drop(holder);
    assert_eq!(complete(&mut client, &mut query).unwrap(), [(1,), (2,), (3,)]);
    assert!(!client.is_executing());
    assert_eq!(client.poll(&mut query).unwrap_err().kind(), ErrorKind::Usage);
    answers(client);
}

#[test]
fn tls_and_scram_and_names_are_polled_too() {
    let server =
        Server::start(Options::new().tls(Tls::Authority).user("alice", "sesame", Auth::Scram)).unwrap();
    let database = server.database();
    let url = database.url_at("localhost", database.port(), "sslmode=require&channel_binding=require");
    let config = Config::new(&url).unwrap().user("alice").password("sesame");
    let client = finish(nonblocking::connect(&config)).unwrap();
    let mut client = answers(client);
    assert!(client.connection().is_encrypted());
    // And a cancel request goes the same way.
    let mut sleep = client.start(number("select 1::int8 from pg_sleep(600)"));
    assert_eq!(client.poll(&mut sleep).unwrap(), Polled::Read);
    finish(client.cancel()).unwrap();
    assert!(complete(&mut client, &mut sleep).unwrap_err().is_cancelled());
    answers(client);
}

#[test]
fn a_failure_to_connect_says_what_the_blocking_one_says() {
    for conninfo in
        ["host=127.0.0.1 port=1 user=x", "host=/nonexistent user=x", "host=no.such.host.invalid user=x"]
    {
        let config = Config::new(conninfo).unwrap();
        let polled = finish(nonblocking::connect(&config)).unwrap_err();
        assert_eq!(polled.to_string(), config.connect().unwrap_err().to_string());
    }
}

#[test]
fn a_server_that_stalls_is_given_up_at_the_deadline() {
    let server = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.wait_for_end();
    });
    let config = Config::new(&server.url()).unwrap().connect_timeout(Duration::from_millis(100));
    let error = finish(nonblocking::connect(&config)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn operations_travel_together_and_are_polled_in_their_order() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = connect(&relay.url(&database));
    relay.reset();
    relay.stall(Direction::ToServer);
    let mut first = client.start(number("select 1::int8"));
    let mut second = client.start(number("select 1/0::int8"));
    let mut third = client.start(number("select 3::int8"));
    assert_eq!(client.poll(&mut first).unwrap(), Polled::Read);
    assert_eq!(client.poll(&mut second).unwrap(), Polled::Read);
    assert_eq!(client.poll(&mut third).unwrap(), Polled::Read);
    relay.release();
    assert_eq!(complete(&mut client, &mut first).unwrap(), 1);
    assert!(complete(&mut client, &mut second).unwrap_err().to_string().contains("22012"));
    assert_eq!(complete(&mut client, &mut third).unwrap(), 3);
    answers(client);
}

#[test]
fn one_that_was_dropped_disturbs_no_other() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = connect(&relay.url(&database));
    for which in 0..3 {
        relay.stall(Direction::ToServer);
        let sql = ["select 0::int8", "select 1::int8", "select 2::int8"];
        let mut operations: Vec<_> = sql.into_iter().map(|sql| Some(client.start(number(sql)))).collect();
        for operation in operations.iter_mut().flatten() {
            assert_eq!(client.poll(operation).unwrap(), Polled::Read);
        }
        operations[which] = None;
        relay.release();
        for (n, operation) in (0..).zip(&mut operations) {
            if let Some(operation) = operation {
                assert_eq!(complete(&mut client, operation).unwrap(), n);
            }
        }
    }
    // Nothing else runs: the answer is read away all the same.
    relay.stall(Direction::ToServer);
    let mut dropped = client.start(number("select 1::int8"));
    assert_eq!(client.poll(&mut dropped).unwrap(), Polled::Read);
    drop(dropped);
    relay.release();
    while client.is_executing() {
        wait_for(client.as_fd(), false, None);
        let _ = client.poll_idle().unwrap();
    }
    answers(client);
}

#[test]
fn a_pipeline_and_a_large_request_need_no_one_who_waits() {
    let database = Server::shared().database();
    let mut client = connect(&database.url());
    let parts = (pipeline::execute("select 1", ()), pipeline::query::<(i32,), _>("select 2", ()));
    let mut operation = client.start(Pipeline::new(parts));
    assert_eq!(complete(&mut client, &mut operation).unwrap(), (1, vec![(2,)]));
    drop(operation);
    answers(client);
    // While the link takes nothing, room to send is waited for.
    let relay = Relay::to(&database);
    let mut client = connect(&relay.url(&database));
    relay.stall(Direction::ToServer);
    let large = "x".repeat(8_000_000);
    let mut echo =
        client.start(Request::new("select $1::text", (large.as_str(),), Value::<String>::default()));
    assert_eq!(client.poll(&mut echo).unwrap(), Polled::Write);
    relay.release();
    assert!(complete(&mut client, &mut echo).unwrap() == large);
    drop(echo);
    answers(client);
}

#[test]
fn async_code_with_transactions_and_copy_is_polled_as_a_task() {
    let database = Server::shared().database();
    let client = connect(&database.url());
    let work = client.task(|mut client| async move {
        client.batch_execute("create table t (n int4, word text)").await?;
        let mut tx = client.begin().await?;
        let rows = (0..10_000).map(|n| (n, "word"));
        let copied = tx.copy_in_all(&CopyFrom::table("t"), rows).await?;
        tx.execute("delete from t where n < $1", (5,)).await?;
        tx.commit().await?;
        let mut sum = 0;
        let mut rows = client.stream("select n from t", ()).await?;
        while let Some((n,)) = rows.next_as::<(i32,)>().await? {
            sum += i64::from(n);
        }
        drop(client.begin().await?);
        Ok((client, copied, sum))
    });
    let (client, copied, sum) = finish(work).unwrap();
    assert_eq!((copied, sum), (10_000, 49_995_000 - 10));
    let mut client = answers(client).into_blocking().unwrap();
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).unwrap(), 9_995);
    let client = Client::from_blocking(client).unwrap();
    finish(answers(client).close_task()).unwrap();
}

/// Closing, as a task.
trait CloseTask {
    fn close_task(self) -> Task<()>;
}

impl CloseTask for Client {
    fn close_task(self) -> Task<()> {
        self.task(|client| client.close())
    }
}

#[test]
fn a_task_that_is_dropped_in_the_middle_leaves_nothing() {
    let database = Server::shared().database();
    let client = connect(&database.url());
    let mut work = client.task(|mut client| async move {
        let mut tx = client.begin().await?;
        tx.batch_execute("create table gone (n int4)").await?;
        tx.query_value::<i32>("select 1 from pg_sleep(600)", ()).await
    });
    while work.poll().unwrap() == Polled::Read && !sleeps(&database) {}
    drop(work);
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    let gone: bool = other.query_value("select to_regclass('gone') is null", ()).unwrap();
    assert!(gone);
    // The server ends what nobody waits for once it looks at its socket; the test's database can't be dropped before.
    other.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)' and datname = current_database() and pid <> pg_backend_pid()", ()).unwrap();
}

fn sleeps(database: &Database) -> bool {
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    let sql =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    other.query_value::<i64>(sql, ()).unwrap() == 1
}

#[test]
fn calls_of_the_session_that_are_dropped_are_settled_by_the_next() {
    let database = Server::shared().database();
    let client = connect(&database.url());
    let task = client.task(|mut client| async move {
        for sql in ["select 1 from pg_sleep(600)", "select 1 from pg_sleep(0.05)"] {
            let mut dropped = Box::pin(client.query_value::<i32>(sql, ()));
            let once = std::future::poll_fn(|context| {
                std::task::Poll::Ready(dropped.as_mut().poll(context).is_pending())
            });
            assert!(once.await);
            drop(dropped);
            still_answers(&mut client).await?;
        }
        Ok(())
    });
    let start = Instant::now();
    finish(task).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn notifications_are_waited_for_with_nothing_running() {
    let database = Server::shared().database();
    let client = connect(&database.url());
    let mut client = finish(client.task(|mut client| async move {
        client.listen("c").await?;
        Ok(client)
    }))
    .unwrap();
    let mut hear = client.start(Hear::within(Some(Duration::from_millis(20))));
    assert_eq!(complete(&mut client, &mut hear).unwrap(), None);
    let mut hear = client.start(Hear::within(None));
    assert_eq!(client.poll(&mut hear).unwrap(), Polled::Read);
    Config::new(&database.url()).unwrap().connect().unwrap().notify("c", "now").unwrap();
    let heard = complete(&mut client, &mut hear).unwrap().and_then(Heard::notification).unwrap();
    assert_eq!(heard.payload, "now");
    // As the seed page does it: look whether something has come.
    Config::new(&database.url()).unwrap().connect().unwrap().notify("c", "again").unwrap();
    while !client.connection().inbox().has_heard() {
        wait_for(client.as_fd(), false, None);
        assert_eq!(client.poll_idle().unwrap(), Polled::Read);
    }
    answers(client);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let database = Server::shared().database();
    let (mut one, mut other) = (connect(&database.url()), connect(&database.url()));
    let mut sleep = one.start(number("select 1::int8 from pg_sleep(600)"));
    assert!(other.poll(&mut sleep).unwrap_err().to_string().contains("another connection"));
    assert_eq!(one.poll(&mut sleep).unwrap(), Polled::Read);
    let mut one = answers(one);
    assert!(one.poll(&mut sleep).unwrap_err().to_string().contains("given up"));
    let mut elsewhere = other.task(|client| async move {
        std::future::pending::<()>().await;
        Ok(client)
    });
    assert!(elsewhere.poll().unwrap_err().to_string().contains("something else"));
}

#[test]
fn a_lost_link_is_told_by_whatever_is_polled() {
    let database = Server::shared().database();
    let mut client = connect(&database.url());
    let mut process = client.start(Request::new("select pg_backend_pid()", (), Value::<i32>::default()));
    let process = complete(&mut client, &mut process).unwrap();
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    assert!(other.query_value::<bool>("select pg_terminate_backend($1, 10000)", (process,)).unwrap());
    let mut ping = client.start(Ping::default());
    assert_eq!(complete(&mut client, &mut ping).unwrap_err().sqlstate().unwrap().code(), "57P01");
    let mut ping = client.start(Ping::default());
    assert!(complete(&mut client, &mut ping).unwrap_err().is_closed());
}

/// Many times what is read at once.
#[test]
fn a_stream_is_read_to_its_end_by_exchanges_alone() {
    let database = Server::shared().database();
    let mut client = connect(&database.url());
    let sql = "select n, repeat('x', 100) from generate_series(1, 50000) n";
    let mut stream = client.start(Stream::new(sql, (), <(i32, &str)>::SHAPE));
    let mut cursor = complete(&mut client, &mut stream).unwrap();
    let (mut count, mut last) = (0, 0);
    loop {
        match client.connection().poll_row(&mut cursor).unwrap() {
            Fetched::Row(row) => {
                let row = client.connection().row(&mut cursor, row).unwrap();
                (last, count) = (row.get::<(i32, &str)>().unwrap().0, count + 1);
            }
            Fetched::Read => {
                let mut fetch = client.start(Fetch);
                complete(&mut client, &mut fetch).unwrap();
            }
            Fetched::End => break,
        }
    }
    assert_eq!((count, last), (50_000, 50_000));
    answers(client);
}

#[test]
fn a_copy_that_is_left_is_failed_before_the_next_request() {
    let database = Server::shared().database();
    database.sql("create table t (n int4)");
    let mut client = connect(&database.url());
    for begun in [true, false] {
        let mut copy = client.start(Copy::new("copy t from stdin", CopyDirection::In));
        match begun {
            true => drop(complete(&mut client, &mut copy).unwrap()),
            false => assert!(matches!(client.poll(&mut copy), Ok(Polled::Read))),
        }
        drop(copy);
        let mut query = client.start(number("select count(*) from t"));
        assert_eq!(complete(&mut client, &mut query).unwrap(), 0);
    }
    answers(client);
}

#[test]
fn a_limit_holds_against_a_server_that_never_stops_sending() {
    let database = Server::shared().database();
    let client = connect(&database.url());
    let task = client.task(|mut client| async move {
        let endless = "select repeat('x', 1000) from generate_series(1, 1000000000)";
        let mut limited = client.within(Duration::from_millis(50));
        let late = limited.for_each(endless, (), |_: (String,)| Ok(())).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Timeout, "{late}");
        Ok(client)
    });
    answers(finish(task).unwrap());
}

#[test]
fn a_cancel_request_that_was_lost_ends_the_connection() {
    let database = Server::shared().database();
    let mut client = connect(&database.url());
    let mut query = client.start(number("select 1::int8"));
    // It is on its way, and then nobody looks for its end.
    let mut cancel = client.cancel();
    assert!(!matches!(cancel.poll(), Ok(Polled::Ready(()))));
    drop(cancel);
    let lost = complete(&mut client, &mut query).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Timeout, "{lost}");
    assert!(client.is_closed());
}

/// A database with a table, and a slot of test_decoding.
fn streaming() -> Database {
    let database = Server::shared().database();
    database.sql("create table t (n int4)");
    database.sql("select pg_create_logical_replication_slot(current_database(), 'test_decoding')");
    database
}

fn walsender(database: &Database) -> Client {
    let config = Config::new(&database.url()).unwrap().replication(Replication::Logical);
    finish(nonblocking::connect(&config)).unwrap()
}

/// Up to where the slot's reader has confirmed; then it is dropped.
fn confirmed(database: &Database) -> Lsn {
    let mut other = Config::new(&database.url()).unwrap().connect().unwrap();
    let sql = "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1";
    let lsn: String = other.query_value(sql, (database.name(),)).unwrap();
    let mut walsender =
        Config::new(&database.url()).unwrap().replication(Replication::Logical).connect().unwrap();
    walsender.drop_slot(database.name(), true).unwrap();
    lsn.parse().unwrap()
}

const OPTIONS: [(&str, &str); 2] = [("include-xids", "0"), ("skip-empty-xacts", "1")];
const INSERTED: [&str; 3] = ["BEGIN", "table public.t: INSERT: n[integer]:7", "COMMIT"];

/// A task streams, and hands over what comes; whoever polls it waits for its descriptor, and no longer than it says.
#[test]
fn changes_are_streamed_and_confirmed_by_a_task() {
    let database = streaming();
    let slot = database.name().to_owned();
    let (lines, changes) = mpsc::channel();
    let mut task = walsender(&database).task(|mut client| async move {
        let stream = client.start_logical(&slot, Lsn(0), OPTIONS).await?;
        let mut stream = stream.status_interval(Duration::from_millis(50));
        let mut end = Lsn(0);
        while let Some(message) = stream.next().await? {
            let line = String::from_utf8_lossy(message.data).into_owned();
            end = message.start;
            let is_last = line == "COMMIT";
            let _ = lines.send(line);
            if is_last {
                break;
            }
        }
        stream.feedback(end, end, end, true).await?;
        stream.stop(Duration::from_secs(20)).await?;
        Ok((client, end))
    });
    // Nothing is there as yet; a status is due all the same.
    for _ in 0..3 {
        assert!(matches!(task.poll(), Ok(Polled::Read)));
        wait_for(task.as_fd(), false, task.deadline());
    }
    assert!(task.deadline().is_some() && changes.try_recv().is_err());
    database.sql("insert into t values (7)");
    let (client, end) = finish(task).unwrap();
    assert_eq!(changes.iter().collect::<Vec<_>>(), INSERTED);
    drop(client);
    assert!(confirmed(&database) >= end);
}

/// The same by exchanges, kept beside their connection: what a stream does is said by whoever polls.
#[test]
fn a_replication_stream_is_polled_by_exchanges_alone() {
    let database = streaming();
    let mut client = walsender(&database);
    let start = format!(
        r#"START_REPLICATION SLOT "{}" LOGICAL 0/0 ("include-xids" '0', "skip-empty-xacts" '1')"#,
        database.name()
    );
    let mut copy = client.start(Copy::new(&start, CopyDirection::Both));
    let mut stream = complete(&mut client, &mut copy).unwrap();
    database.sql("insert into t values (7)");
    let (mut lines, mut end) = (Vec::new(), Lsn(0));
    while lines.len() < 3 {
        match client.connection().poll_copy(&mut stream).unwrap() {
            Copied::Data(frame) => {
                match ReplicationMessage::parse(client.connection().copy_data(frame)).unwrap() {
                    ReplicationMessage::XLogData(data) => {
                        end = data.start;
                        lines.push(String::from_utf8(data.data.to_vec()).unwrap());
                    }
                    ReplicationMessage::Keepalive(keepalive) => assert!(!keepalive.reply),
                }
            }
            Copied::Open => {
                let mut wait = client.start(Await(Duration::from_secs(20)));
                complete(&mut client, &mut wait).unwrap();
            }
            Copied::End(_) => panic!("the server ended the stream"),
        }
    }
    assert_eq!(lines, INSERTED);
    let status = StatusUpdate { write: end, flush: end, apply: end, ..StatusUpdate::default() };
    assert!(client.connection().put_copy_data(&stream, &status.encode()).unwrap().is_some());
    client.connection().end_copy(&stream);
    let mut flush = client.start(Flush);
    complete(&mut client, &mut flush).unwrap();
    loop {
        match client.connection().poll_copy(&mut stream).unwrap() {
            Copied::End(_) => break,
            Copied::Data(_) => {}
            Copied::Open => {
                let mut wait = client.start(Await(Duration::from_secs(20)));
                complete(&mut client, &mut wait).unwrap();
            }
        }
    }
    assert!(!client.is_executing());
    drop(client);
    assert!(confirmed(&database) >= end);
}
