//! One statement with many sets of parameters: prepared once, written in pieces, all or nothing.

use pg_core::message::backend::Status;
use pg_core::{Error, ErrorKind, FromSql, Parameter, Result, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const INSERT: &str = "insert into entry (n, word) values ($1, $2)";

async fn with_entries<S: Session>(client: &mut S) -> Result<()> {
    client
        .batch_execute(
            "create table entry (n int8 primary key, word text, m int8 generated always as (n * 2) stored)",
        )
        .await
}

async fn count<S: Session>(client: &mut S) -> Result<i64> {
    client.query_value("select count(*) from entry", ()).await
}

async fn every_set_is_run<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    let words: Vec<String> = (0..1000).map(|n| format!("word {n}")).collect();
    for first in [0, 1000] {
        let sets = (first..).zip(&words).map(|(n, word): (i64, _)| (n, word.as_str()));
        assert_eq!(client.execute_many(INSERT, sets).await?, 1000);
        still_answers(client).await?;
    }
    assert_eq!(count(client).await?, 2000);
    // Other numbers of rows a set, none, and no set at all.
    assert_eq!(
        client.execute_many("update entry set word = '' where n < $1", [(10_i64,), (0,), (5,)]).await?,
        15
    );
    assert_eq!(client.execute_many(INSERT, Vec::<(i64, String)>::new()).await?, 0);
    assert_eq!(client.execute_many("select 1", [(), ()]).await?, 2);
    assert_eq!(client.execute_many("", [(), ()]).await?, 0);
    still_answers(client).await
}

async fn rows_of_all_sets_come_in_order<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    for first in [0_i64, 3000] {
        let sets = (first..first + 3000).map(|n| (n, "x"));
        let sql = "insert into entry (n, word) values ($1, $2) returning m, word";
        let rows: Vec<(i64, String)> = client.query_many(sql, sets).await?;
        assert!(rows.iter().map(|row| row.0).eq((first..first + 3000).map(|n| n * 2)));
    }
    // Rows that can't be read are no failure of the server's.
    let unread =
        client.query_many::<(i32,)>("insert into entry (n) values ($1) returning n", [(-1_i64,)]).await;
    assert_eq!(unread.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(count(client).await?, 6001);
    still_answers(client).await
}

async fn a_set_that_fails_is_named_and_undoes_all<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    for bad in [0_usize, 1, 99, 20_000] {
        let sets = (0..30_000).map(|at| (if at == bad { 7 } else { at as i64 + 100 }, "x"));
        client.execute("insert into entry values (7)", ()).await?;
        let error = client.execute_many(INSERT, sets).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert!(error.to_string().starts_with(&format!("parameter set {bad}: ")), "{error}");
        assert_eq!(error.sql(), Some(INSERT));
        still_answers(client).await?;
        assert_eq!(client.execute("delete from entry", ()).await?, 1, "nothing else is there");
    }
    // Never prepared, and never will be.
    let error = client
        .execute_many("insert into missing values ($1)", (0..5000_i64).map(|n| (n,)))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42P01");
    still_answers(client).await
}

async fn a_value_that_cannot_be_written_undoes_all<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    for bad in [0_i64, 10, 20_000] {
        let sets = (0..30_000_i64).map(|n| (n, if n == bad { "a\0b" } else { "ab" }));
        let error = client.execute_many(INSERT, sets).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(error.to_string().starts_with(&format!("parameter set {bad}: ")), "{error}");
        assert_eq!(count(client).await?, 0);
        still_answers(client).await?;
    }
    Ok(())
}

async fn an_iterator_is_asked_as_the_link_takes_its_sets<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_entries(client).await?;
    // It has no end but the one that the server makes, and what is read ahead of that is bounded.
    let asked = Arc::new(AtomicUsize::new(0));
    let endless = (0_i64..).map(|n| {
        asked.fetch_add(1, Ordering::Relaxed);
        (if n == 50_000 { 0 } else { n }, "x")
    });
    let error = client.execute_many(INSERT, endless).await.unwrap_err();
    assert!(error.to_string().starts_with("parameter set 50000: "), "{error}");
    assert!(asked.load(Ordering::Relaxed) <= 50_001 + 1024, "{asked:?} sets were asked for");
    assert_eq!(count(client).await?, 0);
    still_answers(client).await
}

async fn what_was_queued_is_held_by_the_piece<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    let sets = (0..100_000_i64).map(|n| (n, "some forty bytes that are sent of each set"));
    assert_eq!(client.execute_many(INSERT, sets).await?, 100_000);
    let buffers = client.connection().memory();
    assert!(buffers < 128 * 1024, "{buffers} bytes");
    // A set that is larger than a piece is held whole.
    let big = "x".repeat(1_000_000);
    let sets = (100_000..100_030_i64).map(|n| (n, big.as_str()));
    assert_eq!(client.execute_many(INSERT, sets).await?, 30);
    still_answers(client).await
}

async fn in_a_transaction_it_is_part_of_it<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    let mut tx = client.begin().await?;
    assert_eq!(tx.execute_many(INSERT, (0..5000_i64).map(|n| (n, "x"))).await?, 5000);
    let mut nested = tx.begin().await?;
    let twice = (0..5000_i64).map(|n| (if n == 4000 { 5000 } else { n + 5000 }, "x"));
    assert!(nested.execute_many(INSERT, twice).await.unwrap_err().is_unique_violation());
    assert_eq!(nested.connection().status(), Status::Failed);
    nested.rollback().await?;
    assert_eq!(count(&mut tx).await?, 5000);
    drop(tx);
    assert_eq!(count(client).await?, 0);
    still_answers(client).await
}

async fn a_deferred_constraint_undoes_all<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table once (n int8 primary key deferrable initially deferred)").await?;
    let error = client.execute_many("insert into once values ($1)", [(1_i64,), (1,)]).await.unwrap_err();
    assert!(error.is_unique_violation(), "{error}");
    assert!(!error.to_string().contains("parameter set"), "no set of them: {error}");
    assert_eq!(client.query_value::<i64>("select count(*) from once", ()).await?, 0);
    still_answers(client).await
}

async fn a_statement_that_went_stale_is_prepared_anew<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (a int4, b int4)").await?;
    let sql = "insert into t (a) values ($1) returning *";
    for round in 1..=3 {
        let sets = (0..2000_i32).map(|n| (n,));
        let rows: Vec<pg_core::Row> = client.query_many(sql, sets).await?;
        assert_eq!((rows.len(), rows[0].columns().len()), (2000, round + 1));
        client.batch_execute(&format!("alter table t add column c{round} int4")).await?;
    }
    client.batch_execute("deallocate all").await?;
    assert_eq!(client.execute_many(sql, [(1_i32,), (2,)]).await?, 2);
    // By a name that the cache doesn't know of: only the error tells.
    client.batch_execute("do $$ begin execute 'deallocate all'; end $$").await?;
    assert_eq!(client.execute_many(sql, (0..2000_i32).map(|n| (n,))).await?, 2000);
    still_answers(client).await
}

/// Prepared anew, the first piece holds fewer sets than the first time, since Close and Parse are in it.
async fn no_set_is_lost_where_the_first_piece_is_written_anew<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select $1::int8 where length($2) = 100";
    let word = "x".repeat(100);
    // Of some numbers all fit into the first piece and not into the second; others are several pieces long.
    for count in (150..350_i64).chain([2000]) {
        let mut numbers = 0..count;
        let mut has_ended = false;
        let sets = std::iter::from_fn(|| {
            assert!(!has_ended, "it was asked for more after its end");
            let number = numbers.next();
            has_ended = number.is_none();
            number.map(|n| (n, word.as_str()))
        });
        let rows: Vec<(i64,)> = client.query_many(sql, sets).await?;
        assert!(rows.iter().map(|row| row.0).eq(0..count), "{} of {count} sets were run", rows.len());
        client.batch_execute("do $$ begin execute 'deallocate all'; end $$").await?;
    }
    still_answers(client).await
}

async fn sets_of_dynamic_parameters_must_be_of_one_kind<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_entries(client).await?;
    let one: [&(dyn Parameter + Sync); 2] = [&1_i64, &"one"];
    let two: [&(dyn Parameter + Sync); 2] = [&2_i64, &"two"];
    let other: [&(dyn Parameter + Sync); 2] = [&"3", &"three"];
    assert_eq!(client.execute_many(INSERT, [&one[..], &two[..]]).await?, 2);
    let error = client.execute_many(INSERT, [&one[..], &other[..]]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().starts_with("parameter set 1: its parameters have other types"), "{error}");
    assert_eq!(count(client).await?, 2);
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    n: i32,
}

async fn values_may_need_the_catalog<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create type item as (name text, n int4); create table items (item item)").await?;
    let items: Vec<Item> = (0..700).map(|n| Item { name: n.to_string(), n }).collect();
    let sets = items.iter().map(|item| (item,));
    let back: Vec<(Item,)> = client.query_many("insert into items values ($1) returning item", sets).await?;
    assert!(back.iter().map(|(item,)| item).eq(&items));
    still_answers(client).await
}

async fn a_copy_is_refused<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_entries(client).await?;
    let error: Error = client.execute_many("copy entry from stdin", [(), ()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    still_answers(client).await
}

pg_tests::both_clients!(
    every_set_is_run,
    rows_of_all_sets_come_in_order,
    a_set_that_fails_is_named_and_undoes_all,
    a_value_that_cannot_be_written_undoes_all,
    an_iterator_is_asked_as_the_link_takes_its_sets,
    what_was_queued_is_held_by_the_piece,
    in_a_transaction_it_is_part_of_it,
    a_deferred_constraint_undoes_all,
    a_statement_that_went_stale_is_prepared_anew,
    no_set_is_lost_where_the_first_piece_is_written_anew,
    sets_of_dynamic_parameters_must_be_of_one_kind,
    values_may_need_the_catalog,
    a_copy_is_refused,
);

mod without_a_cache {
    use super::*;

    pg_tests::both_clients!(with |config| config.statement_cache_capacity(0); every_set_is_run, a_set_that_fails_is_named_and_undoes_all);
}
