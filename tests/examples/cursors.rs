//! Rows part by part, a cursor that goes back, and one whose row is changed, in code for both clients.
//! `cargo run -p pg-tests --example cursors`

use pg_blocking::{Config, CursorOptions, Result, Session, Towards, complete};
use pg_tests::server::Server;

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
    let mut client = Config::new(&database.url())?.connect()?;
    client.batch_execute(
        "create table flight as select g as id, 3::int8 as free from generate_series(1::int8, 250) g",
    )?;
    complete(parts(&mut client))?;
    let open: i64 = client.query_value("select count(*) from flight where free > 0", ())?;
    println!("{open} are left open");
    Ok(())
}
