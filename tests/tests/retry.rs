//! Transactions that are run again: for serialization failures and deadlocks, of statements and of COMMIT.

use pg_core::message::backend::Status;
use pg_core::{Blocking, ErrorKind, Isolation, Result, Retry, Session, TransactionOptions};
use pg_tests::clients::{self, AsyncFace, BlockingFace, Face, block_on, still_answers};
use pg_tests::server::{Database, Server};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A sequence counts attempts, since no rollback takes it back.
const SCHEMA: &str = "create sequence attempt;
    create table done (n int8 not null);
    create function fails(times int8, code text) returns int8 language plpgsql as $$
        declare this int8 := nextval('attempt');
        begin
            insert into done values (this);
            if this <= times then raise exception 'attempt % fails', this using errcode = code; end if;
            return this;
        end $$;
    create function fails_at_commit() returns trigger language plpgsql as $$
        begin
            if new.n <= -1 and nextval('attempt') <= 2 then raise exception 'no' using errcode = '40001'; end if;
            return new;
        end $$;
    create constraint trigger fails after insert on done
        deferrable initially deferred for each row execute function fails_at_commit()";

fn at_once() -> Retry {
    Retry::new().backoff(Duration::ZERO)
}

async fn done<S: Session>(client: &mut S) -> Result<Vec<i64>> {
    client.query_values("select n from done order by n", ()).await
}

async fn only_the_attempt_that_was_committed_remains<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for (code, this) in [("40001", 3), ("40P01", 3)] {
        client.batch_execute("alter sequence attempt restart; truncate done").await?;
        let calls = AtomicU32::new(0);
        let value = client
            .retry(at_once(), async |tx| {
                calls.fetch_add(1, Ordering::Relaxed);
                tx.query_value::<i64>("select fails(2, $1)", (code,)).await
            })
            .await?;
        assert_eq!((value, calls.load(Ordering::Relaxed)), (this, 3));
        assert_eq!(done(client).await?, [this]);
    }
    assert_eq!(client.connection().status(), Status::Idle);
    still_answers(client).await
}

/// What is passed by its name.
async fn once<S: Session>(session: &mut S) -> Result<i64> {
    let mut inner = session.begin().await?;
    let value = inner.query_value("select fails(1, '40001')", ()).await?;
    inner.commit().await?;
    Ok(value)
}

async fn a_function_is_taken_by_its_name<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    assert_eq!(client.retry(at_once(), once).await?, 2);
    assert_eq!(done(client).await?, [2]);
    Ok(())
}

async fn a_commit_that_is_known_to_have_failed_is_run_again<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client.retry(at_once(), async |tx| tx.execute("insert into done values (-1)", ()).await).await?;
    assert_eq!(done(client).await?, [-1]);
    // The body hides that its statement has failed; COMMIT tells.
    client.batch_execute("alter sequence attempt restart; truncate done").await?;
    let last = client
        .retry(at_once(), async |tx| Ok(tx.query_value::<i64>("select fails(1, '40001')", ()).await.ok()))
        .await?;
    assert_eq!((last, done(client).await?), (Some(2), vec![2]));
    Ok(())
}

async fn what_another_attempt_does_not_heal_is_told_at_once<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let error = client
        .retry(at_once(), async |tx| tx.query_value::<i64>("select fails(9, '23505')", ()).await)
        .await
        .unwrap_err();
    assert!(error.is_unique_violation());
    assert_eq!(client.query_value::<i64>("select last_value from attempt", ()).await?, 1);
    // And when all attempts have failed, the last error.
    let error = client
        .retry(at_once().attempts(4), async |tx| tx.query_value::<i64>("select fails(9, '40001')", ()).await)
        .await
        .unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().starts_with("given up after 4 attempts: ERROR 40001"), "{error}");
    assert_eq!(done(client).await?, [0_i64; 0]);
    still_answers(client).await
}

async fn inside_a_transaction_it_is_refused<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut tx = client.begin().await?;
    let error = tx.retry(at_once(), async |tx| tx.ping().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    drop(tx);
    // A guard that was dropped is over, whatever the server has said of it so far.
    client.retry(at_once(), async |tx| tx.ping().await).await?;
    still_answers(client).await
}

async fn each_attempt_begins_as_the_policy_says<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let policy = Retry::new()
        .transaction(TransactionOptions::new().read_only(true))
        .isolation(Isolation::RepeatableRead);
    let seen = client
        .retry(policy, async |tx| {
            tx.query_one::<(String, String)>(
                "select current_setting('transaction_isolation'), current_setting('transaction_read_only')",
                (),
            )
            .await
        })
        .await?;
    assert_eq!(seen, ("repeatable read".to_owned(), "on".to_owned()));
    Ok(())
}

async fn it_waits_between_attempts<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let policy = Retry::new().attempts(5).backoff(Duration::from_secs(3600)).cap(Duration::from_millis(40));
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let started = Instant::now();
        assert!(
            client
                .retry(policy, async |tx| tx.query_value::<i64>("select fails(100, '40001')", ()).await)
                .await
                .is_err()
        );
        pauses.push(started.elapsed());
    }
    assert!(pauses.iter().any(|took| *took > Duration::from_millis(20)), "{pauses:?}");
    assert!(pauses.iter().all(|took| *took < Duration::from_secs(4)), "{pauses:?}");
    Ok(())
}

pg_tests::both_clients!(
    only_the_attempt_that_was_committed_remains,
    a_function_is_taken_by_its_name,
    a_commit_that_is_known_to_have_failed_is_run_again,
    what_another_attempt_does_not_heal_is_told_at_once,
    inside_a_transaction_it_is_refused,
    each_attempt_begins_as_the_policy_says,
    it_waits_between_attempts,
);

/// Reads and writes what all others read and write: without retry most fail.
async fn counts<F: Face>(url: String, times: u32) -> Result<()> {
    let mut client = F::connect(&F::config(&url)).await?;
    let policy =
        Retry::new().isolation(Isolation::Serializable).attempts(1000).backoff(Duration::from_millis(1));
    for _ in 0..times {
        client
            .retry(policy, async |tx| {
                let n: i64 = tx.query_value("select n from counter", ()).await?;
                tx.execute("update counter set n = $1", (n + 1,)).await
            })
            .await?;
    }
    Ok(())
}

#[test]
fn nothing_is_lost_or_counted_twice_among_those_who_collide() {
    let database = Server::shared().database();
    database.sql("create table counter (n int8 not null)");
    database.sql("insert into counter values (0)");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url();
            std::thread::spawn(move || clients::pg_blocking::complete(counts::<BlockingFace>(url, 25)))
        })
        .collect();
    block_on(async {
        let tasks: Vec<_> = (0..4).map(|_| tokio::spawn(counts::<AsyncFace>(database.url(), 25))).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(database.sql("select n from counter")[0][0].as_deref(), Some("200"));
}

#[test]
fn plain_closures_of_blocking_code_are_retried() {
    let database = Server::shared().database();
    let mut client = clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    client.batch_execute(SCHEMA).unwrap();
    let mut calls = 0;
    let value: i64 = client
        .retry(at_once(), |tx| {
            calls += 1;
            let mut inner = tx.begin()?;
            let value = inner.query_value("select fails(2, '40001')", ())?;
            inner.commit()?;
            Ok(value)
        })
        .unwrap();
    assert_eq!((value, calls), (3, 3));
    // Through whatever wraps a session.
    let mut late = client.within(Duration::from_secs(60));
    assert_eq!(late.retry(at_once(), |tx| tx.query_value::<i64>("select fails(2, '40001')", ())).unwrap(), 4);
    let mut generic: Blocking<_> = Blocking::new(&mut client);
    let error = generic.retry(at_once(), |tx| tx.execute("select 1 / 0", ())).unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012");
    assert_eq!(client.query_values::<i64>("select n from done order by n", ()).unwrap(), [3, 4]);
}

/// A future of it is `Send` and holds what it borrows, in a function that knows no client.
#[test]
fn it_is_spawned_with_borrowed_arguments() {
    async fn work<S: Session>(session: &mut S, key: &str, numbers: &[i64]) -> Result<i64> {
        session
            .retry(at_once(), async |tx| {
                let mut rows = tx.stream_as::<(i64,)>("select unnest($1::int8[])", (numbers,)).await?;
                let mut sum = 0;
                while let Some((n,)) = rows.next_as::<(i64,)>().await? {
                    sum += n;
                }
                let length: i32 = tx.query_value("select length($1)", (key,)).await?;
                Ok(sum + i64::from(length))
            })
            .await
    }
    let database = Server::shared().database();
    let url = database.url();
    let sum: Result<Vec<i64>> = block_on(async {
        tokio::spawn(async move {
            let mut client = AsyncFace::connect(&AsyncFace::config(&url)).await?;
            let (key, numbers) = ("four".to_owned(), vec![1, 2, 3]);
            let mut tx = Vec::new();
            for _ in 0..2 {
                tx.push(work(&mut client, &key, &numbers).await?);
            }
            Ok(tx)
        })
        .await
        .unwrap()
    });
    assert_eq!(sum.unwrap(), [10, 10]);
}
