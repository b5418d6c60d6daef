//! Replication under both clients: slots, streams, positions, and the ways a stream ends.

mod walsender;

use pg_core::config::settings::Replication;
use pg_core::exchange::{Exchange, Kind};
use pg_core::lsn::Lsn;
use pg_core::protocol::connection::Connection;
use pg_core::replication::command::{CreateSlot, Snapshot};
use pg_core::streams::Flow;
use pg_core::walsender::ReplicationSession;
use pg_core::{ErrorKind, Isolation, Result, Run, Session, SqlState, TransactionOptions};
use pg_tests::clients::{Face, pg_blocking};
use pg_tests::each_client;
use pg_tests::fake_server::{FakeServer, message};
use pg_tests::relay::{Cut, Relay};
use pg_tests::server::Server;
use pg_tests::trace::trace_session;
use std::future::Future;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};
use walsender::{Pair, SOON};

const PLAIN: [(&str, &str); 2] = [("include-xids", "0"), ("skip-empty-xacts", "1")];

async fn the_demo_streams_confirms_and_stops<F: Face>() {
    let (mut pair, slot) = Pair::<F>::with_slot("test_decoding").await;
    assert_eq!(
        (&slot.name, slot.plugin.as_deref(), &slot.snapshot),
        (&pair.slot, Some("test_decoding"), &None)
    );
    pair.sql.execute("insert into t values (1, 'it''s')", ()).await.unwrap();

    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    let mut lines = Vec::new();
    let mut end = Lsn(0);
    while lines.len() < 3 {
        let message = stream.next().await.unwrap().unwrap();
        end = message.start;
        lines.push(String::from_utf8(message.data.to_vec()).unwrap());
    }
    assert_eq!(lines, ["BEGIN", "table public.t: INSERT: id[bigint]:1 name[text]:'it''s'", "COMMIT"]);
    assert!(end > slot.consistent_point && stream.wal_end() >= end);
    assert!(stream.io_timestamp().is_some() && stream.feedback_timestamp().is_none());
    assert!(stream.try_next().await.unwrap().is_none(), "nothing more happened");

    stream.feedback(end, end, end, true).await.unwrap();
    assert!(stream.feedback_timestamp().is_some());
    stream.feedback(Lsn(1), Lsn(1), Lsn(1), false).await.unwrap();
    assert!(stream.positions().flush >= end, "positions never go back");
    stream.stop(SOON).await.unwrap();

    assert!(pair.confirmed().await >= end);
    pair.end().await;
}

async fn a_stream_is_stopped_in_the_middle_of_a_large_transaction<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    pair.sql
        .execute("insert into t select n, repeat('x', 100) from generate_series(1, 100000) n", ())
        .await
        .unwrap();
    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    for _ in 0..10 {
        stream.next().await.unwrap().unwrap();
    }
    stream.stop(SOON).await.unwrap();

    // The walsender remembers that it was stopped.
    let mut again = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    let error = again.next().await.unwrap_err();
    assert!(error.cure().unwrap().contains("connect anew"), "{error}");
    drop(again);
    pair.walsender.ping().await.unwrap();

    // All of it comes again, and is given to a function.
    pair.walsender = F::connect(&pair.config).await.unwrap();
    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    let mut rows = 0;
    let count = |message: pg_core::message::replication::XLogData<'_>| {
        rows += u32::from(message.data.starts_with(b"table"));
        Ok(if message.data.starts_with(b"COMMIT") { Flow::Stop } else { Flow::Continue })
    };
    stream.consume(count).await.unwrap();
    assert_eq!(rows, 100_000);
    drop(stream);
    pair.end().await;
}

async fn a_dropped_stream_leaves_a_session_that_goes_on<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    for rows in [0, 1, 300_000] {
        let insert = "insert into t select n, repeat('x', 100) from generate_series(1, $1::int8) n";
        pair.sql.execute(insert, (rows,)).await.unwrap();
        pair.sql.execute("truncate t", ()).await.unwrap();
        for how in ["dropped", "dropped in the middle", "forgotten"] {
            pair.walsender = F::connect(&pair.config).await.unwrap();
            let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
            if how == "dropped in the middle" && rows > 0 {
                stream.next().await.unwrap().unwrap();
            }
            if how == "forgotten" {
                std::mem::forget(stream);
            } else {
                drop(stream);
            }
            let answer = pair.walsender.show("max_wal_senders").await;
            assert_eq!(answer.as_deref().map_err(ToString::to_string), Ok("8"), "{rows} rows, {how}");
        }
    }
    pair.end().await;
}

async fn an_idle_slot_advances_and_one_with_something_unconfirmed_does_not<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    pair.sql.execute("insert into t values (1, 'x')", ()).await.unwrap();
    let mut end = Lsn(0);
    for _ in 0..3 {
        end = stream.next().await.unwrap().unwrap().start;
    }
    // Something that no slot streams moves the log on.
    for _ in 0..3 {
        pair.sql.batch_execute("create table other (); drop table other").await.unwrap();
        stream.feedback(Lsn(0), Lsn(0), Lsn(0), true).await.unwrap();
        while stream.wal_end() <= end {
            assert!(stream.try_next().await.unwrap().is_none());
        }
        assert!(stream.positions().flush < end, "what was delivered is not confirmed");
    }
    stream.confirm(end);
    while stream.positions().flush <= end {
        stream.feedback(Lsn(0), Lsn(0), Lsn(0), true).await.unwrap();
        assert!(stream.try_next().await.unwrap().is_none());
    }
    let flushed = stream.positions().flush;
    stream.stop(SOON).await.unwrap();
    assert!(pair.confirmed().await >= flushed.min(end));
    pair.end().await;
}

async fn an_error_ends_the_stream_and_the_session_goes_on<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    // Before it begins.
    let error = pair.walsender.start_logical("no_such_slot", Lsn(0), ()).await.unwrap_err();
    assert!(error.to_string().contains("no_such_slot"), "{error}");
    // The plugin's options are read once the stream has begun.
    let error = match pair.walsender.start_logical(&pair.slot, Lsn(0), [("no-such", "1")]).await {
        Ok(mut stream) => stream.next().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("no-such"), "{error}");
    // In the middle.
    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    pair.sql
        .query_value::<bool>(
            "select pg_cancel_backend(active_pid) from pg_replication_slots where slot_name = $1",
            (&pair.slot,),
        )
        .await
        .unwrap();
    let error = stream.next().await.unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(stream.is_over() && stream.next().await.unwrap().is_none());
    drop(stream);
    pair.end().await;
}

async fn what_a_walsender_does_not_take_is_refused_with_the_cure<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let walsender = &mut pair.walsender;
    let error = walsender.query::<(i32,)>("select 1", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.cure().unwrap().contains("second connection"), "{error}");
    assert!(walsender.prepare("select 1").await.is_err());
    walsender.batch_execute("insert into t values (7, 'by the walsender')").await.unwrap();
    let mut tx = walsender.begin().await.unwrap();
    tx.batch_execute("insert into t values (8, 'undone')").await.unwrap();
    tx.rollback().await.unwrap();
    let copied =
        walsender.copy_out("copy t to stdout").await.unwrap().write_to(std::io::sink()).await.unwrap();
    assert_eq!(copied, 1);
    let int8 = walsender.type_by_name("t").await.unwrap().unwrap();
    assert_eq!(int8.name(), "t", "types are looked up without parameters");
    assert_eq!(walsender.identify_system().await.unwrap().database.as_deref(), Some(pair.slot.as_str()));

    let error = pair.sql.identify_system().await.unwrap_err();
    assert!(error.cure().unwrap().contains("Config::replication"), "{error}");

    let mut physical = F::connect(&pair.config.replication(Replication::Physical)).await.unwrap();
    let error = physical.batch_execute("select 1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(physical.identify_system().await.unwrap().database, None);
}

async fn slots_of_every_kind_are_made_read_and_dropped<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let major = Server::shared().major();
    // With its transaction's snapshot.
    let reading = TransactionOptions::new().isolation(Isolation::RepeatableRead).read_only(true);
    let mut tx = pair.walsender.begin_with(reading).await.unwrap();
    let slot = CreateSlot::logical(&pair.slot, "test_decoding").temporary().snapshot(Snapshot::Use);
    assert_eq!(tx.create_slot(&slot).await.unwrap().snapshot, None);
    pair.sql.execute("insert into t values (1, 'later')", ()).await.unwrap();
    let seen = tx.copy_out("copy t to stdout").await.unwrap().write_to(std::io::sink()).await.unwrap();
    assert_eq!(seen, 0, "the snapshot is the slot's");
    tx.commit().await.unwrap();
    let error = pair.walsender.create_slot(&slot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    // A temporary slot is gone at the first error. Exported.
    let slot = CreateSlot::logical(&pair.slot, "test_decoding").snapshot(Snapshot::Export);
    assert!(pair.walsender.create_slot(&slot).await.unwrap().snapshot.is_some());
    pair.walsender.drop_slot(&pair.slot, true).await.unwrap();
    // Physical.
    for reserved in [false, true] {
        let slot = CreateSlot::physical(&pair.slot);
        let slot = if reserved { slot.reserve_wal() } else { slot };
        assert_eq!(pair.walsender.create_slot(&slot).await.unwrap().plugin, None);
        match pair.walsender.read_slot(&pair.slot).await {
            Ok(position) => assert_eq!(position.unwrap().restart.is_some(), reserved),
            Err(error) => assert!(major < 15, "{error}"),
        }
        pair.walsender.drop_slot(&pair.slot, false).await.unwrap();
    }
    let error = pair.walsender.drop_slot(&pair.slot, false).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::UNDEFINED_OBJECT));
    assert_eq!(pair.walsender.show("wal_sender_timeout").await.unwrap(), "1min");
}

async fn the_log_itself_is_streamed_more_than_once<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let mut physical = F::connect(&pair.config.clone().replication(Replication::Physical)).await.unwrap();
    physical.create_slot(&CreateSlot::physical(&pair.slot)).await.unwrap();
    let system = physical.identify_system().await.unwrap();
    let mut read = system.position;
    for slot in [Some(pair.slot.clone()), None] {
        pair.sql.execute("insert into t select coalesce(max(id), 0) + 1, 'x' from t", ()).await.unwrap();
        let now = physical.identify_system().await.unwrap().position;
        let mut stream = physical.start_physical(slot.as_deref(), read, Some(system.timeline)).await.unwrap();
        while read < now {
            let message = stream.next().await.unwrap().unwrap();
            assert_eq!(message.start, read, "the log has no gaps");
            read = Lsn(read.0 + message.data.len() as u64);
            stream.confirm(read);
        }
        stream.stop(SOON).await.unwrap();
    }
    let command = format!("START_REPLICATION PHYSICAL {read}");
    physical.start(&command).await.unwrap().stop(SOON).await.unwrap();
    let error = physical.start("IDENTIFY_SYSTEM").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    physical.drop_slot(&pair.slot, true).await.unwrap();
}

async fn a_stream_that_is_stopped_is_one_command_and_one_copy_done<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    let relay = Relay::to(&pair._database);
    let config = F::config(&relay.url(&pair._database)).replication(Replication::Logical);
    let mut walsender = F::connect(&config).await.unwrap();
    relay.record();
    relay.reset();
    let stream = walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    stream.stop(SOON).await.unwrap();
    let said = trace_session(&relay.recorded());
    // Keepalives come when they like.
    let names = said.lines().filter(|line| !line.starts_with("B CopyData"));
    let names: Vec<String> =
        names.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        names,
        [
            "F Query",
            "B CopyBothResponse",
            "F CopyDone",
            "B CopyDone",
            "B CommandComplete",
            "B CommandComplete",
            "B ReadyForQuery"
        ],
        "{said}"
    );
    drop(walsender);
    pair.walsender = F::connect(&pair.config).await.unwrap();
    pair.end().await;
}

async fn feedback_that_goes_nowhere_is_an_error<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    let relay = Relay::to(&pair._database);
    let config = F::config(&relay.url(&pair._database)).replication(Replication::Logical);
    let mut walsender = F::connect(&config).await.unwrap();
    let mut stream = walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    relay.cut(Cut::Reset);
    assert_eq!(stream.next().await.unwrap_err().kind(), ErrorKind::Io);
    assert!(stream.feedback(Lsn(7), Lsn(7), Lsn(7), false).await.unwrap_err().is_closed());
    assert!(stream.feedback_timestamp().is_none());
    drop(stream);
    drop(walsender);
    pair.walsender = F::connect(&pair.config).await.unwrap();
    pair.end().await;
}

/// The walsender tells where it is while it waits for the others, though nothing is streamed.
async fn a_slot_that_is_made_after_a_stream_while_others_write_is_refused_with_the_cure<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    pair.sql.execute("insert into t values (1, 'x')", ()).await.unwrap();
    let mut stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    while !stream.next().await.unwrap().unwrap().data.starts_with(b"COMMIT") {}
    stream.stop(SOON).await.unwrap();

    let url = pair._database.url();
    let (open, opened) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        let mut other = pg_blocking::Config::new(&url).unwrap().connect().unwrap();
        let mut tx = other.begin().unwrap();
        tx.execute("insert into t values (2, 'y')", ()).unwrap();
        open.send(()).unwrap();
        let waits = "select count(*) from pg_locks where locktype = 'transactionid' and not granted
                     and transactionid = pg_current_xact_id_if_assigned()::xid";
        while tx.query_value::<i64>(waits, ()).unwrap() == 0 {}
        tx.commit().unwrap();
    });
    opened.recv().unwrap();
    let slot = CreateSlot::logical(format!("{}_2", pair.slot), "test_decoding").temporary();
    let error = pair.walsender.create_slot(&slot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert!(error.cure().unwrap().contains("connect anew"), "{error}");
    other.join().unwrap();
    pair.end().await;
}

async fn without_an_interval_a_status_is_sent_when_it_is_asked_for<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("test_decoding").await;
    let stream = pair.walsender.start_logical(&pair.slot, Lsn(0), PLAIN).await.unwrap();
    let mut stream = stream.status_interval(Duration::ZERO);
    assert!(stream.tick().unwrap() > SOON);
    pair.sql.execute("insert into t values (1, 'x')", ()).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    assert!(stream.feedback_timestamp().is_none());
    stream.feedback(Lsn(0), Lsn(0), Lsn(0), false).await.unwrap();
    assert!(stream.feedback_timestamp().is_some());
    drop(stream);
    pair.end().await;
}

/// Notes how long the stream would wait, each time that it waits; and says when that was often enough.
struct Waits<S> {
    inner: S,
    noted: Arc<Mutex<Option<Vec<Duration>>>>,
    enough: mpsc::Sender<()>,
}

const ENOUGH: usize = 20;

impl<S: Run> Run for Waits<S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        if let (Kind::Wait, Some(noted)) = (exchange.about().kind, self.noted.lock().unwrap().as_mut()) {
            noted.extend(exchange.patience());
            if noted.len() == ENOUGH {
                self.enough.send(()).unwrap();
            }
        }
        self.inner.run(exchange)
    }
}

impl<S: Session> Session for Waits<S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

async fn a_server_that_ends_the_stream_slowly_is_waited_for_and_told_nothing<F: Face>() {
    let ((done, is_done), (enough, waited)) = (mpsc::channel(), mpsc::channel());
    let fake = FakeServer::run(move |peer| {
        peer.expect_startup();
        peer.login();
        peer.expect(b'Q');
        peer.send(message::copy_both_response(0, &[]));
        peer.expect(b'd');
        peer.send(message::copy_done());
        while peer.receive().0 != b'c' {}
        done.send(()).unwrap();
        waited.recv().unwrap();
        peer.send([message::command_complete("START_REPLICATION"), message::ready_for_query(b'I')].concat());
        peer.expect_end();
    });
    let config = F::config(&fake.url()).replication(Replication::Logical);
    let noted = Arc::new(Mutex::new(None));
    let mut session = Waits { inner: F::connect(&config).await.unwrap(), noted: Arc::clone(&noted), enough };
    let interval = Duration::from_millis(10);
    let stream = session.start_logical("slot", Lsn(0), PLAIN).await.unwrap();
    let mut stream = stream.status_interval(interval);
    stream.feedback(Lsn(1), Lsn(1), Lsn(1), false).await.unwrap();
    while is_done.try_recv().is_err() {
        assert!(stream.try_next().await.unwrap().is_none());
    }
    assert!(!stream.is_over());

    // The server takes nothing any more, and so was told nothing.
    let told = stream.feedback_timestamp().unwrap();
    let mut ticks = 0;
    while ticks < 2 {
        let until = SystemTime::now() + stream.tick().unwrap();
        while SystemTime::now() < until {}
        ticks += 1;
    }
    stream.tick().unwrap();
    assert_eq!(stream.feedback_timestamp(), Some(told));

    // Nor is it asked at once again.
    *noted.lock().unwrap() = Some(Vec::new());
    assert!(stream.next().await.unwrap().is_none());
    drop(stream);
    let noted = noted.lock().unwrap().take().unwrap();
    let at_once = noted.iter().filter(|wait| wait.is_zero()).count();
    assert!(noted.len() >= ENOUGH && at_once < ENOUGH / 2, "{noted:?}");
    drop(session);
    fake.finish();
}

each_client!(
    a_server_that_ends_the_stream_slowly_is_waited_for_and_told_nothing,
    feedback_that_goes_nowhere_is_an_error,
    a_slot_that_is_made_after_a_stream_while_others_write_is_refused_with_the_cure,
    without_an_interval_a_status_is_sent_when_it_is_asked_for,
    the_demo_streams_confirms_and_stops,
    a_stream_is_stopped_in_the_middle_of_a_large_transaction,
    a_dropped_stream_leaves_a_session_that_goes_on,
    an_idle_slot_advances_and_one_with_something_unconfirmed_does_not,
    an_error_ends_the_stream_and_the_session_goes_on,
    what_a_walsender_does_not_take_is_refused_with_the_cure,
    slots_of_every_kind_are_made_read_and_dropped,
    the_log_itself_is_streamed_more_than_once,
    a_stream_that_is_stopped_is_one_command_and_one_copy_done,
);
