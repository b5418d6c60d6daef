//! Behind a real PgBouncer in transaction mode, with the one setting that it needs: `statement_cache_capacity(0)`. Two
//! clients share the pooler's server connections, statement by statement.

use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::pipeline;
use pg_core::{ErrorKind, FromSql, Isolation, Result, Retry, Row, Session, ToSql, Towards};
use pg_tests::clients::{Face, still_answers};
use pg_tests::server::{Database, PgBouncer, Server};
use std::time::Duration;

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

/// A database, a pooler with so many connections before it, and two clients.
async fn two_clients<F: Face>(connections: u32) -> Option<(Database, PgBouncer, F::Client, F::Client)> {
    let database = Server::shared().database();
    let pooler = PgBouncer::before(&database, connections)?;
    database.sql("create type mood as enum ('sad', 'happy')");
    database.sql("create type item as (name text, mood mood)");
    database.sql("create table t (n int8 not null, name text)");
    let config = || F::config(&pooler.url(&database)).statement_cache_capacity(0);
    let one = F::connect(&config()).await.unwrap_or_else(|error| panic!("{error}"));
    let two = F::connect(&config()).await.unwrap_or_else(|error| panic!("{error}"));
    Some((database, pooler, one, two))
}

async fn queries<S: Session>(client: &mut S, n: i64) -> Result<()> {
    let (echo, text): (i64, String) = client.query_one("select $1::int8, 'text ' || $2", (n, "x")).await?;
    assert_eq!((echo, text.as_str()), (n, "text x"));
    let row: Row = client.query_one("select $1::int8 as n, 'happy'::mood as mood", (n,)).await?;
    assert_eq!((row.get::<i64>("n")?, row.get::<Mood>("mood")?), (n, Mood::Happy));
    let item = Item { name: n.to_string(), mood: Mood::Sad };
    assert_eq!(client.query_value::<Item>("select $1", (&item,)).await?, item);
    let error = client.query_value::<i32>("select 1 / $1::int4", (0,)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012");
    let mut rows = client.stream("select generate_series(1, 1000)", ()).await?;
    assert_eq!(rows.next_as::<(i32,)>().await?, Some((1,)));
    Ok(())
}

async fn statements_of_two_clients_take_turns<F: Face>() {
    let Some((_database, _pooler, mut one, mut two)) = two_clients::<F>(1).await else { return };
    for n in 0..20 {
        queries(&mut one, n).await.unwrap();
        queries(&mut two, -n).await.unwrap();
    }
    still_answers(&mut one).await.unwrap();
    still_answers(&mut two).await.unwrap();
}

async fn transactions_keep_their_connection<F: Face>() {
    let Some((database, _pooler, mut one, mut two)) = two_clients::<F>(2).await else { return };
    for n in 0..10_i64 {
        let mut tx = one.begin().await.unwrap();
        tx.execute("insert into t values ($1, 'one')", (n,)).await.unwrap();
        queries(&mut two, n).await.unwrap();
        let mut portal = tx.portal::<(i32,)>("select generate_series(1, 5)", ()).await.unwrap();
        assert_eq!(tx.fetch_portal(&mut portal, 2).await.unwrap(), [(1,), (2,)]);
        let mut cursor = tx.cursor::<(i32,)>("c", "select generate_series(1, $1)", (5,)).await.unwrap();
        assert_eq!(cursor.fetch(Towards::Forward(2)).await.unwrap(), [(1,), (2,)]);
        drop(cursor);
        let mut inner = tx.begin().await.unwrap();
        inner.execute("insert into t values ($1, 'two')", (n,)).await.unwrap();
        drop(inner);
        assert_eq!(tx.fetch_portal(&mut portal, 0).await.unwrap().len(), 3);
        tx.commit().await.unwrap();
    }
    drop(one.begin().await.unwrap());
    let policy = Retry::new().isolation(Isolation::Serializable);
    let count: i64 =
        one.retry(policy, async |tx| tx.query_value("select count(*) from t", ()).await).await.unwrap();
    assert_eq!(count, 10);
    let open = database.sql(
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'",
    );
    assert_eq!(open[0][0].as_deref(), Some("0"));
}

async fn copies_and_pipelines_go_through<F: Face>() {
    let Some((_database, _pooler, mut one, mut two)) = two_clients::<F>(1).await else { return };
    for n in 0..3_i64 {
        let table = CopyFrom::table("t");
        assert_eq!(one.copy_in_all(&table, (0..1_000_i64).map(|n| (n, "copied"))).await.unwrap(), 1_000);
        queries(&mut two, n).await.unwrap();
        let mut copy = one.copy_out_rows::<(i64, String)>(&CopyTo::table("t")).await.unwrap();
        let mut count = 0;
        while copy.next_as::<(i64, String)>().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 1_000);
        let delete = pipeline::execute("delete from t where n < $1", (500_i64,));
        let left = pipeline::query_one::<(i64,), _>("select count(*) from t where name = $1", ("copied",));
        assert_eq!(one.pipeline((delete, left)).await.unwrap(), (500, (500,)));
        let fails = vec![pipeline::execute("delete from t", ()), pipeline::execute("select 1 / 0", ())];
        assert!(one.pipeline(fails).await.is_err());
        assert_eq!(two.execute("delete from t", ()).await.unwrap(), 500);
        // Given up half way.
        let mut copy = one.copy_in("copy t from stdin").await.unwrap();
        copy.write(b"1\tx\n").await.unwrap();
        drop(copy);
        assert_eq!(two.query_value::<i64>("select count(*) from t", ()).await.unwrap(), 0);
    }
}

/// Outside of one, the pooler lends the server's connection to others as soon as it is refused, though data is on its way.
async fn a_copy_that_is_refused_in_a_transaction_leaves_usable_connections<F: Face>() {
    let Some((_database, _pooler, mut one, mut two)) = two_clients::<F>(2).await else { return };
    for n in 0..5 {
        let mut tx = one.begin().await.unwrap();
        let mut copy = tx.copy_in("copy t from stdin").await.unwrap();
        let error = loop {
            if let Err(error) = copy.write(&b"no number\tx\n".repeat(10_000)).await {
                break error;
            }
        };
        assert_eq!(error.sqlstate().unwrap().code(), "22P02", "{error}");
        drop(copy);
        queries(&mut two, n).await.unwrap();
        drop(tx);
        queries(&mut one, n).await.unwrap();
        assert_eq!(two.query_value::<i64>("select count(*) from t", ()).await.unwrap(), 0);
    }
}

async fn what_is_late_is_cancelled_through_it<F: Face>() {
    let Some((_database, _pooler, mut one, mut two)) = two_clients::<F>(2).await else { return };
    for n in 0..5 {
        let late = one.within(Duration::from_millis(30)).execute("select pg_sleep(600)", ()).await;
        assert!(late.unwrap_err().is_timeout());
        queries(&mut one, n).await.unwrap();
        queries(&mut two, n).await.unwrap();
    }
}

/// What would be heard by nobody is refused, also where the pooler has a connection for it.
async fn listening_is_refused<F: Face>() {
    let Some((_database, _pooler, mut one, mut two)) = two_clients::<F>(1).await else { return };
    let error = one.listen("c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    two.notify("c", "to nobody").await.unwrap();
    queries(&mut one, 1).await.unwrap();
}

pg_tests::each_client!(
    listening_is_refused,
    statements_of_two_clients_take_turns,
    transactions_keep_their_connection,
    copies_and_pipelines_go_through,
    a_copy_that_is_refused_in_a_transaction_leaves_usable_connections,
    what_is_late_is_cancelled_through_it,
);
