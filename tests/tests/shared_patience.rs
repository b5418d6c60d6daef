//! Tasks of a shared connection that wait, come late, or leave something behind: the others go on.

use pg_async::{Config, ErrorKind, Result, Row, Session, Shared};
use pg_core::exchange::pipeline::{self, query_one};
use pg_core::exchange::prelude::Needs;
use pg_core::exchange::{About, Exchange};
use pg_core::message::backend::Message;
use pg_core::protocol::conversation::Conversation;
use pg_core::types::native::Native;
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Options, Server, Tls};
use pg_tests::sharing::{all, connect, on_one_thread, on_threads, once, shared, still_answers};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Its answer, which comes soon.
async fn soon<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), answer).await.expect("it is stalled")
}

#[test]
fn a_call_that_is_kept_while_it_waits_stalls_nobody() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        // In the task of the others, as a stream that buffers futures has them, and in another.
        for elsewhere in [false, true] {
            let mut tx = shared.begin().await.unwrap();
            tx.execute("select 1", ()).await.unwrap();
            let mut kept: Vec<_> =
                (0..10_i64).map(|n| Box::pin(shared.query_value::<i64>("select $1 + 1", (n,)))).collect();
            let mut kept_lease = Box::pin(shared.lease());
            for call in &mut kept {
                once(call.as_mut()).await;
            }
            once(kept_lease.as_mut()).await;
            let behind = {
                let shared = shared.clone();
                async move { shared.query_value::<i64>("select 7::int8", ()).await }
            };
            let mut behind = Box::pin(async move { soon(behind).await });
            once(behind.as_mut()).await;
            drop(tx);
            let answer = if elsewhere { tokio::spawn(behind).await.unwrap() } else { behind.await };
            assert_eq!(answer.unwrap(), 7);
            soon(still_answers(&shared)).await;
            // Whoever comes late is served all the same.
            drop(soon(kept_lease).await.unwrap());
            for (n, call) in (0..).zip(kept) {
                assert_eq!(soon(call).await.unwrap(), n + 1);
            }
            still_answers(&shared).await;
        }
    });
}

#[test]
fn a_call_that_is_kept_while_it_settles_stalls_nobody() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        for _ in 0..3 {
            let mut lease = shared.lease().await.unwrap();
            lease.execute("begin", ()).await.unwrap();
            let sql = "select g from generate_series(1, 100000) g";
            lease.stream(sql, ()).await.unwrap().next_row().await.unwrap();
            drop(lease);
            let mut kept = Box::pin(shared.query_value::<i32>("select 6", ()));
            once(kept.as_mut()).await;
            soon(still_answers(&shared)).await;
            drop(soon(shared.lease()).await.unwrap());
            assert_eq!(soon(kept).await.unwrap(), 6);
        }
    });
}

#[test]
fn a_deadline_holds_while_others_have_the_connection() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let mut client = Config::new(&database.url())
            .unwrap()
            .drain_timeout(Duration::from_secs(60))
            .connect()
            .await
            .unwrap();
        client.set_deadline(Some(Duration::from_millis(100)));
        let shared = Shared::new(client);
        // A task that holds the connection waits for itself, unless it has a deadline.
        let mut tx = shared.begin().await.unwrap();
        tx.execute("insert into entry values (1)", ()).await.unwrap();
        let late = [
            soon(shared.execute("select 1", ())).await.map(drop),
            soon(shared.lease()).await.map(drop),
            soon(shared.begin()).await.map(drop),
            soon(shared.batch_execute("select 1; select 2")).await,
            soon(shared.execute_many("insert into entry values ($1)", [(2_i64,)])).await.map(drop),
        ];
        for error in late.map(Result::unwrap_err) {
            assert!(error.is_timeout(), "{error}");
            assert!(error.message().starts_with("the connection was waited for"), "{error}");
        }
        tx.commit().await.unwrap();
        still_answers(&shared).await;
        assert_eq!(shared.query_value::<i64>("select count(*) from entry", ()).await.unwrap(), 1);
        // So it does while what others have left is settled: here that takes a minute.
        let mut lease = shared.lease().await.unwrap();
        once(pin!(lease.execute("select pg_sleep(600)", ()))).await;
        drop(lease);
        for _ in 0..2 {
            let begun = Instant::now();
            assert!(soon(shared.execute("select 1", ())).await.unwrap_err().is_timeout());
            assert!(soon(shared.lease()).await.map(drop).unwrap_err().is_timeout());
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
    });
}

#[test]
fn a_dropped_request_of_many_pieces_holds_no_lock_though_nobody_comes() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table once (n int8 primary key)");
        let shared = shared(&database).await;
        let mut endless = shared.execute_many("insert into once values ($1)", (1_i64..).map(|n| (n,)));
        let locks = "select 1 from pg_locks where relation = 'once'::regclass";
        while database.sql(locks).is_empty() {
            once(endless.as_mut()).await;
            tokio::task::yield_now().await;
        }
        drop(endless);
        let begun = Instant::now();
        database.sql("insert into once values (1)");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(database.sql("select count(*) from once")[0][0].as_deref(), Some("1"));
        still_answers(&shared).await;
    });
}

#[test]
fn what_runs_in_a_transaction_begun_by_sql_is_not_told_as_done() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        for sql in ["begin", "start transaction isolation level serializable"] {
            let begin = Box::pin(shared.execute(sql, ())) as Pin<Box<dyn Future<Output = Result<u64>>>>;
            let inserts = (0..300_i64).map(|n| {
                let shared = shared.clone();
                let insert = async move { shared.execute("insert into entry values ($1)", (n,)).await };
                Box::pin(insert) as Pin<Box<dyn Future<Output = Result<u64>>>>
            });
            let mut told = all(std::iter::once(begin).chain(inserts)).await.into_iter();
            let error = told.next().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.cure().unwrap().contains("begin()"), "{error}");
            let done = told.filter(Result::is_ok).count();
            still_answers(&shared).await;
            let kept = database.sql("select count(*) from entry")[0][0].clone();
            assert_eq!(kept, Some(done.to_string()), "so many were told as done");
            assert!(done < 300);
            database.sql("delete from entry");
        }
        // One that is ended where it was begun is nobody's affair.
        let parts = vec![pipeline::execute("begin", ()), pipeline::execute("commit", ())];
        shared.pipeline(parts).await.unwrap();
        still_answers(&shared).await;
    });
}

#[test]
fn a_transaction_that_was_forgotten_takes_nobody_in() {
    on_one_thread(async {
        let database = Server::shared().database();
        database.sql("create table entry (n int8)");
        let shared = shared(&database).await;
        for is_sent in [false, true] {
            let mut lease = shared.lease().await.unwrap();
            let mut tx = lease.begin().await.unwrap();
            if is_sent {
                tx.execute("insert into entry values (1)", ()).await.unwrap();
            }
            std::mem::forget(tx);
            drop(lease);
            shared.execute("insert into entry values (2)", ()).await.unwrap();
            still_answers(&shared).await;
        }
        let kept = database.sql("select n, count(*) from entry group by n");
        assert_eq!(kept, [[Some("2".to_owned()), Some("2".to_owned())]]);
    });
}

#[test]
fn without_a_cache_tasks_describe_their_statements_side_by_side() {
    on_threads(async {
        let database = Server::shared().database();
        let client =
            Config::new(&database.url()).unwrap().statement_cache_capacity(0).connect().await.unwrap();
        let shared = Shared::new(client);
        let tasks: Vec<_> = (0..16_i64)
            .map(|task| {
                let shared = shared.clone();
                tokio::spawn(soon(async move {
                    let sql = format!("select $1 + {task}::int8 as sum");
                    for n in 0..10_i64 {
                        assert_eq!(shared.query_value::<i64>(&sql, (Native(n),)).await.unwrap(), n + task);
                        let row: Row = shared.query_one(&sql, (Native(n),)).await.unwrap();
                        assert_eq!(row.get::<i64>("sum").unwrap(), n + task);
                        assert_eq!(shared.prepare(&sql).await.unwrap().parameters.len(), 1);
                    }
                }))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        still_answers(&shared).await;
    });
}

/// An exchange that counts how many were written.
struct Counted<E>(E, Arc<AtomicUsize>);

impl<E: Exchange> Exchange for Counted<E> {
    type Output = E::Output;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.0.prepare(c)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.send(c)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.0.on_message(c, message)
    }

    fn finish(self, c: &mut Conversation) -> Result<E::Output> {
        self.0.finish(c)
    }

    fn about(&self) -> About<'_> {
        self.0.about()
    }
}

#[test]
fn no_more_is_written_than_the_link_takes_under_tls_too() {
    let server = Server::start(Options::new().tls(Tls::Authority)).unwrap();
    on_one_thread(async {
        let database = server.database();
        for mode in ["disable", "require"] {
            let relay = Relay::to(&database);
            let shared = Shared::new(connect(&relay.url_with(&database, &format!("sslmode={mode}"))).await);
            still_answers(&shared).await;
            relay.stall(Direction::ToServer);
            let written = Arc::new(AtomicUsize::new(0));
            let large = "x".repeat(300_000);
            let mut calls: Vec<_> = (0..256)
                .map(|_| {
                    shared
                        .run(Counted(query_one::<(i32,), _>("select length($1)", (&large,)), written.clone()))
                })
                .map(Box::pin)
                .collect();
            // What the system and the relay take in is some megabytes.
            let (mut before, mut round) = (0, 0);
            while round < 10 {
                for call in &mut calls {
                    once(call.as_mut()).await;
                }
                tokio::task::yield_now().await;
                let now = written.load(Ordering::Relaxed);
                round = if before == now { round + 1 } else { 0 };
                before = now;
            }
            assert!(before < 128, "sslmode={mode}: {before} requests of 300 kB were written");
            relay.release();
            assert!(all(calls).await.into_iter().all(|length| length.unwrap() == (300_000,)));
            let mut lease = shared.lease().await.unwrap();
            let memory = lease.connection().memory();
            assert!(memory < 1024 * 1024, "sslmode={mode}: {memory} bytes are kept");
        }
    });
}

/// How often a future was polled.
async fn counting<F: Future>(polls: Arc<AtomicUsize>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(context)
    })
    .await
}

#[test]
fn those_who_wait_far_behind_look_seldom() {
    on_one_thread(async {
        let database = Server::shared().database();
        let shared = shared(&database).await;
        let lease = shared.lease().await.unwrap();
        let polls: Vec<_> = (0..1000).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        let tasks: Vec<_> = polls
            .iter()
            .map(|polls| {
                let (polls, shared) = (polls.clone(), shared.clone());
                tokio::spawn(async move { counting(polls, shared.execute("select 1", ())).await })
            })
            .collect();
        while polls[0].load(Ordering::Relaxed) < 6 {
            tokio::task::yield_now().await;
        }
        let all: usize = polls.iter().map(|polls| polls.load(Ordering::Relaxed)).sum();
        assert!(all < 2500, "{all} polls, while the first was polled 6 times");
        drop(lease);
        for task in tasks {
            soon(task).await.unwrap().unwrap();
        }
        still_answers(&shared).await;
    });
}

/// A task whose future is dropped with its last waker, as some executors have them.
struct Task {
    _owned: Mutex<Pin<Box<dyn Future<Output = Result<()>> + Send>>>,
    was_woken: Arc<AtomicBool>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.was_woken.store(true, Ordering::Relaxed);
    }
}

/// Polls a call by a task that owns another, until that task is woken: then the call alone has its waker.
async fn once_by_another_task<F: Future + ?Sized>(mut call: Pin<&mut F>, shared: &Shared) {
    let shared = shared.clone();
    let mut owned = Box::pin(async move { shared.ping().await });
    once(owned.as_mut()).await;
    let was_woken = Arc::new(AtomicBool::new(false));
    let waker = Waker::from(Arc::new(Task { _owned: Mutex::new(owned), was_woken: was_woken.clone() }));
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    while !was_woken.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn the_last_waker_of_a_task_may_own_another_call() {
    let (told, hears) = mpsc::channel();
    let body = move || {
        on_one_thread(async {
            let database = Server::shared().database();
            let shared = shared(&database).await;
            // One that waits is polled by another task than before, then one that is in flight.
            let lease = shared.lease().await.unwrap();
            let mut moved = Box::pin(shared.ping());
            once_by_another_task(moved.as_mut(), &shared).await;
            once(moved.as_mut()).await;
            drop(lease);
            moved.await.unwrap();
            let mut moved = Box::pin(shared.execute("select pg_sleep(0.2)", ()));
            once_by_another_task(moved.as_mut(), &shared).await;
            once(moved.as_mut()).await;
            moved.await.unwrap();
            still_answers(&shared).await;
        });
        told.send(()).unwrap();
    };
    std::thread::spawn(body);
    hears.recv_timeout(Duration::from_secs(20)).expect("it waits for a mutex that it holds itself");
}
