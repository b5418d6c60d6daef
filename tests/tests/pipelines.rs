//! Several statements in one round trip, and statements declared once as constants.

use pg_core::exchange::collect::Each;
use pg_core::exchange::pipeline::{self, query, query_one, query_opt};
use pg_core::exchange::query::Request;
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

async fn with_a_sync_each_one_that_fails_is_alone<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    for round in 0..2 {
        let n = 10 * (round + 1);
        let parts = (
            INSERT.execute((n, "new@x")),
            INSERT.execute((n + 1, "a@x")),
            query::<User, _>("select nonsense from users", ()),
            query::<(i32,), _>("select id from users", ()),
            query::<User, _>("select * from users where id < $1 order by id", (3_i64,)),
        );
        let (inserted, twice, nonsense, unread, all) = client.pipeline_each(parts).await?;
        assert_eq!(inserted?, 1);
        assert!(twice.unwrap_err().is_unique_violation());
        assert_eq!(nonsense.unwrap_err().sqlstate().unwrap().code(), "42703");
        assert_eq!(unread.unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(all?.len(), 2);
        assert_eq!(client.execute("delete from users where email = 'new@x'", ()).await?, 1);
        still_answers(client).await?;
    }
    // Each for itself: what can't be written is not sent, and the others are.
    let parts = vec![INSERT.execute((3, "c@x")), INSERT.execute((4, "d\0x")), INSERT.execute((5, "e@x"))];
    let results = client.pipeline_each(parts).await?;
    let written: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(written, [true, false, true]);
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 4);
    // One statement that fails when it is prepared, many times: each has that very error.
    let parts = (0..3).map(|_| query::<(i32,), _>("select 1 from missing", ())).collect::<Vec<_>>();
    for result in client.pipeline_each(parts).await? {
        assert_eq!(result.unwrap_err().sqlstate().unwrap().code(), "42P01");
    }
    // What must be described first, and can't be.
    let parts = (query::<Row, _>("select 1 from missing", ()), query::<Row, _>("select 2 as two", ()));
    let (missing, two) = client.pipeline_each(parts).await?;
    assert_eq!(missing.unwrap_err().sqlstate().unwrap().code(), "42P01");
    assert_eq!(two?[0].get::<i32>("two")?, 2);
    still_answers(client).await
}

async fn with_a_sync_each_a_failed_transaction_stays_failed<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_users(client).await?;
    for first in [true, false] {
        let mut tx = client.begin().await?;
        if !first {
            tx.ping().await?;
        }
        let parts = (INSERT.execute((3, "c@x")), INSERT.execute((1, "d@x")), INSERT.execute((5, "e@x")));
        let (inserted, twice, after) = tx.pipeline_each(parts).await?;
        assert_eq!(inserted?, 1);
        assert!(twice.unwrap_err().is_unique_violation());
        assert_eq!(after.unwrap_err().sqlstate().unwrap().code(), "25P02");
        assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::RolledBack);
        assert_eq!(client.fetch(&ALL, ()).await?.len(), 2);
    }
    still_answers(client).await
}

async fn with_a_sync_each_stale_statements_heal<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    let all = || query::<Row, _>("select * from users order by id", ());
    for round in 0..3 {
        let parts = (INSERT.execute((100 + round, "z@x")), all(), INSERT.execute((1, "y@x")), all());
        let (inserted, rows, twice, again) = client.pipeline_each(parts).await?;
        assert_eq!(inserted?, 1);
        assert!(twice.unwrap_err().is_unique_violation());
        assert_eq!((rows?[0].columns().len(), again?.len()), (round as usize + 2, 3));
        client
            .batch_execute(&format!("alter table users add c{round} int4; delete from users where id > 99"))
            .await?;
        still_answers(client).await?;
    }
    // One behind which another has taken effect would be run in another order: it is an error, and heals with the next.
    let (stale, inserted) = client.pipeline_each((all(), INSERT.execute((7, "q@x")))).await?;
    assert_eq!((stale.unwrap_err().sqlstate().unwrap().code(), inserted?), ("0A000", 1));
    let (healed, inserted) = client.pipeline_each((all(), INSERT.execute((8, "r@x")))).await?;
    assert_eq!((healed?.len(), inserted?), (3, 1));
    still_answers(client).await?;
    Ok(())
}

async fn a_constraint_that_fails_at_the_end_fails_the_pipeline<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table once (n int8 primary key deferrable initially deferred)").await?;
    let insert = |n: i64| pipeline::execute("insert into once values ($1)", (n,));
    for _ in 0..2 {
        let error = client.pipeline((insert(1), insert(1))).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        let error = client.pipeline(vec![insert(1), insert(2), insert(1)]).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        let twice = pipeline::execute("insert into once values ($1), ($1)", (7_i64,));
        let (one, other, two) = client.pipeline_each((insert(1), twice, insert(2))).await?;
        assert!(other.unwrap_err().is_unique_violation());
        assert_eq!((one?, two?), (1, 1));
        assert_eq!(client.execute("delete from once", ()).await?, 2);
        still_answers(client).await?;
    }
    Ok(())
}

async fn a_hundred_thousand_parts_neither_deadlock_nor_pile_up<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_users(client).await?;
    let echo = |n: i64| query_one::<(i64, String), _>("select $1::int8, repeat('x', 100)", (n,));
    let rows = client.pipeline((0..100_000).map(echo).collect::<Vec<_>>()).await?;
    assert!(rows.iter().map(|row| row.0).eq(0..100_000));
    let results = client.pipeline_each((0..20_000).map(echo).collect::<Vec<_>>()).await?;
    assert!((0..).zip(&results).all(|(n, result)| result.as_ref().is_ok_and(|row| row.0 == n)));
    let buffers = client.connection().memory();
    assert!(buffers < 256 * 1024, "{buffers} bytes");
    // All or nothing, however many pieces it takes.
    let emails: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let inserts = |last| {
        let parts = (10..).zip(&emails).map(|(n, email)| INSERT.execute((n, email.as_str())));
        parts.chain([INSERT.execute((last, "last"))]).collect::<Vec<_>>()
    };
    assert!(client.pipeline(inserts(1)).await.unwrap_err().is_unique_violation());
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 2);
    assert_eq!(client.pipeline(inserts(3)).await?.len(), 20_001);
    still_answers(client).await
}

async fn the_commit_travels_with_the_last_statements<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    // One, several, and with nothing before them.
    let mut tx = client.begin().await?;
    tx.fetch(&ALL, ()).await?;
    assert_eq!(tx.commit_with(INSERT.execute((3, "c@x"))).await?, 1);
    let tx = client.begin().await?;
    let (inserted, all) = tx.commit_with((INSERT.execute((4, "d@x")), ALL.all(()))).await?;
    assert_eq!((inserted, all.len()), (1, 4));
    let options = pg_core::TransactionOptions::default().isolation(pg_core::Isolation::Serializable);
    let level = query_one::<(String,), _>("show transaction_isolation", ());
    assert_eq!(client.begin_with(options).await?.commit_with(level).await?.0, "serializable");
    assert_eq!(
        client
            .begin()
            .await?
            .commit_with(
                Vec::<pg_core::exchange::query::Request<'_, (), pg_core::exchange::collect::Affected>>::new()
            )
            .await?,
        [0; 0]
    );
    assert_eq!(client.connection().status(), Status::Idle);
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 4);
    still_answers(client).await?;

    // One that fails undoes the transaction, and the error is its own.
    for before in [true, false] {
        let mut tx = client.begin().await?;
        if before {
            tx.fetch_one(&INSERT_RETURNING, (5, "e@x")).await?;
        }
        let error =
            tx.commit_with((INSERT.execute((6, "f@x")), INSERT.execute((7, "a@x")))).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert_eq!(client.connection().status(), Status::Idle, "it was rolled back");
        assert!(client.connection().is_idle());
        assert_eq!(client.fetch(&ALL, ()).await?.len(), 4);
    }
    // One that failed before.
    let mut tx = client.begin().await?;
    assert!(tx.fetch_one(&INSERT_RETURNING, (1, "e@x")).await.is_err());
    let error = tx.commit_with(INSERT.execute((6, "f@x"))).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25P02");
    assert_eq!(client.connection().status(), Status::Idle);
    // What can't be sent.
    let mut tx = client.begin().await?;
    tx.fetch_one(&INSERT_RETURNING, (5, "e@x")).await?;
    assert_eq!(tx.commit_with(INSERT.execute((6, "\0"))).await.unwrap_err().kind(), ErrorKind::Encode);
    still_answers(client).await?;
    // A row that can't be read: the transaction was committed all the same, and the error says so.
    let tx = client.begin().await?;
    let unread = query_one::<(i32,), _>("insert into users values ('u@x', 8) returning id", ());
    let error = tx.commit_with(unread).await.unwrap_err();
    assert!(error.to_string().starts_with("the transaction was committed"), "{error}");
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 5);
    still_answers(client).await
}

const INSERT_RETURNING: Query<(i64, &str), User> =
    Query::new("insert into users (id, email) values ($1, $2) returning *");

async fn a_savepoint_is_released_after_its_last_statements<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_users(client).await?;
    let mut tx = client.begin().await?;
    let nested = tx.begin().await?;
    assert_eq!(nested.commit_with(INSERT.execute((3, "c@x"))).await?, 1);
    let nested = tx.begin().await?;
    assert!(nested.commit_with(INSERT.execute((1, "d@x"))).await.unwrap_err().is_unique_violation());
    assert_eq!(tx.commit_with(ALL.all(())).await?.len(), 3);
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 3);
    still_answers(client).await
}

async fn a_commit_that_fails_says_why<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table once (n int8 primary key deferrable initially deferred)").await?;
    let tx = client.begin().await?;
    let twice = pipeline::execute("insert into once values (1), (1)", ());
    assert!(tx.commit_with(twice).await.unwrap_err().is_unique_violation());
    assert_eq!(client.query_value::<i64>("select count(*) from once", ()).await?, 0);
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

/// What was given away can't be taken back, so that nothing is run again; the others' results are no error then.
async fn what_cannot_be_run_again_fails_with_the_error_of_the_part_that_failed<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int8)").await?;
    client.query::<Row>("select * from t", ()).await?;
    client.batch_execute("alter table t add column m int8").await?;
    let mut seen = 0;
    let parts = (
        query_one::<(i64,), _>("insert into t values (1) returning n", ()),
        Request::new(
            "insert into t values (2) returning n",
            (),
            Each::new(|_: (i64,)| {
                seen += 1;
                Ok(())
            }),
        ),
        query::<Row, _>("select * from t", ()),
    );
    let error = client.pipeline(parts).await.map(drop).unwrap_err();
    assert_eq!((error.sqlstate().unwrap().code(), seen), ("0A000", 1), "{error}");
    assert!(client.query::<Row>("select * from t", ()).await?.is_empty());
    still_answers(client).await
}

/// The server would take what comes behind it for its data.
async fn a_copy_from_the_client_is_no_part_wherever_it_stands<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_users(client).await?;
    for sql in
        ["copy users from stdin", "copy users(email)from stdin(format csv)", "copy users from\n--\nstdin;"]
    {
        let one = || pipeline::execute("delete from users", ());
        let copy = || pipeline::execute(sql, ());
        let tx = client.begin().await?;
        let behind_another = tx.commit_with((one(), copy())).await.map(drop);
        let tx = client.begin().await?;
        let alone = tx.commit_with(copy()).await.map(drop);
        let told = [
            behind_another,
            alone,
            client.pipeline((one(), copy())).await.map(drop),
            client.pipeline((copy(), one())).await.map(drop),
            client.pipeline(copy()).await.map(drop),
            client.pipeline_each((one(), copy())).await?.1.map(drop),
        ];
        for error in told.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.message().contains("contains a COPY"), "{error}");
        }
        still_answers(client).await?;
    }
    // But for a part of `pipeline_each` nothing was run; what only looks like a COPY is run.
    assert_eq!(client.execute("insert into users values ('c@x', 3)", ()).await?, 1);
    client.batch_execute("create table \"from stdin\" (n int8)").await?;
    let parts = (pipeline::execute("/* copy t from stdin */ select 'copy t from stdin'", ()), ALL.all(()));
    assert_eq!(client.pipeline(parts).await?, (1, vec![user(3, "c@x")]));
    still_answers(client).await
}

async fn what_the_server_refuses_at_the_end_is_the_pipelines_error<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create table t (n int8 unique deferrable initially deferred); insert into t values (1)",
        )
        .await?;
    for _ in 0..2 {
        let parts = (
            pipeline::execute("insert into t values ($1)", (1_i64,)),
            pipeline::query_one::<(i64,), _>("select 1::int8", ()),
        );
        assert!(client.pipeline(parts).await.unwrap_err().is_unique_violation());
        let parts = vec![pipeline::execute("insert into t values ($1)", (1_i64,))];
        assert!(client.pipeline(parts).await.unwrap_err().is_unique_violation());
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    each_part_gives_what_it_was_asked_for,
    one_that_fails_undoes_all_of_them,
    many_parts_are_one_round_trip,
    a_pipeline_in_a_transaction_is_part_of_it,
    with_a_sync_each_one_that_fails_is_alone,
    with_a_sync_each_a_failed_transaction_stays_failed,
    with_a_sync_each_stale_statements_heal,
    a_constraint_that_fails_at_the_end_fails_the_pipeline,
    a_hundred_thousand_parts_neither_deadlock_nor_pile_up,
    the_commit_travels_with_the_last_statements,
    a_savepoint_is_released_after_its_last_statements,
    a_commit_that_fails_says_why,
    parts_may_need_types_and_descriptions,
    declared_statements_are_typed_at_both_ends,
    what_the_server_refuses_at_the_end_is_the_pipelines_error,
    what_cannot_be_run_again_fails_with_the_error_of_the_part_that_failed,
    a_copy_from_the_client_is_no_part_wherever_it_stands,
);
