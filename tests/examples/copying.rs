//! COPY in every form: structs, CSV from a reader, bytes; and a source that fails.
//! `cargo run -p pg-tests --example copying`

use pg_blocking::pg_core::copy::{CopyFrom, CopyTo};
use pg_blocking::{Config, CopyRow, FromRow};
use pg_tests::server::Server;
use std::io::Read;

#[derive(Debug, CopyRow, FromRow)]
struct Reading {
    sensor: i32,
    celsius: Option<f64>,
    tags: Vec<String>,
}

fn reading(sensor: i32) -> Reading {
    let celsius = (sensor % 10 != 0).then_some(f64::from(sensor) / 8.0);
    Reading { sensor, celsius, tags: vec!["outside".to_owned(), format!("row \"{sensor}\"")] }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Server::try_shared()?.database();
    let mut client = Config::new(&database.url())?.connect()?;
    client.batch_execute("create table reading (tags text[], sensor int4, celsius float8)")?;

    // Structs from an iterator, in binary; the columns are found by name.
    let table = CopyFrom::table("reading");
    let mut sink = client.copy_in_rows(&table)?.on_progress(|so_far| {
        println!("  {} rows, {} bytes handed over", so_far.rows, so_far.bytes);
    });
    sink.write_all((0..5_000).map(reading))?;
    println!("{} rows taken", sink.finish()?);

    // Rows of a query, one by one, as structs.
    let hottest = CopyTo::query("select * from reading order by celsius desc nulls last limit 2");
    let mut rows = client.copy_out_rows::<Reading>(&hottest)?;
    while let Some(reading) = rows.next_as::<Reading>()? {
        println!("{reading:?}");
    }

    // CSV to anything that takes bytes, and from anything that gives them.
    let mut csv = Vec::new();
    let first = CopyTo::query("select sensor, celsius from reading where sensor < 3").csv().header();
    client.copy_out(&first.to_sql()?)?.write_to(&mut csv)?;
    print!("{}", String::from_utf8_lossy(&csv));
    let again = CopyFrom::table("reading").columns(["sensor", "celsius"]).csv().header();
    let mut sink = client.copy_in(&again.to_sql()?)?;
    sink.write_all_of(csv.as_slice())?;
    println!("{} rows read back", sink.finish()?);

    // A source that fails: nothing of this COPY remains, and the session goes on.
    let mut sink = client.copy_in(&again.to_sql()?)?;
    let error = sink.write_all_of(csv.chain(std::fs::File::open("/")?)).expect_err("a folder has no bytes");
    sink.abort("the file could not be read")?;
    println!("{error}; still {} rows", client.query_value::<i64>("select count(*) from reading", ())?);
    Ok(())
}
