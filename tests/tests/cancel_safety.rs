//! A future of pg-async dropped at any point leaves a connection that answers the next call rightly.
//!
//! The relay lets exactly so many bytes of the server's answers through, and there the future is dropped: so each
//! byte of each answer is a drop point. Whatever comes next must have its own answer, no row or error of what was
//! dropped, and no transaction may stand open.

use pg_async::{Client, Config, ErrorKind, FromSql, Query, Registry, Result, Row, Session, ToSql};
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::{CursorOptions, LargeObjectMode, Towards};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Database, Options, Server, Tls};
use std::future::{Future, poll_fn};
use std::io::SeekFrom;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    mood: Mood,
}

const SCHEMA: &str = "create type mood as enum ('sad', 'happy');
    create type item as (name text, mood mood);
    create table entry (n int8 not null);
    create table once (n int8 primary key deferrable initially deferred)";

// ---- what is dropped: each uses `n`, which no other run has, and checks its own answer if it gets that far ----

async fn first_query(client: &mut Client, n: i64) -> Result<()> {
    // Its text is new, so it is prepared.
    let sql = format!("select g, 'dropped ' || $1 from generate_series(1, 3) g /* {n} */");
    let rows: Vec<(i32, String)> = client.query(&sql, (n.to_string(),)).await?;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2], (3, format!("dropped {n}")));
    Ok(())
}

async fn cached_query(client: &mut Client, n: i64) -> Result<()> {
    let rows: Vec<(i64, String)> =
        client.query("select $1::int8, 'dropped' || g from generate_series(1, 3) g", (n,)).await?;
    assert_eq!(rows[1], (n, "dropped2".to_owned()));
    Ok(())
}

async fn first_composite(client: &mut Client, n: i64) -> Result<()> {
    let item = Item { name: n.to_string(), mood: Mood::Happy };
    let echoed: Item = client.query_value("select $1", (&item,)).await?;
    assert_eq!(echoed, item);
    Ok(())
}

async fn first_enum(client: &mut Client, _: i64) -> Result<()> {
    let moods: Vec<Mood> =
        client.query_values("select unnest(array['sad', $1]::mood[])", (Mood::Happy,)).await?;
    assert_eq!(moods, [Mood::Sad, Mood::Happy]);
    Ok(())
}

async fn first_dynamic_rows(client: &mut Client, n: i64) -> Result<()> {
    let sql = format!("select $1::int8 as n, row('a', 'sad')::item as item /* {n} */");
    let rows: Vec<Row> = client.query(&sql, (n,)).await?;
    assert_eq!(rows[0].get::<i64>("n")?, n);
    assert_eq!(rows[0].get::<Item>("item")?.mood, Mood::Sad);
    Ok(())
}

async fn failing_query(client: &mut Client, n: i64) -> Result<()> {
    let failed = client.query::<(i64,)>("select $1 / (3 - g) from generate_series(1, 5) g", (n,)).await;
    assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "22012");
    Ok(())
}

async fn query_that_does_not_parse(client: &mut Client, n: i64) -> Result<()> {
    let failed = client.query::<(i64,)>(&format!("select nothing /* {n} */"), ()).await;
    assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "42703");
    Ok(())
}

async fn query_one(client: &mut Client, n: i64) -> Result<()> {
    let (echoed,): (i64,) = client.query_one("select $1::int8", (n,)).await?;
    assert_eq!(echoed, n);
    Ok(())
}

async fn long_row(client: &mut Client, n: i64) -> Result<()> {
    let (text, echoed): (String, i64) =
        client.query_one("select repeat('dropped ', 100), $1::int8", (n,)).await?;
    assert_eq!((text.len(), echoed), (800, n));
    Ok(())
}

async fn for_each(client: &mut Client, n: i64) -> Result<()> {
    let sql = "select $1::int8, g from generate_series(1, 4) g";
    let given = client.for_each(sql, (n,), |(echoed, _): (i64, i32)| {
        assert_eq!(echoed, n);
        Ok(())
    });
    assert_eq!(given.await?, 4);
    Ok(())
}

async fn declared(client: &mut Client, n: i64) -> Result<()> {
    const DECLARED: Query<(i64,), (i64, String)> = Query::new("select $1, 'declared' where $1 > 0");
    assert_eq!(client.fetch_opt(&DECLARED, (n,)).await?, Some((n, "declared".to_owned())));
    Ok(())
}

async fn execute(client: &mut Client, n: i64) -> Result<()> {
    assert_eq!(client.execute("insert into entry values ($1), ($1)", (n,)).await?, 2);
    Ok(())
}

async fn prepare(client: &mut Client, n: i64) -> Result<()> {
    let sql = format!("select $1::int8 as n, 'sad'::mood as mood /* {n} */");
    for _ in 0..2 {
        let description = client.prepare(&sql).await?;
        assert_eq!((description.parameters.len(), description.columns.len()), (1, 2));
    }
    // Dynamic rows of what may have been prepared only half.
    assert_eq!(client.query_one::<Row>(&sql, (n,)).await?.get::<Mood>("mood")?, Mood::Sad);
    Ok(())
}

async fn batch(client: &mut Client, n: i64) -> Result<()> {
    client
        .batch_execute(&format!("select 1, 'dropped'; insert into entry values ({n}), ({n}); select 2"))
        .await
}

async fn pipelined(client: &mut Client, n: i64) -> Result<()> {
    let (rows, inserted, one) = client
        .pipeline((
            pipeline::query::<(i64, String), _>(
                "select $1::int8, 'dropped' from generate_series(1, 2)",
                (n,),
            ),
            pipeline::execute("insert into entry values ($1), ($1)", (n,)),
            pipeline::query_one::<(i64,), _>("select $1::int8 + 1", (n,)),
        ))
        .await?;
    assert_eq!((rows.len(), inserted, one), (2, 2, (n + 1,)));
    Ok(())
}

async fn failing_pipeline(client: &mut Client, n: i64) -> Result<()> {
    let parts = (0..4_i64)
        .map(|part| pipeline::query::<(i64,), _>("select 7 / ($1 - 2)", (part,)))
        .collect::<Vec<_>>();
    let failed = client.pipeline(parts).await.map(|_| n);
    assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "22012");
    Ok(())
}

async fn isolated_pipeline(client: &mut Client, n: i64) -> Result<()> {
    let parts = (
        pipeline::query::<(i64, String), _>("select $1::int8, 'dropped' from generate_series(1, 2)", (n,)),
        pipeline::execute("insert into entry values (null)", ()),
        pipeline::execute("insert into entry values ($1), ($1)", (n,)),
        pipeline::query::<(i64,), _>("select missing", ()),
    );
    let (rows, null, inserted, missing) = client.pipeline_each(parts).await?;
    assert_eq!((rows?.len(), inserted?), (2, 2));
    assert_eq!(null.unwrap_err().sqlstate().unwrap().code(), "23502");
    assert_eq!(missing.unwrap_err().sqlstate().unwrap().code(), "42703");
    Ok(())
}

async fn many(client: &mut Client, n: i64) -> Result<()> {
    client.execute_many("insert into entry values ($1)", [(n,), (n,)]).await.map(|rows| assert_eq!(rows, 2))
}

/// In several pieces; the first and the last enter a row.
async fn many_in_pieces(client: &mut Client, n: i64) -> Result<()> {
    let sets = (0..2000).map(|at| (n, at == 0 || at == 1999));
    let entered = client.execute_many("insert into entry select $1 where $2", sets).await?;
    assert_eq!(entered, 2);
    Ok(())
}

async fn pipeline_in_pieces(client: &mut Client, n: i64) -> Result<()> {
    let part = |at| pipeline::execute("insert into entry select $1 where $2", (n, at == 0 || at == 1999));
    let entered = client.pipeline((0..2000).map(part).collect::<Vec<_>>()).await?;
    assert_eq!(entered.iter().sum::<u64>(), 2);
    Ok(())
}

async fn many_that_fail(client: &mut Client, n: i64) -> Result<()> {
    let sets = (0..40).map(|at| (Some(n).filter(|_| at != 25),));
    let error = client.execute_many("insert into entry values ($1)", sets).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23502");
    Ok(())
}

async fn many_in_a_transaction(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let sets = (0..1000).map(|at| (n, at == 0 || at == 999));
    tx.execute_many("insert into entry select $1 where $2", sets).await?;
    tx.commit().await
}

async fn transaction_in_one_flight(client: &mut Client, n: i64) -> Result<()> {
    let insert = || pipeline::execute("insert into entry values ($1)", (n,));
    client.begin().await?.commit_with((insert(), insert())).await.map(drop)
}

async fn commit_with_the_last(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    tx.commit_with(pipeline::execute("insert into entry values ($1)", (n,))).await.map(drop)
}

async fn commit_with_one_that_fails(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    let failed = tx.commit_with(pipeline::execute("insert into entry values (null)", ())).await;
    assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "23502");
    Ok(())
}

async fn savepoint_with_its_last(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let insert = || pipeline::execute("insert into entry values ($1)", (n,));
    tx.begin().await?.commit_with(insert()).await?;
    tx.commit_with(insert()).await.map(drop)
}

async fn transaction(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    tx.commit().await
}

async fn transaction_rolled_back(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    tx.rollback().await
}

async fn transaction_of_a_batch(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.batch_execute(&format!("insert into entry values ({n}); insert into entry values ({n})")).await?;
    tx.commit().await
}

async fn transaction_of_a_pipeline(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let insert = |n| pipeline::execute("insert into entry values ($1)", (n,));
    tx.pipeline((insert(n), insert(n))).await?;
    tx.commit().await
}

async fn transaction_whose_commit_fails(client: &mut Client, _: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into once values (1), (1)", ()).await?;
    assert!(tx.commit().await.unwrap_err().is_unique_violation());
    Ok(())
}

async fn transaction_that_fails(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let failed = tx.execute("select nothing", ()).await.map(|_| n);
    assert_eq!(failed.unwrap_err().sqlstate().unwrap().code(), "42703");
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::RolledBack);
    Ok(())
}

async fn savepoint_that_cannot_begin(client: &mut Client, n: i64) -> Result<()> {
    let mut outer = client.begin().await?;
    assert!(outer.execute("insert into entry values (null)", ()).await.is_err());
    let mut inner = outer.begin().await?;
    let failed = inner.execute("insert into entry values ($1)", (n,)).await.unwrap_err();
    assert!(failed.to_string().starts_with("the transaction could not begin"), "{failed}");
    Ok(())
}

async fn nested_savepoints(client: &mut Client, n: i64) -> Result<()> {
    let mut outer = client.begin().await?;
    outer.execute("insert into entry values ($1)", (n,)).await?;
    {
        let mut inner = outer.begin().await?;
        inner.execute("insert into entry values ($1)", (n,)).await?;
        let mut innermost = inner.begin().await?;
        assert!(innermost.execute("insert into entry values (null)", ()).await.is_err());
        drop(innermost);
        inner.commit().await?;
    }
    outer.commit().await
}

/// The ROLLBACK of a dropped transaction follows a COPY of which nobody knows yet that it waits for data.
async fn copy_in_a_transaction(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    assert_eq!(tx.execute("copy entry from stdin", ()).await.unwrap_err().kind(), ErrorKind::Usage);
    Ok(())
}

async fn copy_in_a_savepoint(client: &mut Client, n: i64) -> Result<()> {
    let mut outer = client.begin().await?;
    outer.execute("insert into entry values ($1)", (n,)).await?;
    {
        let mut inner = outer.begin().await?;
        assert_eq!(inner.execute("copy entry from stdin", ()).await.unwrap_err().kind(), ErrorKind::Usage);
    }
    outer.execute("insert into entry values ($1)", (n,)).await?;
    outer.commit().await
}

async fn copy_of_a_batch(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let sql = format!("insert into entry values ({n}); copy entry from stdin; copy entry from stdin");
    assert_eq!(tx.batch_execute(&sql).await.unwrap_err().kind(), ErrorKind::Usage);
    Ok(())
}

/// The rows of a stream are dropped before the server says that it's a COPY.
async fn copy_as_a_stream(client: &mut Client, n: i64) -> Result<()> {
    let mut outer = client.begin().await?;
    outer.execute("insert into entry values ($1)", (n,)).await?;
    let mut inner = outer.begin().await?;
    drop(inner.stream("copy entry from stdin", ()).await?);
    Ok(())
}

async fn stream(client: &mut Client, n: i64) -> Result<()> {
    let mut rows = client.stream("select $1::int8, g from generate_series(1, 4) g", (n,)).await?;
    let mut count = 0;
    while let Some(row) = rows.next_row().await? {
        let (echoed, g): (i64, i32) = row.get()?;
        count += 1;
        assert_eq!((echoed, g), (n, count));
    }
    assert_eq!(count, 4);
    Ok(())
}

async fn first_stream(client: &mut Client, n: i64) -> Result<()> {
    let sql = format!("select g from generate_series(1, 2) g /* {n} */");
    let mut rows = client.stream(&sql, ()).await?;
    while rows.next_row().await?.is_some() {}
    Ok(())
}

async fn failing_stream(client: &mut Client, n: i64) -> Result<()> {
    let mut rows = client.stream("select $1 / (3 - g) from generate_series(1, 5) g", (n,)).await?;
    let failed = loop {
        match rows.next_row().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without its error"),
            Err(error) => break error,
        }
    };
    assert_eq!(failed.sqlstate().unwrap().code(), "22012");
    Ok(())
}

async fn held_cursor(client: &mut Client, n: i64) -> Result<()> {
    let options = CursorOptions::new("held").hold(true);
    let sql = "select g from generate_series($1::int8, $1 + 3) g";
    let mut cursor = client.cursor_with::<(i64,)>(options, sql, (n,)).await?;
    assert_eq!(cursor.fetch(Towards::Forward(2)).await?, [(n,), (n + 1,)]);
    cursor.close().await
}

async fn cursor_of_a_transaction(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let sql = "select g, 'sad'::mood from generate_series($1::int8, $1 + 3) g";
    let mut cursor = tx.cursor::<(i64, String)>("within", sql, (n,)).await?;
    assert_eq!(cursor.fetch_next().await?, Some((n, "sad".to_owned())));
    cursor.session().execute("insert into entry values ($1)", (n,)).await?;
    assert_eq!(cursor.move_to(Towards::Next).await?, 1);
    assert_eq!(cursor.fetch(Towards::ForwardAll).await?.len(), 2);
    drop(cursor);
    tx.execute("insert into entry values ($1)", (n,)).await?;
    tx.commit().await
}

async fn portals(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let sql = "select g from generate_series($1::int8, $1 + 3) g";
    let (mut one, mut other) = (tx.portal::<(i64,)>(sql, (n,)).await?, tx.portal::<(i64,)>(sql, (n,)).await?);
    assert_eq!(tx.fetch_portal(&mut one, 2).await?, [(n,), (n + 1,)]);
    tx.execute("insert into entry values ($1), ($1)", (n,)).await?;
    assert_eq!(tx.fetch_portal(&mut other, 0).await?.len(), 4);
    drop(other);
    assert_eq!(tx.fetch_portal(&mut one, 0).await?, [(n + 2,), (n + 3,)]);
    tx.commit().await
}

/// What is left of it is in its transaction, which leaves nothing.
async fn large_object(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    let oid = tx.create_large_object().await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(&n.to_be_bytes().repeat(20_000)).await?;
    object.seek(SeekFrom::Start(8)).await?;
    let mut read = [0; 8];
    assert_eq!(object.read(&mut read).await?, 8);
    assert_eq!(i64::from_be_bytes(read), n);
    object.truncate(10).await?;
    object.close().await?;
    tx.unlink_large_object(oid).await?;
    tx.execute("insert into entry values ($1), ($1)", (n,)).await?;
    tx.commit().await
}

async fn bytes_copied_in(client: &mut Client, n: i64) -> Result<()> {
    let mut copy = client.copy_in("copy entry from stdin").await?;
    copy.write(format!("{n}\n").as_bytes()).await?;
    copy.flush().await?;
    copy.write(format!("{n}\n").as_bytes()).await?;
    assert_eq!(copy.finish().await?, 2);
    Ok(())
}

async fn rows_copied_in(client: &mut Client, n: i64) -> Result<()> {
    let mut copy = client.copy_in_rows::<(i64,)>(&CopyFrom::table("entry")).await?;
    copy.write(&(n,)).await?;
    copy.flush().await?;
    copy.write(&(n,)).await?;
    assert_eq!(copy.finish().await?, 2);
    Ok(())
}

async fn rows_copied_in_that_are_refused(client: &mut Client, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into entry values ($1)", (n,)).await?;
    let mut copy = tx.copy_in("copy entry from stdin").await?;
    copy.write(b"no number\n").await?;
    copy.flush().await?;
    let error = copy.finish().await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22P02");
    Ok(())
}

async fn bytes_copied_out(client: &mut Client, n: i64) -> Result<()> {
    let sql = format!("copy (select {n} from generate_series(1, 4)) to stdout");
    let mut copy = client.copy_out(&sql).await?;
    while let Some(line) = copy.next_piece().await? {
        assert_eq!(line, format!("{n}\n").as_bytes());
    }
    assert_eq!(copy.rows(), Some(4));
    Ok(())
}

async fn rows_copied_out(client: &mut Client, n: i64) -> Result<()> {
    let copy = CopyTo::query(&format!("select {n}::int8, g from generate_series(1, 4) g"));
    let mut rows = client.copy_out_rows::<(i64, i32)>(&copy).await?;
    let mut count = 0;
    while let Some(row) = rows.next_as::<(i64, i32)>().await? {
        count += 1;
        assert_eq!(row, (n, count));
    }
    assert_eq!(count, 4);
    Ok(())
}

async fn ping(client: &mut Client, _: i64) -> Result<()> {
    client.ping().await
}

// ---- where it is dropped ----

type Dropped<'c> = Pin<Box<dyn Future<Output = Result<()>> + 'c>>;

/// Runs a future until exactly so many bytes of answers have come and it waits for more, and drops it there;
/// `None` then, and its output if it was complete before.
async fn dropped_after<F: Future>(relay: &Relay, bytes: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut looked_again = false;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if relay.bytes(Direction::ToClient) < bytes => Poll::Pending,
        // What was forwarded just now comes with the runtime's next turn.
        Poll::Pending if !looked_again => {
            looked_again = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Polls a future so many times, each when its socket says so, and drops it.
async fn dropped_at_poll<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn on_one_thread<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn connect(url: &str) -> Client {
    Config::new(url).unwrap().registry(Registry::new()).connect().await.unwrap()
}

/// The next call has its own answer, and nothing stands open. What the next call is changes from point to point.
async fn assert_usable(client: &mut Client, n: i64, point: u64) {
    match point % 4 {
        0 => {}
        1 => client.ping().await.unwrap(),
        2 => client.batch_execute("select 'next'").await.unwrap(),
        _ => {
            let mut tx = client.begin().await.unwrap();
            assert_eq!(tx.query_value::<i64>("select $1::int8 + 2", (n,)).await.unwrap(), n + 2);
            tx.commit().await.unwrap();
        }
    }
    let (echoed, unassigned, rows, cursors): (i64, bool, i64, i64) = client
        .query_one(
            "select $1::int8, txid_current_if_assigned() is null, (select count(*) from entry where n = $1), \
             (select count(*) from pg_cursors where name <> '')",
            (n,),
        )
        .await
        .unwrap();
    assert_eq!(echoed, n, "another query's row");
    assert!(unassigned, "a transaction stands open");
    assert!(rows == 0 || rows == 2, "half of a transaction took effect");
    assert_eq!(cursors, 0, "a cursor or portal stands open");
    assert_eq!(client.connection().status(), Status::Idle);
    assert_eq!(client.connection().conversation().transactions().depth(), 0);
    // A failure of its own is told as its own.
    if point.is_multiple_of(8) {
        let error = client.execute("select missing", ()).await.unwrap_err();
        assert_eq!(
            error.to_string().lines().next(),
            Some("ERROR 42703 (UNDEFINED_COLUMN): column \"missing\" does not exist")
        );
    }
}

/// What the connection knows when an operation begins: what those before it have learned, or no types, as a new one. (It
/// is new at every poll. For each byte a new one would take the server longer than all else here.)
#[derive(Clone, Copy, PartialEq)]
enum Types {
    Known,
    Unknown,
}

/// Drops the operation at each byte of its answers, until it is complete; gives the number of drop points.
fn at_every_byte(types: Types, operation: impl for<'c> Fn(&'c mut Client, i64) -> Dropped<'c>) -> u64 {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    let relay = Relay::to(&database);
    let points = on_one_thread(async {
        let mut client = connect(&relay.url(&database)).await;
        let mut n = 1_000_000;
        // Twice, so that what is cached is.
        for _ in 0..2 {
            operation(&mut client, n).await.unwrap();
            assert_usable(&mut client, n, 0).await;
            n += 1;
        }
        drop(operation(&mut client, n)); // never polled
        let mut point = 0;
        loop {
            if types == Types::Unknown {
                // Of nothing named: all is forgotten. What was prepared is closed by the next call.
                client.refresh(&Registry::new()).await.unwrap();
                client.ping().await.unwrap();
                assert!(client.types().is_empty());
            }
            n += 1;
            relay.reset();
            relay.ration(Direction::ToClient, point);
            let outcome = dropped_after(&relay, point, operation(&mut client, n)).await;
            relay.release();
            assert_usable(&mut client, n, point).await;
            match outcome {
                None => point += 1,
                Some(outcome) => break outcome.unwrap(),
            }
        }
        point
    });
    assert_nothing_open(&database);
    points
}

/// The same without a relay: dropped at each poll.
fn at_every_poll(
    url: &str,
    database: &Database,
    operation: impl for<'c> Fn(&'c mut Client, i64) -> Dropped<'c>,
) -> u64 {
    // Not that of a run before on the same database.
    static NEXT: AtomicI64 = AtomicI64::new(2_000_000);
    on_one_thread(async {
        let mut polls = 1_u64;
        loop {
            let mut client = connect(url).await;
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let outcome = dropped_at_poll(polls, operation(&mut client, n)).await;
            assert_usable(&mut client, n, polls).await;
            if let Some(outcome) = outcome {
                outcome.unwrap();
                break;
            }
            polls += 1;
        }
        assert_nothing_open(database);
        polls
    })
}

/// What has too many bytes to be dropped at each.
#[test]
fn at_every_poll_of_many_pieces() {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    for url in [database.url(), database.socket_url()] {
        let polls = at_every_poll(&url, &database, |c, n| Box::pin(many_in_pieces(c, n)));
        assert!(polls > 2, "{polls} polls");
        at_every_poll(&url, &database, |c, n| Box::pin(pipeline_in_pieces(c, n)));
        at_every_poll(&url, &database, |c, n| Box::pin(many_in_a_transaction(c, n)));
    }
}

/// What has many round trips.
#[test]
fn at_every_poll_of_portals_cursors_and_large_objects() {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    for url in [database.url(), database.socket_url()] {
        at_every_poll(&url, &database, |c, n| Box::pin(portals(c, n)));
        at_every_poll(&url, &database, |c, n| Box::pin(cursor_of_a_transaction(c, n)));
        let polls = at_every_poll(&url, &database, |c, n| Box::pin(large_object(c, n)));
        assert!(polls > 8, "{polls} polls");
    }
    assert!(database.sql("select oid from pg_largeobject_metadata").is_empty(), "a large object was left");
}

fn assert_nothing_open(database: &Database) {
    let open = database.sql(
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
    );
    assert_eq!(open[0][0].as_deref(), Some("0"));
}

macro_rules! at_every_byte {
    ($($name:ident: $types:ident),+ $(,)?) => {
        mod at_every_byte_of {
            $(
                #[test]
                fn $name() {
                    let points = super::at_every_byte(super::Types::$types, |c, n| Box::pin(super::$name(c, n)));
                    println!("{}: {points} drop points", stringify!($name));
                    assert!(points > 5, "{points} drop points");
                }
            )+
        }

        mod at_every_poll_of {
            $(
                #[test]
                fn $name() {
                    let database = super::Server::shared().database();
                    database.sql(super::SCHEMA);
                    for url in [database.url(), database.socket_url()] {
                        super::at_every_poll(&url, &database, |c, n| Box::pin(super::$name(c, n)));
                    }
                }
            )+
        }

        #[test]
        fn at_every_poll_under_tls() {
            let server = Server::start(Options::new().tls(Tls::Authority)).unwrap();
            let database = server.database();
            database.sql(SCHEMA);
            let url = database.url_with("sslmode=require");
            $( at_every_poll(&url, &database, |c, n| Box::pin($name(c, n))); )+
        }
    };
}

at_every_byte! {
    first_query: Known,
    cached_query: Known,
    first_composite: Unknown,
    first_enum: Unknown,
    first_dynamic_rows: Unknown,
    failing_query: Known,
    query_that_does_not_parse: Known,
    query_one: Known,
    long_row: Known,
    for_each: Known,
    declared: Known,
    execute: Known,
    prepare: Unknown,
    batch: Known,
    pipelined: Known,
    failing_pipeline: Known,
    isolated_pipeline: Known,
    many: Known,
    many_that_fail: Known,
    transaction_in_one_flight: Known,
    commit_with_the_last: Known,
    commit_with_one_that_fails: Known,
    savepoint_with_its_last: Known,
    transaction: Known,
    transaction_rolled_back: Known,
    transaction_of_a_batch: Known,
    transaction_of_a_pipeline: Known,
    transaction_whose_commit_fails: Known,
    transaction_that_fails: Known,
    savepoint_that_cannot_begin: Known,
    nested_savepoints: Known,
    copy_in_a_transaction: Known,
    copy_in_a_savepoint: Known,
    copy_of_a_batch: Known,
    copy_as_a_stream: Known,
    stream: Known,
    first_stream: Known,
    failing_stream: Known,
    held_cursor: Known,
    bytes_copied_in: Known,
    rows_copied_in: Known,
    rows_copied_in_that_are_refused: Known,
    bytes_copied_out: Known,
    rows_copied_out: Known,
    ping: Known,
}
