//! How often memory is allocated, counted by an allocator of this test's own: once a statement is cached, only for
//! what the caller asked to own.

use allocation_counter::measure;
use pg_core::replication::change::{ChangeReader, Dispatch, Event};
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Settings;
use pg_core::{FromRow, Session};
use pg_tests::server::{Database, Server};
use pg_tests::soak::copy_memory::{self, CLIENTS, Work};
use std::sync::Arc;
use std::time::SystemTime;
use uuid::Uuid;

/// The row of the benchmarks: two of its columns are owned text.
#[derive(Debug, FromRow)]
struct User {
    id: i64,
    name: String,
    email: String,
    score: f64,
    active: bool,
    created: SystemTime,
    uid: Uuid,
}

#[derive(Debug, FromRow)]
struct Borrowed<'r> {
    id: i64,
    score: f64,
    active: bool,
    name: &'r str,
}

const SCHEMA: &str = "create table users (id int8 primary key, name text not null, email text not null,
        score float8 not null, active bool not null, created timestamptz not null, uid uuid not null);
    insert into users select g, 'name of ' || g, 'user' || g || '@example.org', g / 8.0, g % 2 = 0, now(), gen_random_uuid()
        from generate_series(1, 10000) g";

const BY_KEY: &str = "select id, name, email, score, active, created, uid from users where id = $1";
const ALL: &str = "select id, name, email, score, active, created, uid from users";
const NARROW: &str = "select id, score, active, name from users";
const UPDATE: &str = "update users set name = $2, score = $3 where id = $1";

/// What is counted: each does its work so many times, and reads each row it gets.
async fn by_key<S: Session>(client: &mut S, times: i64) {
    for id in 1..=times {
        let user: User = client.query_one(BY_KEY, (id,)).await.unwrap();
        let read =
            (user.id, user.score, user.active, user.email.len(), user.created > SystemTime::UNIX_EPOCH);
        assert_eq!(
            read,
            (id, id as f64 / 8.0, id % 2 == 0, "user@example.org".len() + id.to_string_len(), true)
        );
        assert!(!user.uid.is_nil() && user.name.starts_with("name of "));
    }
}

async fn executed<S: Session>(client: &mut S, times: i64) {
    for id in 1..=times {
        assert_eq!(client.execute(UPDATE, (id, "another name", 0.5)).await.unwrap(), 1);
    }
}

async fn all_owned<S: Session>(client: &mut S, times: i64) {
    for _ in 0..times {
        let users: Vec<User> = client.query(ALL, ()).await.unwrap();
        assert_eq!(users.len(), 10_000);
    }
}

async fn streamed_borrowed<S: Session>(client: &mut S, times: i64) {
    for _ in 0..times {
        let mut rows = client.stream_as::<Borrowed<'_>>(NARROW, ()).await.unwrap();
        let (mut ids, mut named) = (0, 0);
        while let Some(row) = rows.next_row().await.unwrap() {
            let user: Borrowed<'_> = row.get().unwrap();
            ids += user.id;
            named +=
                usize::from(user.name.len() > 4 && user.score > 0.0 && user.active == (user.id % 2 == 0));
        }
        assert_eq!((ids, named), (50_005_000, 10_000));
    }
}

async fn streamed_by_any<S: Session>(client: &mut S, times: i64) {
    for _ in 0..times {
        let mut rows = client.stream(NARROW, ()).await.unwrap();
        while let Some(row) = rows.next_row().await.unwrap() {
            let user: Borrowed<'_> = row.get().unwrap();
            assert!(
                user.id > 0 && user.score > 0.0 && (user.active || user.id % 2 == 1) && !user.name.is_empty()
            );
        }
    }
}

async fn each_narrow<S: Session>(client: &mut S, times: i64) {
    for _ in 0..times {
        let mut sum = 0.0;
        let add = |(id, score, active): (i64, f64, bool)| {
            sum += score + f64::from(u8::from(active)) * id as f64;
            Ok(())
        };
        client.for_each("select id, score, active from users", (), add).await.unwrap();
        assert!(sum > 0.0);
    }
}

async fn in_transactions<S: Session>(client: &mut S, times: i64) {
    for id in 1..=times {
        let mut tx = client.begin().await.unwrap();
        tx.execute(UPDATE, (id, "another name", 0.5)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

trait StringLength {
    fn to_string_len(self) -> usize;
}

impl StringLength for i64 {
    /// Without the allocation that would be counted.
    fn to_string_len(self) -> usize {
        self.checked_ilog10().map_or(1, |digits| digits as usize + 1)
    }
}

/// Allocations of each turn beyond the first `few`, in which statements are prepared and buffers grow.
fn a_turn(few: i64, many: i64, mut run: impl FnMut(i64)) -> f64 {
    run(few);
    let first = measure(|| run(few)).count_total;
    let second = measure(|| run(few + many)).count_total;
    (second - first) as f64 / many as f64
}

fn database() -> Database {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    database
}

/// Counts what a body does in one turn, in both clients.
macro_rules! count {
    ($few:expr, $many:expr, $body:ident) => {{
        let database = database();
        let mut client = pg_blocking::Config::new(&database.socket_url()).unwrap().connect().unwrap();
        let blocking = a_turn($few, $many, |times| pg_blocking::complete($body(&mut client, times)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = pg_async::Config::new(&database.socket_url()).unwrap();
        let mut client = runtime.block_on(config.connect()).unwrap();
        let asynchronous = a_turn($few, $many, |times| runtime.block_on($body(&mut client, times)));
        println!("{}: {blocking} blocking, {asynchronous} async", stringify!($body));
        [blocking, asynchronous]
    }};
}

#[test]
fn a_cached_row_by_key_allocates_its_two_strings() {
    assert_eq!(count!(10, 1_000, by_key), [2.0, 2.0]);
}

#[test]
fn a_cached_execute_allocates_nothing() {
    assert_eq!(count!(10, 1_000, executed), [0.0, 0.0]);
}

#[test]
fn ten_thousand_owned_rows_allocate_two_strings_each_and_their_vec() {
    let counted = count!(1, 10, all_owned);
    for a_run in counted {
        let a_row = (a_run - 20_000.0) / 10_000.0;
        assert!((0.0..0.005).contains(&a_row), "{a_run} in a run: besides the Strings only the Vec may grow");
    }
}

#[test]
fn a_streamed_borrowed_row_allocates_nothing() {
    // What there is is of the whole stream: its cursor, and a plan where the type is told anew.
    for a_run in count!(1, 10, streamed_borrowed) {
        assert!(a_run <= 8.0, "{a_run} in a run of 10,000 rows");
    }
}

#[test]
fn a_streamed_row_of_a_type_told_later_allocates_nothing() {
    for a_run in count!(1, 10, streamed_by_any) {
        assert!(a_run <= 8.0, "{a_run} in a run of 10,000 rows");
    }
}

/// However much the server has to say, the client holds a buffer of it: there is nobody who would read ahead.
#[test]
fn a_stopped_reader_of_10_gigabytes_holds_one_buffer() {
    async fn stop<S: Session>(client: &mut S) {
        let sql = "select n, repeat('x', 1000) from generate_series(1, 10000000) n";
        let mut rows = client.stream_as::<(i32, &str)>(sql, ()).await.unwrap();
        for n in 1..=1_000 {
            let row: (i32, &str) = rows.next_row().await.unwrap().unwrap().get().unwrap();
            assert_eq!((row.0, row.1.len()), (n, 1_000));
        }
        drop(rows);
        assert_eq!(client.query_value::<i32>("select 7", ()).await.unwrap(), 7);
    }
    let database = database();
    let mut client = pg_blocking::Config::new(&database.socket_url()).unwrap().connect().unwrap();
    let blocking = measure(|| pg_blocking::complete(stop(&mut client)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = pg_async::Config::new(&database.socket_url()).unwrap();
    let mut client = runtime.block_on(config.connect()).unwrap();
    let asynchronous = measure(|| runtime.block_on(stop(&mut client)));
    for info in [blocking, asynchronous] {
        assert!(info.bytes_max < 128 * 1024, "{} bytes", info.bytes_max);
    }
    println!("{} bytes at most, blocking, {} async", blocking.bytes_max, asynchronous.bytes_max);
}

/// A million of them in `pg-soak copy_memory`, in no more.
#[test]
fn a_hundred_thousand_rows_go_in_and_out_in_half_a_megabyte() {
    let database = copy_memory::database();
    for (client, work) in CLIENTS.iter().flat_map(|client| Work::ALL.map(|work| (client, work))) {
        let held = measure(|| (client.run)(&database.url(), work, 100_000)).bytes_max;
        println!("{} {work:?}: {held} bytes at most", client.name);
        assert!(held < copy_memory::LIMIT, "{} {work:?}: {held} bytes", client.name);
    }
}

#[test]
fn a_row_given_to_a_callback_allocates_nothing() {
    assert_eq!(count!(1, 10, each_narrow), [0.0, 0.0]);
}

#[test]
fn a_transaction_allocates_little_but_its_commands() {
    for a_run in count!(10, 100, in_transactions) {
        assert!(a_run <= 8.0, "{a_run} in a transaction");
    }
}

#[test]
fn a_change_given_to_its_table_allocates_nothing() {
    let table = [&b"R\0\0\0\x07public\0t\0d\0\x01\x01id\0\0\0\0\x19"[..], &[255; 4]].concat();
    let insert = b"I\0\0\0\x07N\0\x01t\0\0\0\x01x";
    let mut reader = ChangeReader::new(Catalog::default(), Arc::new(Settings::default()));
    reader.read(&table).unwrap();
    let mut given = 0;
    let mut dispatch = Dispatch::new().on("public", "t", |_| {
        given += 1;
        Ok(())
    });
    let a_change = a_turn(10, 1_000, |times| {
        for _ in 0..times {
            let Event::Change(mut change) = reader.read(insert).unwrap() else { panic!("no change") };
            assert!(dispatch.give(&mut change).unwrap());
        }
    });
    drop(dispatch);
    assert_eq!((a_change, given), (0.0, 1_030));
}
