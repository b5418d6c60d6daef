//! Deadlines, retry and large objects.
//! `cargo run -p pg-tests --example staying`

use pg_blocking::{Config, Isolation, LargeObjectMode, Result, Retry, Session, complete};
use pg_tests::server::Server;
use std::time::Duration;

/// Runs again when another transaction was faster.
async fn book<S: Session>(client: &mut S, flight: i64) -> Result<i64> {
    let policy = Retry::new().isolation(Isolation::Serializable).attempts(5);
    client
        .retry(policy, async |tx| {
            let free: i64 = tx.query_value("select free from flight where id = $1", (flight,)).await?;
            tx.execute("update flight set free = $2 where id = $1", (flight, free - 1)).await?;
            Ok(free - 1)
        })
        .await
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Server::try_shared()?.database();
    let mut client = Config::new(&database.url())?.deadline(Duration::from_secs(10)).connect()?;
    client.batch_execute(
        "create table flight as select g as id, 3::int8 as free from generate_series(1::int8, 250) g",
    )?;
    println!("{} seats are left", complete(book(&mut client, 7))?);

    // A call of its own deadline: cancelled, and the session goes on.
    let late = client.within(Duration::from_millis(20)).execute("select pg_sleep(60)", ());
    println!("{}", late.expect_err("it takes a minute"));

    // A large object is read, written and sought in as a file.
    let oid = client.import_large_object("a ticket".as_bytes())?;
    let mut tx = client.begin()?;
    let mut ticket = tx.open_large_object(oid, LargeObjectMode::ReadWrite)?;
    std::io::Seek::seek(&mut ticket, std::io::SeekFrom::End(0))?;
    std::io::Write::write_all(&mut ticket, b" to Vienna")?;
    println!("{} bytes", ticket.size()?);
    ticket.close()?;
    Ok(tx.commit()?)
}
