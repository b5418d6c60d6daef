//! Prepared statements: which are kept, when they are closed, and what happens when the server's idea changes.

use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::types::adapter::Parameter;
use pg_core::types::native::Native;
use pg_core::{ErrorKind, FromRow, FromSql, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::time::Duration;

/// Asks for the statements that the server keeps prepared for this session, in a way that adds none.
async fn prepared<S: Session>(client: &mut S) -> Result<Vec<String>> {
    client
        .batch_execute(
            "create temp table if not exists seen (statement text);
             truncate seen; insert into seen select statement from pg_prepared_statements order by prepare_time",
        )
        .await?;
    client.batch_execute("create or replace temp view listing as select statement from seen").await?;
    let all: Vec<String> = client.query_values(LISTING, ()).await?;
    Ok(all.into_iter().filter(|sql| sql != LISTING && !sql.contains("still here")).collect())
}

const LISTING: &str = "select statement from listing";

async fn a_full_cache_closes_what_was_used_longest_ago<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    prepared(client).await?;
    for n in [1, 2, 3] {
        assert_eq!(client.query_value::<i32>(&format!("select {n}"), ()).await?, n);
    }
    // The fourth place is taken by the question.
    assert_eq!(prepared(client).await?, ["select 1", "select 2", "select 3"]);
    client.query_value::<i32>("select 1", ()).await?;
    client.query_value::<i32>("select 4", ()).await?;
    assert_eq!(prepared(client).await?, ["select 1", "select 3", "select 4"]);
    for n in 5..50 {
        assert_eq!(client.query_value::<i32>(&format!("select {n}"), ()).await?, n);
    }
    assert_eq!(
        prepared(client).await?,
        ["select 46", "select 47", "select 48", "select 49"],
        "the question was closed too"
    );
    still_answers(client).await
}

async fn what_failed_is_not_kept<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for n in 0..10 {
        assert!(client.query_value::<i32>(&format!("select nonsense{n}"), ()).await.is_err());
        let parts = (
            pipeline::execute("select 1", ()),
            pipeline::execute("select nonsense", ()),
            pipeline::execute("select 2", ()),
        );
        assert!(client.pipeline(parts).await.is_err());
        assert!(client.prepare("select nonsense").await.is_err());
    }
    assert_eq!(prepared(client).await?, ["select 1"]);
    // One that fails when it runs stays.
    assert!(client.query_value::<i32>("select 1 / 0 as zero", ()).await.is_err());
    assert_eq!(prepared(client).await?, ["select 1", "select 1 / 0 as zero"]);
    still_answers(client).await
}

async fn a_close_that_the_server_skipped_is_made_up_for<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for round in 0..20 {
        // More statements than the cache holds, so that they close each other, and one that fails before.
        let sqls: Vec<String> = (0..8).map(|n| format!("select {round} + {n}")).collect();
        let mut parts = vec![pipeline::execute("select 1 / 0", ())];
        parts.extend(sqls.iter().map(|sql| pipeline::execute(sql, ())));
        assert!(client.pipeline(parts).await.is_err());
        // A request that can't be written doesn't lose the names either.
        let parts = (pipeline::execute("select 'one'", ()), pipeline::execute("select $1::text", ("\0",)));
        assert!(client.pipeline(parts).await.is_err());
    }
    still_answers(client).await?;
    let left = prepared(client).await?;
    assert!(left.len() <= 4, "{left:?}");
    Ok(())
}

async fn the_same_sql_with_other_types_is_another_statement<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for _ in 0..3 {
        assert_eq!(client.query_value::<i64>("select $1", (5_i64,)).await?, 5);
        assert_eq!(client.query_value::<String>("select $1", ("5",)).await?, "5");
        assert!(client.query_value::<bool>("select $1", (true,)).await?);
        assert_eq!(client.query_value::<Option<i64>>("select $1", (None::<i64>,)).await?, None);
    }
    assert_eq!(prepared(client).await?.len(), 3);
    Ok(())
}

async fn a_pipeline_may_use_more_statements_than_the_cache_holds<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for _ in 0..2 {
        let sqls: Vec<String> = (0..20).map(|n| format!("select {n} * $1::int4")).collect();
        let parts: Vec<_> = sqls.iter().map(|sql| pipeline::query_one::<(i32,), _>(sql, (2,))).collect();
        let answers: Vec<i32> = client.pipeline(parts).await?.into_iter().map(|(n,)| n).collect();
        assert_eq!(answers, (0..20).map(|n| n * 2).collect::<Vec<_>>());
        still_answers(client).await?;
        // Rows whose type is known at run time only: each is described first.
        let parts: Vec<_> = sqls.iter().map(|sql| pipeline::query_one::<Row, _>(sql, (3,))).collect();
        let answers =
            client.pipeline(parts).await?.into_iter().map(|row| row.get(0)).collect::<Result<Vec<i32>>>()?;
        assert_eq!(answers, (0..20).map(|n| n * 3).collect::<Vec<_>>());
        still_answers(client).await?;
    }
    assert!(prepared(client).await?.len() <= 4);
    Ok(())
}

async fn a_pipeline_may_use_a_new_statement_twice<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select $1::int4 + 1";
    let one = |n: i32| pipeline::query_one::<(i32,), _>(sql, (n,));
    for _ in 0..2 {
        assert_eq!(client.pipeline((one(1), one(2), one(3))).await?, ((2,), (3,), (4,)));
        let parts = (pipeline::query_one::<Row, _>(sql, (1,)), one(5), pipeline::execute(sql, (2,)));
        let (row, five, rows) = client.pipeline(parts).await?;
        assert_eq!((row.get::<i32>(0)?, five, rows), (2, (6,), 1));
        still_answers(client).await?;
    }
    let parts = vec![
        pipeline::query::<(String,), _>("select 'new' || $1", ("a",)),
        pipeline::query("select 'new' || $1", ("b",)),
    ];
    assert_eq!(client.pipeline(parts).await?, [[("newa".to_owned(),)], [("newb".to_owned(),)]]);
    still_answers(client).await
}

async fn without_a_cache_nothing_stays_prepared<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create type mood as enum ('sad'); create table t (n int4, mood mood); insert into t values (1, 'sad')").await?;
    for n in 0..3_i32 {
        assert_eq!(client.query_value::<i32>("select $1 + 1", (n,)).await?, n + 1);
        assert_eq!(client.execute("update t set n = n where n = $1", (1,)).await?, 1);
        // Described first, and the catalog asked in between, which is a statement without a name too.
        let row: Row = client.query_one("select n, mood from t where n = $1", (1,)).await?;
        assert_eq!((row.get::<i32>("n")?, row.get::<&str>("mood")?), (1, "sad"));
        let mut rows = client.stream("select n from t", ()).await?;
        assert_eq!(rows.next_row().await?.unwrap().get::<(i32,)>()?, (1,));
        let parts = (
            pipeline::query_one::<Row, _>("select n from t", ()),
            pipeline::query_one::<Row, _>("select mood from t", ()),
            pipeline::query_one::<(i32,), _>("select $1 * 2", (n,)),
            pipeline::query_one::<(i32,), _>("select $1 * 2", (n + 1,)),
        );
        let (number, mood, double, next) = client.pipeline(parts).await?;
        assert_eq!(
            (number.get::<i32>(0)?, mood.get::<&str>(0)?, double, next),
            (1, "sad", (n * 2,), (n * 2 + 2,))
        );
        // The same statement again, with a BEGIN before it that has no name either.
        let mut tx = client.begin().await?;
        assert_eq!(tx.query_value::<i32>("select $1 + 1", (n,)).await?, n + 1);
        assert_eq!(tx.connection().status(), Status::Transaction);
        let row: Row = tx.query_one("select n, mood from t where n = $1", (1,)).await?;
        assert_eq!(row.get::<i32>("n")?, 1);
        tx.commit().await?;
        let mut tx = client.begin().await?;
        let row: Row = tx.query_one("select n, mood from t where n = $1", (1,)).await?;
        assert_eq!(row.get::<i32>("n")?, 1);
        drop(tx);
        assert_eq!(client.prepare("select n from t where n = $1").await?.columns.len(), 1);
        still_answers(client).await?;
    }
    assert_eq!(prepared(client).await?, [] as [String; 0]);
    Ok(())
}

#[derive(Debug, PartialEq, FromRow)]
struct Narrow {
    id: i32,
}

async fn an_altered_table_heals_outside_of_a_transaction<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (id int4); insert into t values (1)").await?;
    let sql = "select * from t where id = $1";
    assert_eq!(client.query_one::<Narrow>(sql, (1,)).await?, Narrow { id: 1 });
    assert_eq!(client.query_one::<Row>(sql, (1,)).await?.columns().len(), 1);
    assert_eq!(client.execute(sql, (1,)).await?, 1);

    client.batch_execute("alter table t add column name text default 'a'").await?;
    assert_eq!(client.query_one::<Narrow>(sql, (1,)).await?, Narrow { id: 1 });
    client.batch_execute("alter table t add column more text default 'b'").await?;
    assert_eq!(client.query_one::<Row>(sql, (1,)).await?.columns().len(), 3);
    client.batch_execute("alter table t drop column name").await?;
    assert_eq!(client.execute(sql, (1,)).await?, 1);
    client.batch_execute("alter table t add column c1 int4").await?;
    let mut rows = client.stream_as::<Narrow>(sql, (1,)).await?;
    assert_eq!(rows.next_as::<Narrow>().await?, Some(Narrow { id: 1 }));
    client.batch_execute("alter table t add column c2 int4").await?;
    let mut rows = client.stream(sql, (1,)).await?;
    assert_eq!(rows.next_as::<Narrow>().await?, Some(Narrow { id: 1 }));
    client.batch_execute("alter table t drop column c1, drop column c2").await?;

    // A column's type.
    let sql = "select id from t";
    assert_eq!(client.query_value::<i32>(sql, ()).await?, 1);
    client.batch_execute("alter table t alter column id type int8").await?;
    let error = client.query_value::<i32>(sql, ()).await.unwrap_err();
    assert_eq!(error.message(), "column 1 \"id\": the SQL type is int8, but i32 stands for int4");
    assert_eq!(client.query_value::<i64>(sql, ()).await?, 1);
    client.batch_execute("alter table t alter column id type int4").await?;
    assert_eq!(client.query_value::<i32>(sql, ()).await?, 1);
    client.batch_execute("alter table t alter column id type int8").await?;
    assert_eq!(client.query_value::<i64>(sql, ()).await?, 1);
    still_answers(client).await
}

async fn a_pipeline_heals_where_nothing_is_done_twice<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client
        .batch_execute("create table t (id int4); insert into t values (1); create table log (n int4)")
        .await?;
    let stale = || pipeline::query_one::<Narrow, _>("select * from t", ());
    let insert = || pipeline::execute("insert into log values ($1)", (7,));
    let read = || pipeline::query_one::<(i64,), _>("select count(*) from log", ());
    client.pipeline((stale(), insert(), read())).await?;
    let mut columns = 0;
    let mut alter = || {
        columns += 1;
        database.sql(&format!("alter table t add column c{columns} int4"));
    };
    // The first statement was not run; rows that were inserted before it were undone.
    alter();
    assert_eq!(client.pipeline((stale(), insert(), read())).await?, (Narrow { id: 1 }, 1, (2,)));
    alter();
    assert_eq!(client.pipeline((insert(), stale(), read())).await?, (1, Narrow { id: 1 }, (3,)));
    alter();
    assert_eq!(client.pipeline(vec![stale(), stale()]).await?, [Narrow { id: 1 }, Narrow { id: 1 }]);
    // A query before it may have done what no ROLLBACK undoes: that is for the caller to say.
    alter();
    let error = client.pipeline((read(), insert(), stale())).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "0A000");
    assert!(error.cure().unwrap().contains("run it again"), "{error}");
    assert_eq!(client.pipeline((read(), insert(), stale())).await?, ((3,), 1, Narrow { id: 1 }));
    // Inside a transaction nothing is run twice.
    let mut tx = client.begin().await?;
    tx.execute("select 1", ()).await?;
    alter();
    assert_eq!(tx.pipeline((stale(), insert())).await.unwrap_err().sqlstate().unwrap().code(), "0A000");
    tx.rollback().await?;
    assert_eq!(client.query_value::<i64>("select count(*) from log", ()).await?, 4);
    still_answers(client).await
}

async fn a_mistake_that_the_schema_corrects_is_forgotten<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (id int8); insert into t values (1)").await?;
    assert_eq!(client.query_value::<i64>("select id from t", ()).await?, 1);
    assert_eq!(
        client.query_value::<i32>("select id from t", ()).await.unwrap_err().kind(),
        ErrorKind::Decode
    );
    client.batch_execute("alter table t alter column id type int4").await?;
    assert_eq!(client.query_value::<i32>("select id from t", ()).await?, 1);
    still_answers(client).await
}

async fn an_altered_table_is_an_error_inside_a_transaction<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute("create table t (id int4); insert into t values (1)").await?;
    let sql = "select * from t where id = $1";
    for column in ["a", "b"] {
        assert_eq!(client.query_one::<Narrow>(sql, (1,)).await?, Narrow { id: 1 });
        database.sql(&format!("alter table t add column {column} text"));
        let mut tx = client.begin().await?;
        if column == "b" {
            still_answers(&mut tx).await?;
        }
        let error = tx.query_one::<Narrow>(sql, (1,)).await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "0A000");
        assert!(error.cure().unwrap().contains("run it again"), "{error}");
        tx.rollback().await?;
        assert_eq!(client.query_one::<Narrow>(sql, (1,)).await?, Narrow { id: 1 });
        still_answers(client).await?;
    }
    // In a savepoint, the transaction around it goes on.
    database.sql("alter table t add column c text");
    let mut tx = client.begin().await?;
    let mut nested = tx.begin().await?;
    assert!(nested.query_one::<Narrow>(sql, (1,)).await.is_err());
    nested.rollback().await?;
    assert_eq!(tx.query_one::<Narrow>(sql, (1,)).await?, Narrow { id: 1 });
    tx.commit().await?;
    // And in a pipeline, the next run.
    database.sql("alter table t add column d text");
    let parts = || (pipeline::execute("select 1", ()), pipeline::query_one::<Narrow, _>(sql, (1,)));
    assert!(client.pipeline(parts()).await.is_err());
    assert_eq!(client.pipeline(parts()).await?, (1, Narrow { id: 1 }));
    still_answers(client).await
}

/// Somebody has prepared statements of our names, as a pooler lets others do: by SQL here.
async fn names_that_others_have_taken_are_changed<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let take = "do $$ begin for n in 1..200 loop
        execute format('prepare s%s as select 0', n); end loop; end $$";
    client.batch_execute(take).await?;
    for n in 0..3 {
        assert_eq!(client.query_value::<i32>("select $1::int4", (n,)).await?, n);
        // What is described first, and what isn't prepared at all.
        assert_eq!(client.query_one::<Row>("select $1::int8 as n", (1_i64,)).await?.get::<i64>("n")?, 1);
        assert_eq!(client.prepare("select 1 as one").await?.columns.len(), 1);
    }
    still_answers(client).await
}

async fn inside_a_transaction_a_taken_name_is_an_error_once<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "do $$ begin for n in 1..9 loop execute format('prepare s%s as select 0', n); end loop; end $$",
        )
        .await?;
    let mut tx = client.begin().await?;
    let error = tx.query_value::<i32>("select $1::int4", (1,)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42P05");
    drop(tx);
    let mut tx = client.begin().await?;
    assert_eq!(tx.query_value::<i32>("select $1::int4", (1,)).await?, 1);
    tx.commit().await
}

async fn what_sql_deallocates_is_prepared_again<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (n int4); insert into t values (1)").await?;
    let sql = "select n from t where n = $1";
    for freeing in ["discard all", "deallocate all", "DEALLOCATE PREPARE ALL", " discard  all;"] {
        for batch in [true, false] {
            assert_eq!(client.query_value::<i32>(sql, (1,)).await?, 1);
            match batch {
                true => client.batch_execute(freeing).await?,
                false => drop(client.execute(freeing, ()).await?),
            }
            // In a transaction nothing could be healed: the statement must be known to be gone.
            let mut tx = client.begin().await?;
            assert_eq!(tx.query_value::<i32>(sql, (1,)).await?, 1, "{freeing} {batch}");
            tx.commit().await?;
            still_answers(client).await?;
        }
    }
    // One by one, as no client can know: healed outside, an error inside.
    let free = "do $$ declare s record; begin for s in select name from pg_prepared_statements where not from_sql loop \
                execute 'deallocate ' || quote_ident(s.name); end loop; end $$";
    assert_eq!(client.query_value::<i32>(sql, (1,)).await?, 1);
    client.batch_execute(free).await?;
    assert_eq!(client.query_value::<i32>(sql, (1,)).await?, 1);
    client.batch_execute(free).await?;
    let mut tx = client.begin().await?;
    let error = tx.query_value::<i32>(sql, (1,)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "26000");
    drop(tx);
    let mut tx = client.begin().await?;
    assert_eq!(tx.query_value::<i32>(sql, (1,)).await?, 1);
    tx.commit().await?;
    still_answers(client).await
}

async fn deallocation_in_a_pipeline_spares_what_comes_after<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for _ in 0..3 {
        let parts = (
            pipeline::query_one::<(i32,), _>("select 1", ()),
            pipeline::execute("deallocate all", ()),
            pipeline::query_one::<(i32,), _>("select 2", ()),
        );
        // What was cached before is gone when it is used after; then the pipeline fails as a whole.
        match client.pipeline(parts).await {
            Ok((one, _, two)) => assert_eq!((one, two), ((1,), (2,))),
            Err(error) => assert_eq!(error.sqlstate().unwrap().code(), "26000", "{error}"),
        }
        still_answers(client).await?;
        let mut tx = client.begin().await?;
        assert_eq!(tx.query_value::<i32>("select 1", ()).await?, 1);
        assert_eq!(tx.query_value::<i32>("select 2", ()).await?, 2);
        tx.commit().await?;
    }
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "pair")]
struct Pair {
    a: i32,
    b: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Ok,
}

/// It goes as text and is never looked up, so that only the server's error tells of it.
async fn an_enum_made_anew_is_found_again<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..3 {
        client.batch_execute("drop type if exists mood cascade; create type mood as enum ('ok')").await?;
        for _ in 0..2 {
            assert_eq!(client.query_value::<Mood>("select $1::mood", (Mood::Ok,)).await?, Mood::Ok);
            still_answers(client).await?;
        }
    }
    Ok(())
}

async fn a_type_made_anew_is_found_again<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let pair = Pair { a: 1, b: 2 };
    for definition in ["(a int4, b int4)", "(b int4, a int4)"] {
        client.batch_execute(&format!("drop type if exists pair; create type pair as {definition}")).await?;
        assert_eq!(client.query_value::<Pair>("select $1", (&pair,)).await?, pair, "{definition}");
        assert_eq!(
            client.query_value::<Vec<Pair>>("select array[$1]", (&pair,)).await?,
            std::slice::from_ref(&pair)
        );
        still_answers(client).await?;
    }
    // Inside a transaction it is an error that says so, and only once.
    client.batch_execute("drop type pair; create type pair as (a int4, b int4)").await?;
    let mut tx = client.begin().await?;
    let error = tx.query_value::<Pair>("select $1", (&pair,)).await.unwrap_err();
    assert!(error.cure().unwrap().contains("the type was altered or made anew"), "{error}");
    assert!(error.cure().unwrap().contains("roll back and run the transaction again"), "{error}");
    drop(tx);
    let mut tx = client.begin().await?;
    assert_eq!(tx.query_value::<Pair>("select $1", (&pair,)).await?, pair);
    tx.commit().await?;
    // As a result only.
    client.batch_execute("drop type pair; create type pair as (a int4, b int4)").await?;
    let error = client.query_value::<Pair>("select row(1, 2)::pair", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(client.query_value::<Pair>("select row(1, 2)::pair", ()).await?, pair);
    // As a row that is read when it was given away: the connection hears of it all the same.
    for kept in [false, true] {
        let sql = "select row(1, 2)::pair";
        let mut rows = client.stream_as::<(Pair,)>(sql, ()).await?;
        assert_eq!(rows.next_as::<(Pair,)>().await?, Some((pair.clone(),)));
        client.batch_execute("alter type pair alter attribute b type int8").await?;
        let mut rows = client.stream_as::<(Pair,)>(sql, ()).await?;
        let error = match (rows.next_row().await?, kept) {
            (Some(row), true) => row.to_owned()?.get::<Pair>(0).unwrap_err(),
            (Some(row), false) => row.get::<(Pair,)>().unwrap_err(),
            (None, _) => panic!("no row"),
        };
        assert!(error.cure().unwrap().contains("the type was altered or made anew"), "{error}");
        let error = client.query_value::<Pair>(sql, ()).await.unwrap_err();
        assert!(error.message().contains("the SQL type is int8, but i32"), "looked up anew: {error}");
        client.batch_execute("drop type pair; create type pair as (a int4, b int4)").await?;
        assert_eq!(client.query_value::<Pair>("select $1", (&pair,)).await?, pair);
    }
    // The same OID, but another attribute at another place.
    client.batch_execute("alter type pair drop attribute a; alter type pair add attribute a int4").await?;
    assert_eq!(client.query_value::<Pair>("select $1", (&pair,)).await?, pair);
    client.batch_execute("alter type pair add attribute c text").await?;
    let error = client.query_value::<Pair>("select $1", (&pair,)).await.unwrap_err();
    assert!(error.message().contains("has an attribute \"c\""), "{error}");
    client.batch_execute("alter type pair drop attribute c").await?;
    assert_eq!(client.query_value::<Pair>("select $1", (&pair,)).await?, pair);
    still_answers(client).await
}

/// The same type, its attributes in another order.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "pair")]
struct Reversed {
    b: i32,
    a: i32,
}

/// The same type, by its text form.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "int4", text)]
struct Written(i32);

async fn two_rust_types_for_one_sql_type_are_each_written_their_own_way<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type pair as (a int4, b int4)").await?;
    let sql = "select $1::pair::text";
    let (pair, reversed) = (Pair { a: 1, b: 2 }, Reversed { a: 1, b: 2 });
    for _ in 0..2 {
        assert_eq!(client.query_value::<String>(sql, (&pair,)).await?, "(1,2)");
        assert_eq!(client.query_value::<String>(sql, (&reversed,)).await?, "(1,2)");
        let lists: [[&(dyn Parameter + Sync); 1]; 2] = [[&reversed], [&pair]];
        for list in lists {
            assert_eq!(client.query_value::<String>(sql, list).await?, "(1,2)");
        }
        let part = (
            pipeline::query_one::<(String,), _>(sql, (&pair,)),
            pipeline::query_one::<(String,), _>(sql, (&reversed,)),
        );
        assert_eq!(client.pipeline(part).await?, (("(1,2)".to_owned(),), ("(1,2)".to_owned(),)));
        assert_eq!(client.query_value::<i32>("select $1", (7,)).await?, 7);
        assert_eq!(client.query_value::<i32>("select $1", (Written(7),)).await?, 7);
    }
    still_answers(client).await
}

/// Each is described first, since nobody knows its parameters' types; what another entered must not be lost by it.
async fn any_number_of_statements_that_are_described_first_may_travel_together<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.set_deadline(Some(Duration::from_secs(10)));
    for _ in 0..2 {
        let parts = (
            pipeline::query_one::<(i64, String), _>(
                "select $1 * 2::int8, $2::text",
                (Native(7_i64), "seven"),
            ),
            pipeline::query_one::<Row, _>(
                "select $1::text as word, $2 * 3::int8 as n",
                ("seven", Native(7_i64)),
            ),
        );
        let (first, second) = client.pipeline(parts).await?;
        assert_eq!(first, (14, "seven".to_owned()));
        assert_eq!((second.get::<String>("word")?, second.get::<i64>("n")?), ("seven".to_owned(), 21));
        let texts: Vec<String> = (0..6).map(|at| format!("select $1 + {at}::int8")).collect();
        let parts =
            || texts.iter().map(|sql| pipeline::query_one::<(i64,), _>(sql, (Native(7_i64),))).collect();
        let rows: Vec<(i64,)> = client.pipeline::<Vec<_>>(parts()).await?;
        assert!(rows.into_iter().eq((7..13).map(|n| (n,))));
        for (row, n) in client.pipeline_each::<Vec<_>>(parts()).await?.into_iter().zip(7..) {
            assert_eq!(row?, (n,));
        }
    }
    still_answers(client).await
}

/// What has no binary form is asked for once more as text, and all with it: each is prepared as itself then.
async fn statements_that_are_run_again_are_themselves<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int8)").await?;
    for round in 1..3 {
        let parts = (
            pipeline::query_one::<(i64,), _>("insert into t values ($1) returning n", (Native(round),)),
            pipeline::query_one::<Named, _>(
                "select 'right' as name, 'postgres=r/postgres'::aclitem as rights",
                (),
            ),
            pipeline::query_one::<(String,), _>("select $1::text || 'er'", (Native("oth"),)),
        );
        let (inserted, right, other) = client.pipeline(parts).await?;
        assert_eq!((inserted, &*right.name, &*other.0), ((round,), "right", "other"));
        assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, round);
    }
    still_answers(client).await
}

#[derive(Debug, FromRow)]
struct Named {
    name: String,
}

async fn what_made_the_cache_larger_for_a_while_leaves_it<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    any_number_of_statements_that_are_described_first_may_travel_together(client, database).await?;
    let prepared: i64 =
        client.query_value("select count(*) from pg_prepared_statements where not from_sql", ()).await?;
    assert!(prepared <= 4, "{prepared} are prepared");
    Ok(())
}

pg_tests::both_clients!(with |config| config.statement_cache_capacity(4);
    what_made_the_cache_larger_for_a_while_leaves_it,
    statements_that_are_run_again_are_themselves,
);

mod described_without_a_cache {
    use super::*;

    pg_tests::both_clients!(with |config| config.statement_cache_capacity(0);
        any_number_of_statements_that_are_described_first_may_travel_together,
        statements_that_are_run_again_are_themselves,
    );
}

pg_tests::both_clients!(with |config| config.statement_cache_capacity(4);
    a_full_cache_closes_what_was_used_longest_ago,
    a_close_that_the_server_skipped_is_made_up_for,
    a_pipeline_may_use_more_statements_than_the_cache_holds,
    a_pipeline_may_use_a_new_statement_twice,
);
pg_tests::both_clients!(with |config| config.statement_cache_capacity(0); without_a_cache_nothing_stays_prepared);
pg_tests::both_clients!(
    what_failed_is_not_kept,
    the_same_sql_with_other_types_is_another_statement,
    an_altered_table_heals_outside_of_a_transaction,
    a_pipeline_heals_where_nothing_is_done_twice,
    a_mistake_that_the_schema_corrects_is_forgotten,
    an_altered_table_is_an_error_inside_a_transaction,
    what_sql_deallocates_is_prepared_again,
    names_that_others_have_taken_are_changed,
    inside_a_transaction_a_taken_name_is_an_error_once,
    deallocation_in_a_pipeline_spares_what_comes_after,
    an_enum_made_anew_is_found_again,
    a_type_made_anew_is_found_again,
    two_rust_types_for_one_sql_type_are_each_written_their_own_way,
);
