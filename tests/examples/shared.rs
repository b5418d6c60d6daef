//! One connection, many tasks: `pg_async::Shared`. `cargo run -p pg-tests --example shared`

use pg_async::{Config, Error, Session, Shared};
use pg_tests::relay::Relay;
use pg_tests::server::Server;
use std::time::Instant;

/// What a task does: its statements travel with those of the others.
async fn visit(shared: Shared, guest: i64) -> Result<i64, Error> {
    shared.execute("insert into visit values ($1)", (guest,)).await?;
    shared.query_value("select count(*) from visit where guest = $1", (guest,)).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Server::try_shared()?.database();
    database.sql("create table visit (guest int8)");
    let relay = Relay::to(&database); // counts round trips
    let client = Config::new(&relay.url(&database))?.connect().await?;
    let shared = Shared::new(client);
    relay.reset();

    let begun = Instant::now();
    let tasks: Vec<_> = (0..64).map(|guest| tokio::spawn(visit(shared.clone(), guest))).collect();
    for task in tasks {
        assert_eq!(task.await??, 1);
    }
    println!("128 statements of 64 tasks took {} round trips, {:?}", relay.round_trips(), begun.elapsed());

    // A transaction has the connection for itself; the others wait, and never see the inside of it.
    let counting = shared.clone();
    let mut tx = shared.begin().await?;
    tx.execute("delete from visit", ()).await?;
    let outside =
        tokio::spawn(async move { counting.query_value::<i64>("select count(*) from visit", ()).await });
    println!("inside: {}", tx.query_value::<i64>("select count(*) from visit", ()).await?);
    drop(tx); // rolled back, and given back
    println!("outside, afterwards: {}", outside.await??);

    // So has whoever reads rows one by one: on a lease.
    let mut lease = shared.lease().await?;
    let mut rows = lease.stream("select guest from visit order by guest desc", ()).await?;
    if let Some(row) = rows.next_row().await? {
        println!("the last guest is {}", row.get::<(i64,)>()?.0);
    }
    drop(lease); // unread rows are read away by whoever comes next

    // A dropped call is nobody else's affair.
    let slow = shared.execute("select pg_sleep(600)", ());
    let _ = tokio::time::timeout(std::time::Duration::from_millis(50), slow).await;
    println!("and it still answers: {}", shared.query_value::<i32>("select 42", ()).await?);
    shared.close().await?;
    Ok(())
}
