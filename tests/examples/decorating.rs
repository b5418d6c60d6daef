//! A session of one's own around another: every operation passes through it, whatever method began it.
//! `cargo run -p pg-tests --example decorating`

use pg_core::exchange::Exchange;
use pg_core::protocol::connection::Connection;
use pg_core::{Error, ErrorKind, Result, Run, Session};
use pg_tests::server::Server;

/// Lets no statement of an application's destroy anything, and counts what it lets pass.
struct Cautious<S> {
    inner: S,
    passed: u32,
}

impl<S> Cautious<S> {
    fn around(inner: S) -> Cautious<S> {
        Cautious { inner, passed: 0 }
    }
}

impl<S: Run> Run for Cautious<S> {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        let sql = exchange.about().sql.unwrap_or_default().trim_start().to_lowercase();
        if ["drop", "truncate"].iter().any(|word| sql.starts_with(word)) {
            return Err(Error::usage("nothing is destroyed here").with_sql(&sql));
        }
        self.passed += 1;
        self.inner.run(exchange).await
    }
}

impl<S: Session> Session for Cautious<S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

async fn work<S: Session>(session: &mut S) -> Result<i64> {
    let mut tx = session.begin().await?;
    tx.batch_execute("create temp table t as select generate_series(1, 3) n").await?;
    let sum = tx.query_value("select sum(n) from t", ()).await?;
    let refused = tx.execute("drop table t", ()).await.err();
    println!("refused: {}", refused.is_some_and(|error| error.kind() == ErrorKind::Usage));
    tx.rollback().await.map(|()| sum)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let database = Server::shared().database();
    let mut blocking = pg_blocking::Config::new(&database.url())?.connect_with(Cautious::around)?;
    println!("blocking: {}", pg_blocking::complete(work(&mut blocking))?);
    let mut asynchronous = pg_async::Config::new(&database.url())?.connect_with(Cautious::around).await?;
    println!("async: {}, and {} operations passed", work(&mut asynchronous).await?, asynchronous.passed);
    Ok(())
}
