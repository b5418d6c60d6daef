//! Deadlines, retry, rows part by part, cursors and large objects, in code for both clients.
//! `cargo run -p pg-tests --example staying`

use pg_blocking::{
    Config, CursorOptions, Isolation, LargeObjectMode, Result, Retry, Session, Towards, complete,
};
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

/// Rows in parts, with statements in between; from the end backwards; and one changed where a cursor stands.
async fn parts<S: Session>(client: &mut S) -> Result<()> {
    let mut tx = client.begin().await?;
    let mut flights = tx.portal::<(i64, i64)>("select id, free from flight order by id", ()).await?;
    while !flights.is_complete() {
        let part = tx.fetch_portal(&mut flights, 100).await?;
        let open: i64 = tx.query_value("select count(*) from flight where free > 0", ()).await?;
        println!("{} flights, {open} of all are open", part.len());
    }
    let options = CursorOptions::new("last first").scroll(true);
    let mut cursor = tx.cursor_with::<(i64,)>(options, "select id from flight order by id", ()).await?;
    cursor.move_to(Towards::Last).await?;
    println!("{:?}", cursor.fetch(Towards::Backward(3)).await?);
    drop(cursor); // closed, and nobody waits for it
    let mut cursor = tx.cursor::<(i64,)>("to change", "select id from flight for update", ()).await?;
    cursor.fetch_next().await?;
    let full = format!("update flight set free = 0 where current of {}", cursor.quoted_name());
    cursor.session().execute(&full, ()).await?;
    cursor.close().await?;
    tx.commit().await
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Server::try_shared()?.database();
    let mut client = Config::new(&database.url())?.deadline(Duration::from_secs(10)).connect()?;
    client.batch_execute(
        "create table flight as select g as id, 3::int8 as free from generate_series(1::int8, 250) g",
    )?;
    println!("{} seats are left", complete(book(&mut client, 7))?);
    complete(parts(&mut client))?;

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
