//! A deadline per call and per client: it cancels, reads to the end, and says `Timeout`; the connection is usable or
//! closed after it, and no other statement is hit.

use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::message::backend::Status;
use pg_core::{ErrorKind, Result, Session};
use pg_tests::clients::{Face, still_answers};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Database, Server};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(600);
/// How much longer than its deadline a call takes where the server answers; generous, for a machine that is busy.
const SOON: Duration = Duration::from_secs(2);

async fn a_call_ends_at_its_deadline<S: Session>(client: &mut S, database: &Database) -> Result<()> {
    let started = Instant::now();
    let error = client.within(SHORT).execute("select pg_sleep(600)", ()).await.unwrap_err();
    let took = started.elapsed();
    assert!((SHORT..SHORT + SOON).contains(&took), "{took:?}");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_timeout() && !error.is_closed());
    assert_eq!(
        error.to_string(),
        "the deadline of 50ms has passed: ERROR 57014 (QUERY_CANCELED): canceling statement due to user request\n\
         STATEMENT:  select pg_sleep(600)\n\
         HINT:  give such calls more time: `session.within(..)`, or `set_deadline(..)` for all calls"
    );
    // Nothing of it runs on, and what comes next isn't hit.
    let running = "select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%' and state = 'active'";
    assert_eq!(database.sql(running)[0][0].as_deref(), Some("0"));
    still_answers(client).await
}

async fn a_session_has_a_deadline_for_all_calls<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.set_deadline(Some(SHORT));
    for _ in 0..3 {
        assert!(
            client.query_value::<String>("select pg_sleep(600)::text", ()).await.unwrap_err().is_timeout()
        );
        still_answers(client).await?;
    }
    // That of a call comes before it, and a transaction has its session's.
    client.within(LONG).execute("select pg_sleep(0.1)", ()).await?;
    let mut tx = client.begin().await?;
    assert!(tx.execute("select pg_sleep(600)", ()).await.unwrap_err().is_timeout());
    assert_eq!(tx.connection().status(), Status::Failed);
    tx.rollback().await?;
    client.set_deadline(None);
    client.execute("select pg_sleep(0.1)", ()).await?;
    still_answers(client).await
}

async fn of_two_deadlines_the_shorter_counts<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let error = client.within(LONG).within(SHORT).execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert!(error.to_string().starts_with("the deadline of 50ms has passed"), "{error}");
    let error = client.within(SHORT).within(LONG).execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert!(error.to_string().starts_with("the deadline of 50ms has passed"), "{error}");
    still_answers(client).await
}

async fn rows_and_data_are_cut_off<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let endless = "select repeat('x', 1000), case when g > 5000 then pg_sleep(600)::text end from generate_series(1, 5001) g";
    let mut short = client.within(SHORT);
    let mut rows = short.stream(endless, ()).await?;
    let error = loop {
        match rows.next_row().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream has no end"),
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout(), "{error}");
    // What was cut off is never told as complete.
    assert!(rows.next_row().await.unwrap_err().is_timeout());
    let mut short = client.within(SHORT);
    let mut copy = short.copy_out(&CopyTo::query(endless).to_sql()?).await?;
    let error = loop {
        match copy.next_piece().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the COPY has no end"),
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout(), "{error}");
    assert!(copy.next_piece().await.unwrap_err().is_timeout());
    still_answers(client).await
}

async fn a_copy_that_nobody_takes_is_cut_off<S: Session>(client: &mut S, database: &Database) -> Result<()> {
    client
        .batch_execute(
            "create table slow (n int4 not null);
             create function wait() returns trigger language plpgsql as
                 $$ begin perform pg_sleep(600); return new; end $$;
             create trigger wait before insert on slow for each row execute function wait()",
        )
        .await?;
    let mut short = client.within(SHORT);
    let mut copy = short.copy_in(&CopyFrom::table("slow").to_sql()?).await?;
    let line = "1\n".repeat(100_000);
    let error = loop {
        if let Err(error) = copy.write(line.as_bytes()).await {
            break error;
        }
    };
    assert!(error.is_timeout(), "{error}");
    assert!(copy.finish().await.unwrap_err().is_timeout(), "it isn't told as done");
    let mut short = client.within(SHORT);
    let mut copy = short.copy_in(&CopyFrom::table("slow").to_sql()?).await?;
    copy.write(b"1\n").await?;
    assert!(copy.finish().await.unwrap_err().is_timeout());
    assert_eq!(database.sql("select count(*) from slow")[0][0].as_deref(), Some("0"));
    still_answers(client).await
}

async fn a_commit_that_was_cancelled_is_known_to_be_undone<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create table kept (n int4 not null);
             create function wait() returns trigger language plpgsql as
                 $$ begin perform pg_sleep(600); return new; end $$;
             create constraint trigger wait after insert on kept
                 deferrable initially deferred for each row execute function wait()",
        )
        .await?;
    let mut tx = client.begin().await?;
    tx.execute("insert into kept values (1)", ()).await?;
    tx.set_deadline(Some(SHORT));
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    client.set_deadline(None);
    assert_eq!(client.connection().status(), Status::Idle);
    assert_eq!(database.sql("select count(*) from kept")[0][0].as_deref(), Some("0"));
    still_answers(client).await
}

async fn what_was_dropped_before_counts_too<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut rows = client.stream("select repeat('x', 1000) from generate_series(1, 10000000)", ()).await?;
    rows.next_row().await?;
    let started = Instant::now();
    // There is hardly any time left for the call, or none: that is told, and what was dropped is gone all the same.
    match client.within(Duration::from_millis(1)).ping().await {
        Ok(()) => {}
        Err(error) => assert!(error.is_timeout(), "{error}"),
    }
    assert!(started.elapsed() < SOON);
    assert!(client.connection().is_idle());
    still_answers(client).await
}

async fn a_pause_takes_its_time<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let started = Instant::now();
    client.set_deadline(Some(Duration::from_millis(1)));
    client.pause(SHORT).await?;
    assert!(started.elapsed() >= SHORT);
    client.set_deadline(None);
    let mut tx = client.begin().await?;
    tx.execute("select 1", ()).await?;
    tx.pause(Duration::ZERO).await?;
    tx.commit().await
}

async fn whoever_is_ended_in_a_pause_hears_of_it_at_once<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let pid: i32 = client.query_value("select pg_backend_pid()", ()).await?;
    client.execute("set idle_session_timeout = '10ms'", ()).await?;
    let started = Instant::now();
    let error = client.pause(LONG).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "57P05", "{error} ({pid})");
    assert!(started.elapsed() < SOON);
    Ok(())
}

pg_tests::both_clients!(
    a_call_ends_at_its_deadline,
    a_session_has_a_deadline_for_all_calls,
    of_two_deadlines_the_shorter_counts,
    rows_and_data_are_cut_off,
    a_copy_that_nobody_takes_is_cut_off,
    a_commit_that_was_cancelled_is_known_to_be_undone,
    what_was_dropped_before_counts_too,
    a_pause_takes_its_time,
    whoever_is_ended_in_a_pause_hears_of_it_at_once,
);

async fn set_when_connecting<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    assert!(client.execute("select pg_sleep(600)", ()).await.unwrap_err().is_timeout());
    assert!(
        client
            .pipeline(vec![pg_core::exchange::pipeline::execute("select pg_sleep(600)", ())])
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert!(client.batch_execute("select pg_sleep(600)").await.unwrap_err().is_timeout());
    still_answers(client).await
}

pg_tests::both_clients!(with |config| config.deadline(SHORT); set_when_connecting);

/// A server that takes statements and never says anything more: after the time for cancelling, the connection is
/// closed, and the call says so.
async fn a_server_that_is_silent_loses_the_connection<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let config = F::config(&relay.url(&database)).cancel_timeout(SHORT);
    let mut client = F::connect(&config).await.unwrap();
    still_answers(&mut client).await.unwrap();
    relay.stall(Direction::ToClient);
    let started = Instant::now();
    let error = client.within(SHORT).execute("select 1", ()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(started.elapsed() < SOON);
    assert!(client.is_closed());
    assert_eq!(client.ping().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// The server took the COMMIT and the deadline passed without an answer.
async fn a_commit_without_an_answer_is_unknown<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let config = F::config(&relay.url(&database)).cancel_timeout(SHORT);
    let mut client = F::connect(&config).await.unwrap();
    client.batch_execute("create table kept (n int4)").await.unwrap();
    let mut tx = client.begin().await.unwrap();
    tx.execute("insert into kept values (1)", ()).await.unwrap();
    tx.set_deadline(Some(SHORT));
    relay.stall(Direction::ToClient);
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::CommitUnknown);
    assert!(client.is_closed());
}

/// A way to the server's Unix socket which can be closed for those who come later.
struct Way(std::path::PathBuf);

impl Way {
    fn to(database: &Database) -> Option<Way> {
        let socket = format!(".s.PGSQL.{}", database.port());
        let folder = std::env::temp_dir().join(format!("pg-way-{}-{}", std::process::id(), database.name()));
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(database.socket_dir()?.join(&socket), folder.join(socket)).unwrap();
        Some(Way(folder))
    }

    fn url(&self, database: &Database) -> String {
        database.url_at(&self.0.to_string_lossy(), database.port(), "")
    }

    fn close(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.close();
    }
}

/// The server can't be reached by a second connection: what is late can't be cancelled, but it is read to its end if
/// that comes before the time for cancelling is over.
async fn what_can_not_be_cancelled_is_waited_for<F: Face>() {
    let database = Server::shared().database();
    let Some(way) = Way::to(&database) else { return };
    let mut client = F::connect(&F::config(&way.url(&database))).await.unwrap();
    let mut hasty = F::connect(&F::config(&way.url(&database)).cancel_timeout(SHORT)).await.unwrap();
    way.close();
    let n: i32 = client.within(SHORT).query_value("select 1 from pg_sleep(0.3)", ()).await.unwrap();
    assert_eq!(n, 1);
    // What was dropped too.
    let mut rows = client
        .stream("select repeat('x', 10000), case when g > 9 then pg_sleep(0.3)::text end from generate_series(1, 10) g", ())
        .await
        .unwrap();
    rows.next_row().await.unwrap();
    still_answers(&mut client).await.unwrap();
    // When the time is over, the reason why it could not be cancelled is told.
    let error = hasty.within(SHORT).execute("select pg_sleep(1)", ()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("the server can't be reached"), "{error}");
    assert!(hasty.is_closed());
}

pg_tests::each_client!(what_can_not_be_cancelled_is_waited_for);
pg_tests::each_client!(a_server_that_is_silent_loses_the_connection, a_commit_without_an_answer_is_unknown);
