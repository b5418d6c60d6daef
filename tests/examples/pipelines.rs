//! Many statements, few round trips: pipelines, a statement with many sets of parameters, a transaction in one flight.
//! `cargo run -p pg-tests --example pipelines`

use pg_blocking::pg_core::exchange::pipeline::{execute, query, query_one};
use pg_blocking::{Config, Isolation, TransactionOptions};
use pg_tests::relay::Relay;
use pg_tests::server::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Server::try_shared()?.database();
    let relay = Relay::to(&database); // counts round trips
    let mut client = Config::new(&relay.url(&database))?.connect()?;
    client.batch_execute("create table guest (id int8 primary key, name text)")?;
    let trips = |what: &str| {
        println!("  {what}: {} round trips", relay.round_trips());
        relay.reset();
    };
    trips("so far");

    // All or nothing, each with its own type of result.
    let (added, names, (count,)) = client.pipeline((
        execute("insert into guest values ($1, $2)", (1_i64, "Ada")),
        query::<(String,), _>("select name from guest", ()),
        query_one::<(i64,), _>("select count(*) from guest", ()),
    ))?;
    println!("{added} added, {names:?}, {count} in all");
    trips("a pipeline of three");

    // Each for itself: the second fails alone.
    let insert = |id: i64, name| execute("insert into guest values ($1, $2)", (id, name));
    let results = client.pipeline_each(vec![insert(2, "Bob"), insert(1, "Eve"), insert(3, "Joe")])?;
    for (index, result) in results.iter().enumerate() {
        match result {
            Ok(rows) => println!("statement {index}: {rows} row"),
            Err(error) => println!("statement {index}: {}", error.summary()),
        }
    }
    trips("a Sync each");

    // One statement, 100 sets of parameters, never prepared before.
    let sets = (100..200_i64).map(|id| (id, format!("guest {id}")));
    println!("{} rows", client.execute_many("insert into guest (id, name) values ($1, $2)", sets)?);
    trips("100 inserts");
    // More than memory would hold are sent as the link takes them; one that fails names its set, and nothing remains.
    let sets = (1_000..).map(|id: i64| (if id == 60_000 { 1 } else { id }, "somebody"));
    let error = client.execute_many("insert into guest (id, name) values ($1, $2)", sets).unwrap_err();
    println!("{}", error.summary());
    relay.reset();

    // BEGIN travels with the first statement, and COMMIT with the last: the whole transaction is one round trip.
    let tx = client.begin_with(TransactionOptions::new().isolation(Isolation::Serializable))?;
    let (_, (left,)) = tx.commit_with((
        execute("delete from guest where id > 99", ()),
        query_one("select count(*) from guest", ()),
    ))?;
    println!("{} left", i64::to_string(&left));
    trips("a transaction");
    Ok(())
}
