//! A hundred coroutines on one thread, each running plain blocking code.
#![allow(unsafe_code, reason = "may::go! is unsafe code")]

use may::coroutine::JoinHandle;
use pg_blocking::{Client, Config, CopyFrom, wait};
use pg_coroutines::MayWait;
use pg_tests::server::{Options, Server};
use std::sync::{Arc, Once, OnceLock};
use std::time::{Duration, Instant};

const COROUTINES: i32 = 100;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Options::new().set("max_connections", "230")).unwrap())
}

/// Runs `work` in as many coroutines, each with a connection of its own; gives the time from when all are connected.
fn in_coroutines(url: &str, work: fn(i32, &mut Client)) -> Duration {
    static ONE_WORKER: Once = Once::new();
    // Words, not bytes.
    ONE_WORKER.call_once(|| {
        may::config().set_workers(1).set_stack_size(0x10000);
    });
    let config = Config::new(url).unwrap();
    let connect = |_| wait::connect(&config, Arc::new(MayWait::default())).unwrap();
    let clients: Vec<Client> = (0..COROUTINES).map(connect).collect();
    let start = Instant::now();
    let all: Vec<JoinHandle<()>> =
        (0..).zip(clients).map(|(n, mut client)| may::go!(move || work(n, &mut client))).collect();
    all.into_iter().for_each(|coroutine| coroutine.join().unwrap());
    start.elapsed()
}

#[test]
fn a_hundred_that_sleep_a_second_take_a_second() {
    let database = server().database();
    let took = in_coroutines(&database.url(), |n, client| {
        let echo: i32 = client.query_value("select $1::int4 from pg_sleep(1)", (n,)).unwrap();
        assert_eq!(echo, n);
    });
    println!("{COROUTINES} coroutines: {took:?}");
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn transactions_and_copy_cooperate_too() {
    let database = server().database();
    let mut client = Config::new(&database.url()).unwrap().connect().unwrap();
    client.batch_execute("create table t (who int4, n int4)").unwrap();
    let took = in_coroutines(&database.url(), |who, client| {
        let mut tx = client.begin().unwrap();
        tx.copy_in_all(&CopyFrom::table("t"), (0..100).map(|n| (who, n))).unwrap();
        tx.execute("select pg_sleep(1)", ()).unwrap();
        let mine: i64 = tx.query_value("select count(*) from t where who = $1", (who,)).unwrap();
        assert_eq!(mine, 100);
        tx.commit().unwrap();
    });
    println!("{COROUTINES} coroutines with COPY and a transaction: {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).unwrap(), 10_000);
}
