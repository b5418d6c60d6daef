//! One connection for many tasks: `pg_async::Shared`.

use pg_async::{ErrorKind, Lifecycle, Query, Result, Row, Run, Session, Shared};
use pg_core::exchange::copy::{Copy, Direction};
use pg_core::exchange::pipeline;
use pg_core::exchange::stream::Stream;
use pg_core::row::Shape;
use pg_tests::relay::Relay;
use pg_tests::server::Server;
use pg_tests::sharing::{all, connect, on_one_thread, on_threads, once, shared, still_answers};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

const DOUBLE: Query<(i64,), (i64,)> = Query::new("select $1 * 2");

/// What a task runs: cached, first-ever and failing statements, each with its own answer.
async fn one_of_many(shared: Shared, task: i64) -> Result<()> {
    for round in 0..20 {
        let n = task * 1000 + round;
        assert_eq!(shared.query_value::<i64>("select $1::int8 + 1", (n,)).await?, n + 1);
        let sql = format!("select $1::text || 'of {task}' from generate_series(1, {})", round + 1);
        let rows: Vec<String> = shared.query_values(&sql, (n.to_string(),)).await?;
        assert_eq!(rows, vec![format!("{n}of {task}"); round as usize + 1]);
        let error = shared.execute("select 1 / ($1::int8 - $1)", (n,)).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "22012");
        let (twice, inserted, row) = shared
            .pipeline((
                DOUBLE.one((n,)),
                pipeline::execute("insert into entry values ($1)", (n,)),
                pipeline::query_one::<Row, _>("select $1 as n", (n,)),
            ))
            .await?;
        assert_eq!((twice, inserted, row.get::<i64>("n")?), ((n * 2,), 1, n));
        if round % 5 == task % 5 {
            let mut tx = shared.begin().await?;
            tx.execute("delete from entry where n = $1", (n,)).await?;
            match round % 2 {
                0 => tx.commit().await?,
                _ => drop(tx),
            }
        }
    }
    Ok(())
}

#[test]
fn many_tasks_have_each_its_own_answers() {
    for run in [on_one_thread, on_threads] as [fn(Pin<Box<dyn Future<Output = ()>>>); 2] {
        run(Box::pin(async {
            let database = Server::shared().database();
            database.sql("create table entry (n int8)");
            let shared = shared(&database).await;
            let tasks: Vec<_> = (0..64).map(|task| tokio::spawn(one_of_many(shared.clone(), task))).collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            still_answers(&shared).await;
            shared.close().await.unwrap();
        }));
    }
}

#[test]
fn under_smol_many_tasks_have_each_its_own_answers() {
    smol::block_on(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        let tasks: Vec<_> = (0..64).map(|task| smol::spawn(one_of_many(shared.clone(), task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        // One that is kept and not polled stalls nobody: whoever waits looks by itself, by smol's timer.
        let mut holder = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
        holder.execute("select pg_advisory_lock(1)", ()).unwrap();
        let sql = "select n from pg_advisory_lock_shared(1), generate_series(1, 5000) n";
        let mut kept = Box::pin(shared.query_values::<i32>(sql, ()));
        once(kept.as_mut()).await;
        holder.execute("select pg_advisory_unlock(1)", ()).unwrap();
        still_answers(&shared).await;
        assert_eq!(kept.await.unwrap().len(), 5_000);
        shared.close().await.unwrap();
    });
}

#[test]
fn what_is_run_at_once_travels_together() {
    on_one_thread(async {
        let database = Server::shared().database();
        let relay = Relay::to(&database);
        let shared = Shared::new(connect(&relay.url(&database)).await);
        for _ in 0..2 {
            relay.reset();
            let answers = all((0..200_i64).map(|n| shared.fetch_one(&DOUBLE, (n,)))).await;
            assert!((0..).zip(answers).all(|(n, answer)| answer.unwrap() == (n * 2,)));
            // The first goes ahead; the others wait for nobody.
            assert!(relay.round_trips() <= 2, "{} round trips", relay.round_trips());
        }
        // However many they are, and however large: those beyond the bounds wait for their turn.
        let answers = all((0..5000_i64).map(|n| shared.fetch_one(&DOUBLE, (n,)))).await;
        assert!((0..).zip(answers).all(|(n, answer)| answer.unwrap() == (n * 2,)));
        let large = "x".repeat(100_000);
        let echoed = all((0..100).map(|_| shared.query_value::<String>("select $1", (&large,)))).await;
        assert!(echoed.into_iter().all(|echo| echo.unwrap() == large));
        let mut lease = shared.lease().await.unwrap();
        assert!(lease.connection().memory() < 2 * 1024 * 1024, "{} bytes", lease.connection().memory());
    });
}

#[test]
fn a_statement_that_fails_for_the_first_of_many_fails_for_each_in_its_own_words() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        for error in all((0..20).map(|_| shared.execute("select * from missing", ()))).await {
            assert_eq!(error.unwrap_err().sqlstate().unwrap().code(), "42P01");
        }
        still_answers(&shared).await;
        // One that went stale is healed for all.
        database.sql("create table t (a int4)");
        for columns in 1..4 {
            let rows = all((0..20).map(|_| shared.query_one::<Row>("select * from t left join (values (1)) on true union all select * from t left join (values (1)) on true limit 1", ()))).await;
            assert!(rows.iter().all(|row| row.is_err()) || rows.iter().all(|row| row.is_ok()));
            let described = shared.prepare("table t").await.unwrap();
            assert!(!described.columns.is_empty());
            let _ = columns;
        }
        for round in 0..4 {
            let rows = all((0..20).map(|_| shared.query::<Row>("select *, 1 as one from t", ()))).await;
            assert!(rows.into_iter().all(|rows| rows.unwrap().is_empty()));
            database.sql(&format!("alter table t add column b{round} int4"));
        }
        still_answers(&shared).await;
    });
}

#[test]
fn a_call_that_is_dropped_at_any_poll_leaves_the_others_their_answers() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        for polls in 0..12 {
            for dropped in 0..3 {
                let calls: Vec<_> = (0..3_i64)
                    .map(|n| {
                        let shared = shared.clone();
                        let sql = format!("select $1::int8, repeat('x', 50) from generate_series(1, 300) /* {polls} {dropped} */");
                        async move { shared.query::<(i64, String)>(&sql, (n,)).await }
                    })
                    .map(Box::pin)
                    .collect();
                let mut calls: Vec<_> = calls.into_iter().map(Some).collect();
                let mut outputs = Vec::new();
                let mut left: u32 = polls;
                poll_fn(|context| {
                    if left == 0 {
                        calls[dropped] = None;
                    }
                    left = left.saturating_sub(1);
                    for (n, call) in (0_i64..).zip(&mut calls) {
                        if let Some(future) = call
                            && let Poll::Ready(rows) = future.as_mut().poll(context)
                        {
                            outputs.push((n, rows.unwrap()));
                            *call = None;
                        }
                    }
                    if calls.iter().all(Option::is_none) {
                        return Poll::Ready(());
                    }
                    if left > 0 {
                        context.waker().wake_by_ref();
                    }
                    Poll::Pending
                })
                .await;
                assert!(outputs.len() >= 2);
                assert!(
                    outputs.iter().all(|(n, rows)| rows.len() == 300 && rows.iter().all(|row| row.0 == *n))
                );
                still_answers(&shared).await;
            }
        }
    });
}

#[test]
fn a_dropped_statement_of_600_seconds_is_cancelled_where_nobody_is_behind_it() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        for _ in 0..3 {
            once(pin!(shared.execute("select pg_sleep(600)", ()))).await;
            let begun = Instant::now();
            still_answers(&shared).await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        }
        // With somebody behind it, it is not: the request might hit them.
        let mut behind = Box::pin(shared.query_value::<i32>("select 7", ()));
        {
            let sleeping = pin!(shared.execute("select pg_sleep(0.5)", ()));
            once(sleeping).await;
            once(behind.as_mut()).await;
        }
        assert_eq!(behind.await.unwrap(), 7);
        still_answers(&shared).await;
    });
}

#[test]
fn a_call_that_is_kept_and_not_polled_stalls_nobody() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        // In the task of the others, and in another.
        for elsewhere in [false, true] {
            let mut kept = Box::pin(
                shared
                    .query::<(i32, String)>("select g, repeat('x', 100) from generate_series(1, 2000) g", ()),
            );
            once(kept.as_mut()).await;
            for n in 0..20_i64 {
                let shared = shared.clone();
                let answer = async move { shared.fetch_one(&DOUBLE, (n,)).await };
                let answer = async {
                    tokio::time::timeout(Duration::from_secs(2), answer).await.expect("it is stalled")
                };
                let answer = if elsewhere { tokio::spawn(answer).await.unwrap() } else { answer.await };
                assert_eq!(answer.unwrap(), (n * 2,));
            }
            let rows = kept.await.unwrap();
            assert!(rows.len() == 2000 && rows.iter().zip(1..).all(|(row, n)| row.0 == n));
            still_answers(&shared).await;
        }
    });
}

#[test]
fn of_what_is_not_taken_1_mib_is_kept() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        let sql = "select repeat('x', 1000) from generate_series(1, 20000)";
        let mut kept = Box::pin(shared.query_values::<String>(sql, ()));
        let mut small = Box::pin(shared.query_value::<i32>("select 7", ()));
        once(kept.as_mut()).await;
        once(small.as_mut()).await;
        once(kept.as_mut()).await;
        still_answers(&shared).await;
        let error = kept.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(!shared.is_closed() && !error.is_closed());
        assert_eq!(small.await.unwrap(), 7, "this one fits");
        still_answers(&shared).await;
        // Polled, it is as large as it likes.
        assert_eq!(shared.query_values::<String>(sql, ()).await.unwrap().len(), 20_000);
    });
}

#[test]
fn a_transaction_has_the_connection_for_itself() {
    on_threads(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        let mut tx = shared.begin().await.unwrap();
        tx.execute("insert into entry values (1)", ()).await.unwrap();
        let mut outside = Box::pin(shared.query_value::<i64>("select count(*) from entry", ()));
        once(outside.as_mut()).await;
        let mut nested = tx.begin().await.unwrap();
        nested.execute("insert into entry values (2)", ()).await.unwrap();
        drop(nested);
        once(outside.as_mut()).await;
        drop(tx);
        assert_eq!(outside.await.unwrap(), 0, "dropped, it was rolled back");

        let mut tx = shared.begin().await.unwrap();
        tx.execute("insert into entry values (1)", ()).await.unwrap();
        tx.commit_with(pipeline::execute("insert into entry values (2)", ())).await.unwrap();
        let tx = shared.begin().await.unwrap();
        let failed = tx.commit_with(pipeline::execute("insert into missing values (2)", ())).await;
        assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "42P01");
        let tx = shared.begin().await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(shared.query_value::<i64>("select count(*) from entry", ()).await.unwrap(), 2);

        // First come, first served; whoever gives up its place is passed over.
        let mut lease = shared.lease().await.unwrap();
        let mut second = Box::pin(shared.lease());
        let mut third = Box::pin(shared.lease());
        let mut fourth = Box::pin(shared.query_value::<i32>("select 4", ()));
        once(second.as_mut()).await;
        once(third.as_mut()).await;
        once(fourth.as_mut()).await;
        lease.execute("set application_name = 'leased'", ()).await.unwrap();
        drop(second);
        drop(lease);
        let mut third = third.await.unwrap();
        once(fourth.as_mut()).await;
        assert_eq!(third.query_value::<String>("show application_name", ()).await.unwrap(), "leased");
        // What a lease leaves open or unread, nobody finds.
        third.execute("begin", ()).await.unwrap();
        let _ =
            third.stream("select g from generate_series(1, 100000) g", ()).await.unwrap().next_row().await;
        drop(third);
        assert_eq!(fourth.await.unwrap(), 4);
        still_answers(&shared).await;
    });
}

#[test]
fn what_needs_the_connection_for_itself_gets_it_or_is_refused() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        let calls = (0..10_i64).map(|n| {
            let shared = shared.clone();
            async move {
                shared
                    .execute_many("insert into entry values ($1)", (0..1000).map(|at| (n * 1000 + at,)))
                    .await?;
                shared.batch_execute("select 1; insert into entry values (-1)").await?;
                shared.pipeline((0..600).map(|_| DOUBLE.one((n,))).collect::<Vec<_>>()).await?;
                shared.ping().await?;
                shared.query_value::<i64>("select count(*) from entry where n >= 0", ()).await
            }
        });
        let counts = all(calls).await;
        assert!(counts.into_iter().any(|count| count.unwrap() == 10_000));
        // A COPY, which would take what others send for its data.
        let copies = all((0..5).map(|n| {
            let shared = shared.clone();
            async move {
                match n % 2 {
                    0 => shared.execute("copy entry from stdin", ()).await.map_err(|error| error.kind()),
                    _ => Ok(shared.fetch_one(&DOUBLE, (n,)).await.unwrap().0 as u64),
                }
            }
        }));
        assert_eq!(
            copies.await,
            [Err(ErrorKind::Usage), Ok(2), Err(ErrorKind::Usage), Ok(6), Err(ErrorKind::Usage)]
        );
        let refused = shared.run(Stream::new("select 1", (), &Shape::DYNAMIC)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
        let refused = shared.run(Copy::new("copy entry from stdin", Direction::In)).await.unwrap_err();
        assert_eq!(refused.cure(), Some("lease() it, or begin()"), "{refused}");
        still_answers(&shared).await;
    });
}

#[test]
fn a_lost_connection_is_told_to_all_who_wait() {
    on_threads(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        let process: i32 = shared.query_value("select pg_backend_pid()", ()).await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let shared = shared.clone();
                tokio::spawn(async move {
                    match n % 4 {
                        3 => shared.lease().await.map(drop),
                        _ => shared.execute("select pg_sleep(600)", ()).await.map(drop),
                    }
                })
            })
            .collect();
        while database.sql("select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()")[0][0].as_deref() != Some("1") {
            tokio::task::yield_now().await;
        }
        database.sql(&format!("select pg_terminate_backend({process})"));
        let mut told = 0;
        for task in tasks {
            told += u32::from(
                tokio::time::timeout(Duration::from_secs(5), task).await.expect("told").unwrap().is_err(),
            );
        }
        assert!(told >= 15, "{told} of 20 were told");
        assert!(shared.is_closed());
        let error = shared.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    });
}

#[test]
fn closed_by_one_handle_it_is_closed_for_all() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        let other = shared.clone();
        assert_eq!(other.query_value::<i32>("select 1", ()).await.unwrap(), 1);
        shared.close().await.unwrap();
        assert!(other.is_closed());
        assert_eq!(other.ping().await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(other.lease().await.map(drop).unwrap_err().kind(), ErrorKind::Closed);
    });
}

/// Generic code over what can run an exchange: a shared connection, a client, a transaction.
async fn double<R: Run>(run: &mut R, n: i64) -> Result<i64> {
    run.run(DOUBLE.one((n,))).await.map(|row| row.0)
}

#[test]
fn generic_code_takes_it_as_it_takes_a_client() {
    on_threads(async {
        let database = Server::shared().database();
        let mut client = connect(&database.url()).await;
        assert_eq!(double(&mut client, 2).await.unwrap(), 4);
        let mut tx = client.begin().await.unwrap();
        assert_eq!(double(&mut tx, 2).await.unwrap(), 4);
        drop(tx);
        client.cancel_token();
        let mut shared = Shared::new(client);
        assert_eq!(double(&mut shared, 2).await.unwrap(), 4);
        let word = String::from("borrowed");
        let spawned = {
            let (shared, word) = (shared.clone(), word.clone());
            tokio::spawn(async move {
                let sets = [String::from("a"), String::from("b")];
                let rows: Vec<(String,)> =
                    shared.query_many("select $1 || $2", sets.iter().map(|set| (set, &word))).await?;
                let mut seen = 0;
                shared
                    .for_each("select $1", (&word,), |_: (String,)| {
                        seen += 1;
                        Ok(())
                    })
                    .await?;
                let mut tx = shared.begin().await?;
                let inner: String = tx.query_value("select $1", (&word,)).await?;
                tx.commit_with((pipeline::execute("select $1", (word.as_str(),)),)).await?;
                Ok::<_, pg_async::Error>((rows.len(), seen, inner))
            })
        };
        assert_eq!(spawned.await.unwrap().unwrap(), (2, 1, word));
    });
}
