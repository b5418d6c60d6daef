//! Pools: each borrower finds a connection as after login, at the cost of no round trip, and none that is broken.
//!
//! Each test runs with each crate that pools, also where it doesn't look at a connection before it lends it; a pool has
//! one connection, which all borrowers get.

use pg_core::pool::{Reset, Resets};
use pg_core::types::run_time::CodecContext;
use pg_core::types::via::Via;
use pg_core::{Error, FromSql, Heard, Session, ToSql};
use pg_tests::clients::{block_on, pg_async, pg_blocking, still_answers};
use pg_tests::pools::Lends;
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn asynchronous(url: &str, resets: Resets) -> pg_async::pool::Manager {
    pg_async::pool::Manager::new(pg_async::Config::new(url).unwrap()).resets(resets)
}

async fn bb8(url: &str, resets: Resets, checks: bool) -> bb8::Pool<pg_async::pool::Manager> {
    let builder = bb8::Pool::builder().max_size(1).test_on_check_out(checks);
    builder.build(asynchronous(url, resets)).await.unwrap()
}

fn r2d2(url: &str, resets: Resets, checks: bool) -> r2d2::Pool<pg_blocking::pool::Manager> {
    let manager = pg_blocking::pool::Manager::new(pg_blocking::Config::new(url).unwrap()).resets(resets);
    r2d2::Pool::builder().max_size(1).test_on_check_out(checks).build(manager).unwrap()
}

/// Makes tests of a body `async fn<L: Lends>(&L, &Database, &Relay)`: one for each crate that pools, and for those that
/// may be told not to look at a connection before they lend it, one more.
macro_rules! each_pool {
    ($resets:expr; $($body:ident),+ $(,)?) => { $(
        mod $body {
            use super::*;

            fn run_bb8(checks: bool) {
                let database = Server::shared().database();
                let relay = Relay::to(&database);
                block_on(async {
                    let pool = bb8(&relay.url(&database), $resets, checks).await;
                    super::$body(&pool, &database, &relay).await;
                });
            }

            fn run_r2d2(checks: bool) {
                let database = Server::shared().database();
                let relay = Relay::to(&database);
                let pool = r2d2(&relay.url(&database), $resets, checks);
                pg_blocking::complete(super::$body(&pool, &database, &relay));
            }

            #[test]
            fn deadpool() {
                let database = Server::shared().database();
                let relay = Relay::to(&database);
                let manager = asynchronous(&relay.url(&database), $resets);
                block_on(async {
                    let pool = deadpool::managed::Pool::builder(manager).max_size(1).build().unwrap();
                    super::$body::<deadpool::managed::Pool<_>>(&pool, &database, &relay).await;
                });
            }

            #[test]
            fn bb8_that_checks() {
                run_bb8(true);
            }

            #[test]
            fn bb8_that_does_not() {
                run_bb8(false);
            }

            #[test]
            fn r2d2_that_checks() {
                run_r2d2(true);
            }

            #[test]
            fn r2d2_that_does_not() {
                run_r2d2(false);
            }
        }
    )+ };
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

async fn process<S: Session>(client: &mut S) -> i32 {
    client.query_value("select pg_backend_pid()", ()).await.unwrap()
}

async fn connections_are_as_after_login<L: Lends>(pool: &L, _: &Database, _: &Relay) {
    let mut lent = pool.lend().await;
    let first = process(&mut *lent).await;
    soil(&mut *lent).await;
    drop(lent);
    assert!(is_clean(&mut *pool.lend().await).await);
    // A stream and a transaction that were left by whoever had it.
    let mut left = pool.lend().await;
    let mut rows = left.stream("select generate_series(1, 1000000)", ()).await.unwrap();
    assert!(rows.next_row().await.unwrap().is_some());
    drop(left);
    let mut left = pool.lend().await;
    let mut transaction = left.begin().await.unwrap();
    transaction.execute("select 1", ()).await.unwrap();
    drop(transaction);
    drop(left);
    let mut lent = pool.lend().await;
    still_answers(&mut *lent).await.unwrap();
    assert_eq!(process(&mut *lent).await, first);
}

async fn a_transaction_that_was_left_open_goes_to_nobody<L: Lends>(pool: &L, _: &Database, _: &Relay) {
    let mut lent = pool.lend().await;
    let first = process(&mut *lent).await;
    lent.batch_execute("begin").await.unwrap();
    drop(lent);
    let mut lent = pool.lend().await;
    assert_ne!(process(&mut *lent).await, first, "its transaction was open");
    still_answers(&mut *lent).await.unwrap();
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    n: i32,
}

const IS_PUBLIC: &str = "select pg_typeof($1) = 'public.item'::regtype";

async fn a_path_that_was_set_is_left_before_anything_is_planned<L: Lends>(
    pool: &L,
    database: &Database,
    _: &Relay,
) {
    database.sql("create schema tenant; create type item as (n int4); create type tenant.item as (n int4)");
    for _ in 0..3 {
        let mut lent = pool.lend().await;
        assert!(lent.query_value::<bool>(IS_PUBLIC, (Item { n: 1 },)).await.unwrap());
        lent.batch_execute("set search_path = tenant").await.unwrap();
        assert!(!lent.query_value::<bool>(IS_PUBLIC, (Item { n: 1 },)).await.unwrap());
    }
}

/// Ten borrowers, each with a statement: of a type that was created, too.
async fn what_is_undone_costs_no_round_trip<L: Lends>(pool: &L, database: &Database, relay: &Relay) {
    database.sql("create type item as (n int4)");
    let ask = async || {
        let mut lent = pool.lend().await;
        lent.query_value::<Item>("select $1::item", (Item { n: 7 },)).await.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(ask().await, Item { n: 7 });
    }
    relay.reset();
    for _ in 0..10 {
        assert_eq!(ask().await, Item { n: 7 });
    }
    assert_eq!(relay.round_trips(), 10);
    let sql = "select count(*) from pg_prepared_statements where statement = 'select $1::item'";
    assert_eq!(pool.lend().await.query_value::<i64>(sql, ()).await.unwrap(), 1);
    // Nor if one of them was elsewhere: what is known of home is known still.
    pool.lend().await.batch_execute("set search_path = nowhere").await.unwrap();
    relay.reset();
    assert_eq!(ask().await, Item { n: 7 });
    assert_eq!(relay.round_trips(), 1);
}

async fn nothing_is_run_where_the_session_could_not_be_put_back<L: Lends>(
    pool: &L,
    database: &Database,
    _: &Relay,
) {
    database.sql("create table t (n int4)");
    pool.lend().await.batch_execute("set application_name = 'soiled'").await.unwrap();
    // One of the commands that undo what a borrower did fails from now on.
    database.sql("alter function pg_catalog.pg_advisory_unlock_all() rename to gone");
    let mut lent = pool.lend().await;
    let error = lent.execute("insert into t values (1)", ()).await.unwrap_err();
    assert!(error.to_string().contains("could not be put back"), "{error}");
    assert!(lent.is_closed());
    assert_eq!(database.sql("select count(*) from t")[0][0].as_deref(), Some("0"));
}

async fn what_this_client_keeps_of_a_borrower_is_forgotten<L: Lends>(
    pool: &L,
    database: &Database,
    _: &Relay,
) {
    let taken = Arc::new(Mutex::new(Vec::<Heard>::new()));
    let mut lent = pool.lend().await;
    lent.set_deadline(Some(Duration::from_secs(600)));
    lent.register(|registry| {
        registry.typecaster("int4", |_: &str, _: &CodecContext<'_>| Ok::<_, Error>(7_i32))
    });
    assert_eq!(lent.query_value::<Via<i32>>("select 1", ()).await.unwrap(), Via(7));
    lent.listen("c").await.unwrap();
    lent.set_notification_sink(Some(Box::new(Arc::clone(&taken))));
    drop(lent);
    // It may still be listening, and be told.
    database.sql("notify c, 'for the one before'");
    let mut lent = pool.lend().await;
    assert_eq!(lent.connection().deadline(), None);
    assert_eq!(lent.wait_notification(Duration::ZERO).await.unwrap(), None);
    still_answers(&mut *lent).await.unwrap();
    assert_eq!(lent.wait_notification(Duration::ZERO).await.unwrap(), None);
    assert!(taken.lock().unwrap().is_empty());
    assert!(lent.query_value::<Via<i32>>("select 1", ()).await.is_err(), "its codecs are gone");
    // And whoever listens now hears what comes now.
    lent.listen("c").await.unwrap();
    lent.notify("c", "mine").await.unwrap();
    let heard = lent.wait_notification(Duration::from_secs(20)).await.unwrap().and_then(Heard::notification);
    assert_eq!(heard.map(|heard| heard.payload).as_deref(), Some("mine"));
}

each_pool!(
    Resets::default();
    connections_are_as_after_login,
    a_transaction_that_was_left_open_goes_to_nobody,
    a_path_that_was_set_is_left_before_anything_is_planned,
    what_is_undone_costs_no_round_trip,
    nothing_is_run_where_the_session_could_not_be_put_back,
    what_this_client_keeps_of_a_borrower_is_forgotten,
);

mod at_return {
    use super::*;

    each_pool!(
        Resets::default().at_return();
        connections_are_as_after_login,
        a_transaction_that_was_left_open_goes_to_nobody,
        a_path_that_was_set_is_left_before_anything_is_planned,
        what_this_client_keeps_of_a_borrower_is_forgotten,
    );

    /// Another session gets the lock while the connection lies in the pool.
    async fn what_a_borrower_held_is_free<L: Lends>(pool: &L, database: &Database) {
        let other = pg_blocking::Config::new(&database.url()).unwrap().deadline(Duration::from_secs(20));
        let mut other = other.connect().unwrap();
        let mut lent = pool.lend().await;
        lent.execute("select pg_advisory_lock(7)", ()).await.unwrap();
        drop(lent);
        other.execute("select pg_advisory_lock(7)", ()).unwrap();
        other.execute("select pg_advisory_unlock(7)", ()).unwrap();
        still_answers(&mut *pool.lend().await).await.unwrap();
    }

    #[test]
    fn what_a_borrower_held_is_free_with_bb8() {
        let database = Server::shared().database();
        block_on(async {
            let pool = bb8(&database.url(), Resets::default().at_return(), true).await;
            what_a_borrower_held_is_free(&pool, &database).await;
        });
    }

    #[test]
    fn what_a_borrower_held_is_free_with_r2d2() {
        let database = Server::shared().database();
        let pool = r2d2(&database.url(), Resets::default().at_return(), true);
        pg_blocking::complete(what_a_borrower_held_is_free(&pool, &database));
    }
}

async fn a_connection_that_was_lost_is_replaced<L: Lends>(pool: &L, database: &Database) {
    let first = process(&mut *pool.lend().await).await;
    let mut other = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    assert!(other.query_value::<bool>("select pg_terminate_backend($1, 10000)", (first,)).unwrap());
    assert_ne!(process(&mut *pool.lend().await).await, first);
}

#[test]
fn a_connection_that_was_lost_is_replaced_by_those_that_check() {
    let database = Server::shared().database();
    let url = database.url();
    pg_blocking::complete(a_connection_that_was_lost_is_replaced(
        &r2d2(&url, Resets::default(), true),
        &database,
    ));
    block_on(async {
        a_connection_that_was_lost_is_replaced(&bb8(&url, Resets::default(), true).await, &database).await;
        let manager = asynchronous(&url, Resets::default());
        let pool: deadpool::managed::Pool<_> =
            deadpool::managed::Pool::builder(manager).max_size(1).build().unwrap();
        a_connection_that_was_lost_is_replaced(&pool, &database).await;
    });
}

#[test]
fn what_is_undone_is_a_list() {
    let database = Server::shared().database();
    let pool = r2d2(&database.url(), Resets::new([Reset::Settings]), true);
    pool.get().unwrap().batch_execute("set application_name = 'soiled'; create temp table kept ()").unwrap();
    let sql = "select current_setting('application_name'), to_regclass('pg_temp.kept') is not null";
    let (name, kept): (String, bool) = pool.get().unwrap().query_one(sql, ()).unwrap();
    assert_ne!(name, "soiled");
    assert!(kept);
}

/// What isn't put back wholly, the client doesn't take for the login's; but nor for what it was.
#[test]
fn a_path_that_is_not_known_is_asked_for() {
    let database = Server::shared().database();
    database.sql("create schema tenant; create type item as (n int4); create type tenant.item as (n int4)");
    let pool = r2d2(&database.url(), Resets::new([Reset::Settings]), true);
    let type_of = |client: &mut pg_blocking::Client| -> bool {
        client.query_value(IS_PUBLIC, (Item { n: 1 },)).unwrap()
    };
    for _ in 0..2 {
        let mut client = pool.get().unwrap();
        assert!(type_of(&mut client));
        client.batch_execute("set search_path = tenant").unwrap();
        assert!(!type_of(&mut client));
    }
}

#[cfg(unix)]
#[test]
fn a_strategy_of_a_borrower_is_not_the_next_ones() {
    use pg_blocking::wait::{Wait, WaitPoll, Wanted};
    use std::sync::atomic::{AtomicUsize, Ordering};
    let database = Server::shared().database();
    let pool = r2d2(&database.url(), Resets::default(), false);
    let waits = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&waits);
    let counting =
        move |fd: std::os::fd::BorrowedFd<'_>, wanted: Wanted, until: Option<std::time::Instant>| {
            counted.fetch_add(1, Ordering::Relaxed);
            WaitPoll::new().wait(fd, wanted, until)
        };
    let mut client = pool.get().unwrap();
    client.get_mut().set_wait(Some(Arc::new(counting)));
    client.ping().unwrap();
    drop(client);
    let before = waits.load(Ordering::Relaxed);
    assert!(before > 0);
    pg_blocking::complete(still_answers(&mut *pool.get().unwrap())).unwrap();
    assert_eq!(waits.load(Ordering::Relaxed), before);
}

/// What makes a session ready leaves who observes it.
#[test]
fn an_observed_session_that_is_put_back_is_observed() {
    let database = Server::shared().database();
    let notices = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&notices);
    let count = move |event: &pg_core::observe::Event<'_>| {
        *seen.lock().unwrap() += usize::from(matches!(event, pg_core::observe::Event::Notice(_)));
    };
    let mut client = pg_blocking::Config::new(&database.url()).unwrap().connect_observed(count).unwrap();
    let resets = Resets::default();
    for _ in 0..2 {
        pg_blocking::complete(pg_core::pool::make_ready(&mut client, &resets, None)).unwrap();
        client.batch_execute("do $$ begin raise notice 'careful'; end $$").unwrap();
    }
    assert_eq!(*notices.lock().unwrap(), 2);
}
