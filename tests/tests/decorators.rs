//! Decorators: whatever wraps a session is one, and sees every exchange.

use pg_core::exchange::{Exchange, Kind, pipeline};
use pg_core::protocol::connection::Connection;
use pg_core::{Blocking, Result, Run, Session};
use pg_tests::clients::{self, still_answers};
use pg_tests::server::{Database, Server};
use std::future::Future;

/// What was run, in words, whether it succeeded or not.
#[derive(Debug, Default, Clone, PartialEq)]
struct Log(Vec<String>);

/// Notes every exchange, and how it went.
struct Logging<'l, S> {
    inner: S,
    log: &'l mut Log,
}

impl<S: Run> Run for Logging<'_, S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        let about = exchange.about();
        let (sql, parameters) = (about.sql.unwrap_or_default().to_owned(), about.parameters);
        let kind = about.kind;
        async move {
            let outcome = self.inner.run(exchange).await;
            let mark = if outcome.is_ok() { "" } else { "!" };
            if kind != Kind::Fetch {
                self.log.0.push(format!("{kind:?}{mark} {sql} ({parameters})").trim().to_owned());
            }
            outcome
        }
    }
}

impl<S: Session> Session for Logging<'_, S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

/// Counts exchanges by kind.
struct Counting<S> {
    inner: S,
    exchanges: usize,
    fetches: usize,
}

impl<S: Run> Run for Counting<S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        match exchange.about().kind {
            Kind::Fetch => self.fetches += 1,
            _ => self.exchanges += 1,
        }
        self.inner.run(exchange)
    }
}

impl<S: Session> Session for Counting<S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

/// Ordinary generic code that knows of no decorator.
async fn work<S: Session>(session: &mut S) -> Result<i64> {
    session.batch_execute("create temp table if not exists t (n int4)").await?;
    let mut tx = session.begin().await?;
    tx.execute("insert into t select generate_series(1, $1)", (10,)).await?;
    let mut nested = tx.begin().await?;
    nested.pipeline((pipeline::execute("delete from t", ()), pipeline::execute("select 1", ()))).await?;
    nested.rollback().await?;
    let mut sum = 0;
    let mut rows = tx.stream_as::<(i32,)>("select n from t", ()).await?;
    while let Some((n,)) = rows.next_as::<(i32,)>().await? {
        sum += i64::from(n);
    }
    let mut nested = tx.begin().await?;
    assert!(nested.query::<(i32,)>("select nonsense", ()).await.is_err());
    drop(nested);
    count_down(tx.session(), 2).await?;
    tx.commit().await?;
    session.prepare("select 1").await?;
    session.ping().await?;
    session.execute("drop table t", ()).await?;
    Ok(sum)
}

/// A recursive function has the same type at every depth, because it takes the session beneath.
async fn count_down<S: Session>(session: &mut S, depth: u32) -> Result<()> {
    let mut tx = session.begin().await?;
    tx.execute("insert into t values (0)", ()).await?;
    if depth > 0 {
        Box::pin(count_down(tx.session(), depth - 1)).await?;
    }
    tx.commit().await
}

const EXPECTED: &[&str] = &[
    "Batch create temp table if not exists t (n int4) (0)",
    "Begin BEGIN (0)",
    "Query insert into t select generate_series(1, $1) (1)",
    "Begin BEGIN (0)",
    "Pipeline delete from t (0)",
    "Rollback  (0)",
    "Stream select n from t (0)",
    "Begin BEGIN (0)",
    "Query! select nonsense (0)",
    "Begin BEGIN (0)",
    "Query insert into t values (0) (0)",
    "Begin BEGIN (0)",
    "Query insert into t values (0) (0)",
    "Begin BEGIN (0)",
    "Query insert into t values (0) (0)",
    "Commit  (0)",
    "Commit  (0)",
    "Commit  (0)",
    "Commit  (0)",
    "Prepare select 1 (0)",
    "Ping  (0)",
    "Query drop table t (0)",
];

async fn a_decorator_sees_every_exchange<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        let mut log = Log::default();
        let mut logging = Logging { inner: &mut *client, log: &mut log };
        assert_eq!(work(&mut logging).await?, 55);
        still_answers(&mut logging).await?;
        assert_eq!(log.0[..EXPECTED.len()], *EXPECTED);
    }
    still_answers(client).await
}

async fn decorators_stack<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let (mut outer, mut inner) = (Log::default(), Log::default());
    let logging = Logging { inner: &mut *client, log: &mut inner };
    let counting = Counting { inner: logging, exchanges: 0, fetches: 0 };
    let mut both = Logging { inner: counting, log: &mut outer };
    assert_eq!(work(&mut both).await?, 55);
    // Around a transaction as around a client.
    let mut tx = both.begin().await?;
    let mut log = Log::default();
    let mut inside = Logging { inner: &mut tx, log: &mut log };
    assert_eq!(inside.query_value::<i32>("select 1", ()).await?, 1);
    let mut nested = inside.begin().await?;
    assert_eq!(nested.query_value::<i32>("select 2", ()).await?, 2);
    nested.commit().await?;
    assert_eq!(log.0.len(), 4);
    tx.commit().await?;
    let counting = both.inner;
    let (exchanges, fetches) = (counting.exchanges, counting.fetches);
    assert_eq!(outer, inner);
    assert_eq!(exchanges, inner.0.len());
    assert!(fetches <= 10, "a fetch is a read, not a row: {fetches}");
    still_answers(client).await
}

pg_tests::both_clients!(a_decorator_sees_every_exchange, decorators_stack);

#[test]
fn a_decorated_blocking_session_has_plain_methods() {
    let database = Server::shared().database();
    let client = clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    let mut log = Log::default();
    let mut client = Blocking::new(Logging { inner: client.into_inner(), log: &mut log });
    client.batch_execute("create table t (n int4)").unwrap();
    let mut tx = client.begin().unwrap();
    tx.execute("insert into t values ($1)", (1,)).unwrap();
    let mut rows = tx.stream("select n from t", ()).unwrap();
    assert_eq!(rows.next_as::<(i32,)>().unwrap(), Some((1,)));
    tx.commit().unwrap();
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).unwrap(), 1);
    drop(client);
    assert_eq!(log.0.len(), 6);
}
