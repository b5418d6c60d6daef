//! Several statements in one round trip, and statements declared once as constants.

use pg_core::exchange::pipeline::{self, query, query_one, query_opt};
use pg_core::message::backend::Status;
use pg_core::{ErrorKind, FromRow, FromSql, Query, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

#[derive(Debug, Clone, PartialEq, FromRow)]
struct User {
    id: i64,
    email: String,
}

const ALL: Query<(), User> = Query::new("select * from users order by id");
const BY_EMAIL: Query<(&str,), User> = Query::new("select * from users where email = $1");
const INSERT: Query<(i64, &str), ()> = Query::new("insert into users (id, email) values ($1, $2)");

async fn with_users<S: Session>(client: &mut S) -> Result<()> {
    client.batch_execute("create table users (email text unique, id int8 primary key); insert into users values ('a@x', 1), ('b@x', 2)").await
}

fn user(id: i64, email: &str) -> User {
    User { id, email: email.to_owned() }
}

async fn each_part_gives_what_it_was_asked_for<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    for n in 10..12_i64 {
        let parts = (
            query::<User, _>("select * from users where id < $1 order by id", (10_i64,)),
            query_one::<(i64,), _>("select count(*) from users where id < 10", ()),
            query_opt::<User, _>("select * from users where email = $1", ("nobody",)),
            pipeline::execute("insert into users (id, email) values ($1, $2)", (n, n.to_string())),
            query_one::<Row, _>("select * from users where id = $1", (n,)),
        );
        let (all, count, none, inserted, row) = client.pipeline(parts).await?;
        assert_eq!(all, [user(1, "a@x"), user(2, "b@x")]);
        assert_eq!((count, none, inserted), ((2,), None, 1));
        assert_eq!(row.get::<String>("email")?, n.to_string());
        still_answers(client).await?;
    }
    let (only,) = client.pipeline((query::<(i32,), _>("select 1", ()),)).await?;
    assert_eq!(only, [(1,)]);
    let nothing: Vec<u64> = client
        .pipeline(
            Vec::<pg_core::exchange::query::Request<'_, (), pg_core::exchange::collect::Affected>>::new(),
        )
        .await?;
    assert_eq!(nothing, [0u64; 0]);
    still_answers(client).await
}

async fn one_that_fails_undoes_all_of_them<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    for _ in 0..2 {
        // By the server when it runs, when it is prepared, by us when its rows are read.
        let parts = (INSERT.execute((3, "c@x")), INSERT.execute((3, "d@x")), ALL.all(()));
        let error = client.pipeline(parts).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert_eq!(error.sql(), Some(INSERT.sql()));
        still_answers(client).await?;

        let parts =
            (INSERT.execute((3, "c@x")), query::<User, _>("select nonsense from users", ()), ALL.all(()));
        let error = client.pipeline(parts).await.unwrap_err();
        assert!(error.to_string().contains("LINE 1: select nonsense"), "{error}");
        still_answers(client).await?;

        let parts = vec![INSERT.execute((3, "c@x")), INSERT.execute((4, "a@x")), INSERT.execute((5, "e@x"))];
        let error = client.pipeline(parts).await.unwrap_err();
        assert!(error.to_string().starts_with("statement 1 of the pipeline: "), "counted from 0: {error}");
        assert_eq!(client.fetch(&ALL, ()).await?.len(), 2);
    }
    // A row that can't be read is no failure of the server's: the others were run.
    let parts = (
        INSERT.execute((6, "f@x")),
        query::<(i32,), _>("select id from users", ()),
        INSERT.execute((7, "g@x")),
    );
    assert_eq!(client.pipeline(parts).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 4);
    still_answers(client).await
}

async fn many_parts_are_one_round_trip<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    // More than fits into the buffers of both sides at once.
    let big = "x".repeat(100_000);
    let parts: Vec<_> = (0..200)
        .map(|n| query_one::<(i32, String), _>("select $1::int4, $2::text", (n, big.as_str())))
        .collect();
    let rows = client.pipeline(parts).await?;
    assert!((0..).zip(&rows).all(|(n, (m, text))| n == *m && text.len() == big.len()));
    let inserts: Vec<_> = (100..1100).map(|n| (n, n.to_string())).collect();
    let parts: Vec<_> = inserts.iter().map(|(n, email)| INSERT.execute((*n, email.as_str()))).collect();
    assert_eq!(client.pipeline(parts).await?.iter().sum::<u64>(), 1000);
    assert_eq!(client.query_value::<i64>("select count(*) from users", ()).await?, 1002);
    still_answers(client).await
}

async fn a_pipeline_in_a_transaction_is_part_of_it<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    for first in [true, false] {
        let mut tx = client.begin().await?;
        if !first {
            assert_eq!(tx.fetch(&ALL, ()).await?.len(), 2);
        }
        let (_, all) = tx.pipeline((INSERT.execute((3, "c@x")), ALL.all(()))).await?;
        assert_eq!(all.len(), 3);
        let mut nested = tx.begin().await?;
        assert!(nested.pipeline((INSERT.execute((4, "d@x")), INSERT.execute((1, "e@x")))).await.is_err());
        assert_eq!(nested.connection().status(), Status::Failed);
        nested.rollback().await?;
        assert_eq!(tx.fetch(&ALL, ()).await?.len(), 3);
        drop(tx);
        assert_eq!(client.fetch(&ALL, ()).await?.len(), 2);
    }
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "first")]
struct First {
    n: i32,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "second")]
struct Second {
    s: String,
}

async fn parts_may_need_types_and_descriptions<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type first as (n int4); create type second as (s text); create type third as enum ('x')",
        )
        .await?;
    let (one, two) = (First { n: 1 }, Second { s: "two".to_owned() });
    for _ in 0..2 {
        let parts = (
            query_one::<Row, _>("select 'x'::third as t, $1 as f", (&one,)),
            query_one::<(First,), _>("select $1", (&one,)),
            query_one::<(Second,), _>("select $1", (&two,)),
            query_one::<Row, _>("select $1 as s", (&two,)),
        );
        let (row, first, second, other) = client.pipeline(parts).await?;
        assert_eq!((row.get::<&str>("t")?, row.get::<First>("f")?), ("x", one.clone()));
        assert_eq!((first, second, other.get::<Second>("s")?), ((one.clone(),), (two.clone(),), two.clone()));
        still_answers(client).await?;
    }
    Ok(())
}

/// A constant is as good in generic code as anywhere, with borrowed parameters.
async fn find<S: Session>(session: &mut S, email: &str) -> Result<Option<User>> {
    session.fetch_opt(&BY_EMAIL, (email,)).await
}

async fn declared_statements_are_typed_at_both_ends<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    let email = String::from("b@x");
    for _ in 0..2 {
        assert_eq!(client.fetch(&ALL, ()).await?, [user(1, "a@x"), user(2, "b@x")]);
        assert_eq!(client.fetch_one(&BY_EMAIL, (&email,)).await?, user(2, "b@x"));
        assert_eq!(find(client, &email).await?, Some(user(2, "b@x")));
        assert_eq!(find(client, "nobody").await?, None);
        let mut tx = client.begin().await?;
        assert_eq!(find(&mut tx, &email).await?, Some(user(2, "b@x")));
        assert_eq!(
            tx.pipeline((BY_EMAIL.one((&email,)), BY_EMAIL.opt(("nobody",)))).await?,
            (user(2, "b@x"), None)
        );
        drop(tx);
        let error = client.fetch_one(&BY_EMAIL, ("nobody",)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RowCount);
        still_answers(client).await?;
    }
    assert_eq!(format!("{BY_EMAIL:?}"), "Query(\"select * from users where email = $1\")");
    Ok(())
}

pg_tests::both_clients!(
    each_part_gives_what_it_was_asked_for,
    one_that_fails_undoes_all_of_them,
    many_parts_are_one_round_trip,
    a_pipeline_in_a_transaction_is_part_of_it,
    parts_may_need_types_and_descriptions,
    declared_statements_are_typed_at_both_ends,
);
