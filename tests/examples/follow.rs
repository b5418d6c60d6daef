//! A table is copied to another database and followed there: `cargo run -p pg-tests --example follow`.
//!
//! Its position is stored in the target in the same transaction as the data, so it may be killed at any point and run
//! again. Here it follows three transactions, is stopped, and goes on with a fourth.

use pg_async::pg_core::walsender::Follow;
use pg_async::{Config, Replication, ReplicationSession, Session};
use pg_tests::server::Server;
use std::time::Duration;

const TABLE: &str = "create table account (id int8 primary key, cents int8 not null)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::try_shared()?;
    let (from, to) = (server.try_database()?, server.try_database()?);
    let config = Config::new(&from.url())?;
    let (mut source, mut target) = (config.connect().await?, Config::new(&to.url())?.connect().await?);
    source.batch_execute(TABLE).await?;
    source.batch_execute("insert into account select n, 100 from generate_series(1, 1000) n").await?;
    source.batch_execute("create publication accounts for table account").await?;
    target.batch_execute(TABLE).await?;

    let walsender = config.replication(Replication::Logical);
    let follow = Follow::new(from.name(), "accounts");
    let mut first = walsender.connect().await?;
    let copied = follow.copy(&mut first, &mut source, &mut target).await?;
    println!("copied as of {copied}: {:?}", sum(&mut target).await?);

    for transactions in [3, 1] {
        for _ in 0..transactions {
            source.execute("update account set cents = cents + 1 where id <= $1", (500_i64,)).await?;
        }
        let mut walsender = walsender.connect().await?;
        let mut follower = follow.start(&mut walsender, &mut target).await?;
        for _ in 0..transactions {
            println!("applied up to {}", follower.step().await?.unwrap_or_default());
        }
        follower.stop(Duration::from_secs(5)).await?;
        println!("source {:?}, target {:?}", sum(&mut source).await?, sum(&mut target).await?);
    }
    first.drop_slot(from.name(), true).await?;
    Ok(())
}

/// How many accounts there are, and what they hold together.
async fn sum<S: Session>(session: &mut S) -> pg_async::Result<(i64, i64)> {
    session.query_one("select count(*), sum(cents)::int8 from account", ()).await
}
