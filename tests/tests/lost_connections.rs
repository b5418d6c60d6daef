//! The server or the link dies: the call that is in flight says so within a second, a COMMIT that its outcome is
//! unknown, and every later call that the connection is closed, and why. And what can't die: a pipeline that is larger
//! than all buffers between.

use pg_core::exchange::pipeline;
use pg_core::{Error, ErrorKind, Lifecycle, Session};
use pg_tests::clients::{Face, still_answers};
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::relay::{Cut, Direction, Relay};
use pg_tests::server::{Database, Options, Server, Stop, Tls, admin_query};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

const A_SECOND: Duration = Duration::from_secs(1);

/// What follows a lost connection: it is known to be closed, and each call says so at once, with the cause.
async fn assert_closed<S: Session>(client: &mut S, cause: &Error) {
    assert!(cause.is_closed(), "{cause}");
    assert!(client.is_closed());
    for _ in 0..2 {
        let started = Instant::now();
        let query = client.query_value::<i32>("select 1", ()).await.unwrap_err();
        let ping = client.ping().await.unwrap_err();
        let stream = client.stream("select 1", ()).await.map(drop).unwrap_err();
        let batch = client.batch_execute("select 1").await.unwrap_err();
        for error in [query, ping, stream, batch] {
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            assert!(error.message().starts_with("the connection is closed: "), "{error}");
            assert!(error.is_closed());
        }
        assert!(started.elapsed() < A_SECOND);
    }
    // A guard can be dropped all the same.
    if let Ok(mut tx) = client.begin().await {
        assert_eq!(tx.execute("select 1", ()).await.unwrap_err().kind(), ErrorKind::Closed);
    }
}

/// Does something to the server, in a thread, as soon as a statement sleeps there; says when it was done.
fn when_it_sleeps(url: String, act: impl FnOnce() + Send + 'static) -> JoinHandle<Instant> {
    spawn(move || {
        let sleeping =
            "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
        while admin_query(&url, sleeping).unwrap().is_empty() {}
        let now = Instant::now();
        act();
        now
    })
}

fn terminate_all(database: &Database) {
    database.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
}

async fn a_session_ended_in_a_query_says_who_did_it<F: Face>() {
    let database = Arc::new(Server::shared().database());
    for url in [database.url(), database.socket_url()] {
        let mut client = F::connect(&F::config(&url)).await.unwrap();
        let ended = when_it_sleeps(database.url(), {
            let database = Arc::clone(&database);
            move || terminate_all(&database)
        });
        let error = client.execute("select pg_sleep(600)", ()).await.unwrap_err();
        let now = Instant::now();
        assert!(now.saturating_duration_since(ended.join().unwrap()) < A_SECOND);
        assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (ErrorKind::Server, "57P01"), "{error}");
        assert_closed(&mut client, &error).await;
    }
}

async fn a_session_ended_between_queries_says_who_did_it<F: Face>() {
    let database = Server::shared().database();
    for url in [database.url(), database.socket_url()] {
        let mut client = F::connect(&F::config(&url)).await.unwrap();
        still_answers(&mut client).await.unwrap();
        terminate_all(&database);
        let started = Instant::now();
        let error = client.query_value::<i32>("select 1", ()).await.unwrap_err();
        assert!(started.elapsed() < A_SECOND);
        assert_eq!((error.kind(), error.sqlstate().unwrap().code()), (ErrorKind::Server, "57P01"), "{error}");
        assert_closed(&mut client, &error).await;
        client.close().await.ok();
    }
}

async fn a_session_ended_before_commit_did_not_commit<F: Face>() {
    let database = Server::shared().database();
    database.sql("create table entry (n int8)");
    let mut client = F::connect(&F::config(&database.url())).await.unwrap();
    let mut tx = client.begin().await.unwrap();
    tx.execute("insert into entry values (1)", ()).await.unwrap();
    terminate_all(&database);
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "57P01", "{error}");
    assert_ne!(error.kind(), ErrorKind::CommitUnknown, "the server said it before COMMIT");
    assert_closed(&mut client, &error).await;
    assert_eq!(database.sql("select count(*) from entry")[0][0].as_deref(), Some("0"));
}

async fn a_server_that_stops_at_once_is_an_io_error<F: Face>() {
    let server = Arc::new(Server::start(Options::new()).unwrap());
    let database = server.database();
    let mut client = F::connect(&F::config(&database.url())).await.unwrap();
    let mut idle = F::connect(&F::config(&database.url())).await.unwrap();
    let mut in_transaction = F::connect(&F::config(&database.url())).await.unwrap();
    let mut tx = in_transaction.begin().await.unwrap();
    tx.execute("select 1", ()).await.unwrap();
    let stopped = when_it_sleeps(database.url(), {
        let server = Arc::clone(&server);
        move || server.stop(Stop::Immediate).unwrap()
    });
    let error = client.execute("select pg_sleep(600)", ()).await.unwrap_err();
    let now = Instant::now();
    assert!(
        now.saturating_duration_since(stopped.join().unwrap()) < A_SECOND * 2,
        "and the server took its time to stop"
    );
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_closed(&mut client, &error).await;
    let error = idle.ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_closed(&mut idle, &error).await;
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    assert_closed(&mut in_transaction, &error).await;
    server.start_again().unwrap();
    still_answers(&mut F::connect(&F::config(&database.url())).await.unwrap()).await.unwrap();
}

async fn a_cut_link_is_an_io_error<F: Face>() {
    let database = Server::shared().database();
    let relay = Arc::new(Relay::to(&database));
    for how in [Cut::Fin, Cut::Reset] {
        // In the middle of a query.
        let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
        let cut = when_it_sleeps(database.url(), {
            let relay = Arc::clone(&relay);
            move || relay.cut(how)
        });
        let error = client.execute("select pg_sleep(600)", ()).await.unwrap_err();
        let now = Instant::now();
        assert!(now.saturating_duration_since(cut.join().unwrap()) < A_SECOND);
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert_closed(&mut client, &error).await;
        terminate_all(&database);
        // In the middle of a result, at a row's first byte, in its length and in its text.
        for bytes in [100_000, 100_001, 100_017, 100_100] {
            let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
            relay.cut_after(Direction::ToClient, bytes, how);
            let sql = "select repeat('x', 1000) from generate_series(1, 1000)";
            let error = client.query::<(String,)>(sql, ()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            assert_closed(&mut client, &error).await;
        }
        // Between queries.
        let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
        still_answers(&mut client).await.unwrap();
        relay.cut(how);
        let error = client.execute("select 1", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert_closed(&mut client, &error).await;
    }
}

async fn a_commit_that_lost_its_link_is_of_unknown_outcome<F: Face>() {
    let database = Server::shared().database();
    database.sql("create table entry (n int8)");
    let relay = Arc::new(Relay::to(&database));
    for how in [Cut::Fin, Cut::Reset] {
        let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
        let mut tx = client.begin().await.unwrap();
        tx.execute("insert into entry values (1)", ()).await.unwrap();
        relay.reset();
        relay.stall(Direction::ToClient);
        // The server has committed, and nobody will hear of it.
        let cutter = {
            let relay = Arc::clone(&relay);
            spawn(move || {
                relay.wait_until(|counts| counts.from_server > 0);
                relay.cut(how);
                relay.release();
            })
        };
        let error = tx.commit().await.unwrap_err();
        cutter.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
        assert!(error.message().contains("COMMIT"), "{error}");
        assert_closed(&mut client, &error).await;
    }
    assert_eq!(database.sql("select count(*) from entry")[0][0].as_deref(), Some("2"));
}

async fn a_commit_that_a_pooler_gives_up_is_of_unknown_outcome<F: Face>() {
    for (answer, kind) in [
        (Some(("08P01", "server conn crashed?")), ErrorKind::CommitUnknown),
        (Some(("57P01", "terminating connection due to administrator command")), ErrorKind::Server),
        (None, ErrorKind::CommitUnknown),
    ] {
        let fake = FakeServer::run(move |peer| {
            peer.expect_startup();
            peer.login();
            peer.expect_all(b"PBEPBES");
            for tag in ["BEGIN", "LOCK TABLE"] {
                peer.send(message::parse_complete());
                peer.send(message::bind_complete());
                peer.send(message::command_complete(tag));
            }
            peer.send(message::ready_for_query(b'T'));
            assert_eq!(peer.expect(b'Q'), b"COMMIT\0");
            if let Some((sqlstate, text)) = answer {
                peer.send(message::error_response(&[
                    (b'S', "FATAL"),
                    (b'V', "FATAL"),
                    (b'C', sqlstate),
                    (b'M', text),
                ]));
            }
            peer.close();
        });
        let mut client = F::connect(&F::config(&fake.url())).await.unwrap();
        let mut tx = client.begin().await.unwrap();
        tx.execute("lock table entry", ()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_closed(&mut client, &error).await;
        fake.finish();
    }
}

/// A server may end the session between COMMIT and ReadyForQuery: in the extended protocol it looks for that before the Sync.
async fn a_commit_that_was_answered_is_a_commit_whatever_ends_the_session<F: Face>() {
    for (is_alone, is_told) in [(false, true), (false, false), (true, true), (true, false)] {
        let fake = FakeServer::run(move |peer| {
            peer.expect_startup();
            peer.login();
            peer.expect_all(b"PBEPBES");
            let answer = |peer: &mut Peer, tag| {
                peer.send(message::parse_complete());
                peer.send(message::bind_complete());
                peer.send(message::command_complete(tag));
            };
            answer(peer, "BEGIN");
            answer(peer, "INSERT 0 1");
            peer.send(message::ready_for_query(b'T'));
            if is_alone {
                assert_eq!(peer.expect(b'Q'), b"COMMIT\0");
                peer.send(message::command_complete("COMMIT"));
            } else {
                peer.expect_all(b"PBEPBES");
                answer(peer, "INSERT 0 2");
                answer(peer, "COMMIT");
            }
            if is_told {
                let fields =
                    [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "57P01"), (b'M', "terminating connection")];
                peer.send(message::error_response(&fields));
            }
            peer.close();
        });
        let mut client = F::connect(&F::config(&fake.url())).await.unwrap();
        let mut tx = client.begin().await.unwrap();
        tx.execute("insert into entry values (1)", ()).await.unwrap();
        if is_alone {
            tx.commit().await.unwrap();
        } else {
            let rows =
                tx.commit_with(pipeline::execute("insert into entry values (2), (3)", ())).await.unwrap();
            assert_eq!(rows, 2);
        }
        // The next call hears of it.
        assert!(client.is_closed());
        let error = client.execute("select 1", ()).await.unwrap_err();
        assert!(error.is_closed(), "{error}");
        fake.finish();
    }
}

async fn a_stream_that_lost_its_link_ends_with_the_error<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
    relay.cut_after(Direction::ToClient, 1_000_000, Cut::Fin);
    let mut rows =
        client.stream("select repeat('x', 1000) from generate_series(1, 1000000)", ()).await.unwrap();
    let mut count = 0;
    let error = loop {
        match rows.next_row().await {
            Ok(Some(row)) => assert_eq!(row.get::<(&str,)>().unwrap().0.len(), 1000),
            Ok(None) => panic!("half of a result passed for a whole one"),
            Err(error) => break error,
        }
        count += 1;
    };
    assert!(count > 100);
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!(rows.next_row().await.map(|row| row.is_some()).unwrap_err().kind(), ErrorKind::Closed);
    assert_closed(&mut client, &error).await;
}

// ---- what doesn't end: more in both directions than any buffer holds ----

async fn a_pipeline_larger_than_all_buffers_completes<F: Face>() {
    let plain = Server::shared().database();
    let relay = Relay::to(&plain);
    let server = Server::start(Options::new().tls(Tls::Authority)).unwrap();
    let encrypted = server.database();
    for url in [plain.url(), plain.socket_url(), relay.url(&plain), encrypted.url_with("sslmode=require")] {
        let mut client = F::connect(&F::config(&url)).await.unwrap();
        let large = "x".repeat(20_000);
        let parts: Vec<_> = (0..2_000_i32)
            .map(|n| {
                pipeline::query_one::<(i32, String), _>("select $1::int4, $2::text", (n, large.as_str()))
            })
            .collect();
        let rows = client.pipeline(parts).await.unwrap();
        assert_eq!(rows.len(), 2_000);
        assert!((0..).zip(&rows).all(|(n, row)| row.0 == n && row.1.len() == large.len()));
        still_answers(&mut client).await.unwrap();
    }
}

pg_tests::each_client!(
    a_session_ended_in_a_query_says_who_did_it,
    a_session_ended_between_queries_says_who_did_it,
    a_session_ended_before_commit_did_not_commit,
    a_server_that_stops_at_once_is_an_io_error,
    a_cut_link_is_an_io_error,
    a_commit_that_lost_its_link_is_of_unknown_outcome,
    a_commit_that_a_pooler_gives_up_is_of_unknown_outcome,
    a_commit_that_was_answered_is_a_commit_whatever_ends_the_session,
    a_stream_that_lost_its_link_ends_with_the_error,
    a_pipeline_larger_than_all_buffers_completes,
);
