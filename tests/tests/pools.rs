//! Pools: each borrower finds a connection as after login, at the cost of no round trip, and none that is broken.

use pg_async::pool::{Manager, Reset, Resets};
use pg_async::{Config, Session};
use pg_tests::clients::{block_on, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};

type Pool = deadpool::managed::Pool<Manager>;

fn manager(database: &Database) -> Manager {
    Manager::new(Config::new(&database.url()).unwrap())
}

/// Changes all that a session can keep.
async fn soil<S: Session>(client: &mut S) {
    client
        .batch_execute("set application_name = 'soiled'; create temp table left_behind (n int4)")
        .await
        .unwrap();
    client.listen("c").await.unwrap();
    client.execute("select pg_advisory_lock(7)", ()).await.unwrap();
    client.batch_execute("declare kept cursor with hold for select 1").await.unwrap();
    client.notify("c", "unread").await.unwrap();
}

async fn is_clean<S: Session>(client: &mut S) -> bool {
    let sql = "select current_setting('application_name') <> 'soiled' and to_regclass('pg_temp.left_behind') is null \
               and not exists (select from pg_listening_channels()) and not exists (select from pg_cursors where name = 'kept') \
               and not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())";
    let clean: bool = client.query_value(sql, ()).await.unwrap();
    clean && !client.connection().inbox().has_heard()
}

#[test]
fn deadpool_gives_connections_as_after_login() {
    let database = Server::shared().database();
    block_on(async {
        let pool: Pool = deadpool::managed::Pool::builder(manager(&database)).max_size(1).build().unwrap();
        soil(&mut *pool.get().await.unwrap()).await;
        assert!(is_clean(&mut *pool.get().await.unwrap()).await);
        // A stream and a transaction that were left by whoever had it.
        let mut left = pool.get().await.unwrap();
        assert!(
            left.stream("select generate_series(1, 1000000)", ())
                .await
                .unwrap()
                .next_row()
                .await
                .unwrap()
                .is_some()
        );
        drop(left);
        let mut left = pool.get().await.unwrap();
        drop(left.begin().await.unwrap());
        drop(left);
        still_answers(&mut *pool.get().await.unwrap()).await.unwrap();
        assert_eq!(pool.status().size, 1);
    });
}

#[test]
fn resets_travel_with_the_first_statement_and_statements_stay_prepared() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let manager = Manager::new(Config::new(&relay.url(&database)).unwrap());
    block_on(async {
        let pool: Pool = deadpool::managed::Pool::builder(manager).max_size(1).build().unwrap();
        let ask = async || -> i64 {
            pool.get().await.unwrap().query_value("select $1::int8", (7_i64,)).await.unwrap()
        };
        assert_eq!(ask().await, 7);
        relay.reset();
        for _ in 0..10 {
            assert_eq!(ask().await, 7);
        }
        assert_eq!(relay.round_trips(), 10);
        let prepared: i64 = pool
            .get()
            .await
            .unwrap()
            .query_value(
                "select count(*) from pg_prepared_statements where statement = 'select $1::int8'",
                (),
            )
            .await
            .unwrap();
        assert_eq!(prepared, 1);
    });
}

#[test]
fn a_connection_that_was_lost_or_left_in_a_transaction_is_replaced() {
    let database = Server::shared().database();
    block_on(async {
        let pool: Pool = deadpool::managed::Pool::builder(manager(&database)).max_size(1).build().unwrap();
        let process = async || -> i32 {
            pool.get().await.unwrap().query_value("select pg_backend_pid()", ()).await.unwrap()
        };
        let first = process().await;
        let mut other = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
        assert!(other.query_value::<bool>("select pg_terminate_backend($1, 10000)", (first,)).unwrap());
        let second = process().await;
        assert_ne!(first, second);
        pool.get().await.unwrap().batch_execute("begin").await.unwrap();
        assert_ne!(process().await, second, "its transaction was open");
    });
}

#[test]
fn bb8_and_r2d2_do_the_same() {
    let database = Server::shared().database();
    block_on(async {
        let only = Resets::new([Reset::Settings]);
        let pool = bb8::Pool::builder().max_size(1).build(manager(&database).resets(only)).await.unwrap();
        pool.get().await.unwrap().batch_execute("set application_name = 'soiled'").await.unwrap();
        let name: String = pool.get().await.unwrap().query_value("show application_name", ()).await.unwrap();
        assert_ne!(name, "soiled");
    });
    let manager = pg_blocking::pool::Manager::new(pg_blocking::Config::new(&database.url()).unwrap());
    let pool = r2d2::Pool::builder().max_size(1).build(manager).unwrap();
    pg_blocking::complete(soil(&mut *pool.get().unwrap()));
    assert!(pg_blocking::complete(is_clean(&mut *pool.get().unwrap())));
    pool.get().unwrap().batch_execute("begin").unwrap();
    pg_blocking::complete(still_answers(&mut *pool.get().unwrap())).unwrap();
}
