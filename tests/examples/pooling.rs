//! A pool: each borrower finds a connection as after login, and what was prepared stays prepared.
//! `cargo run -p pg-tests --example pooling`

use pg_async::pool::{Manager, Reset, Resets};
use pg_async::{Config, Error, Session};
use pg_tests::relay::Relay;
use pg_tests::server::Server;

type Pool = deadpool::managed::Pool<Manager>;
type Failure = deadpool::managed::PoolError<Error>;

async fn work(pool: &Pool, relay: &Relay) -> Result<(), Failure> {
    {
        let mut one = pool.get().await?;
        one.batch_execute("set timezone = 'Asia/Tokyo'; create temp table mine (n int4)").await?;
        one.query_value::<i64>("select $1::int8 + 1", (1_i64,)).await?;
    }
    // The same connection, and nothing of that: it is undone ahead of the first statement, in the same round trip.
    relay.reset();
    let mut next = pool.get().await?;
    let sum: i64 = next.query_value("select $1::int8 + 1", (2_i64,)).await?;
    println!("{sum}, in {} round trip", relay.round_trips());
    let sql = "select current_setting('timezone'), to_regclass('mine')::text";
    let (zone, table): (String, Option<String>) = next.query_one(sql, ()).await?;
    println!("time zone {zone}, temporary table {table:?}");
    let sql = "select count(*) from pg_prepared_statements where statement like '%int8 + 1'";
    println!("prepared still: {}", next.query_value::<i64>(sql, ()).await?);
    drop(next);

    // A transaction that was left open goes to nobody.
    let first: i32 = pool.get().await?.query_value("select pg_backend_pid()", ()).await?;
    pool.get().await?.batch_execute("begin").await?;
    let second: i32 = pool.get().await?.query_value("select pg_backend_pid()", ()).await?;
    println!("the same server process: {}", first == second);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let resets = Resets::new([Reset::Role, Reset::Settings, Reset::TemporaryTables]);
    let manager = Manager::new(Config::new(&relay.url(&database))?).resets(resets);
    let pool = Pool::builder(manager).max_size(1).build().expect("no timeouts are asked for");
    work(&pool, &relay).await
}
