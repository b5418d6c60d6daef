//! Transactions: BEGIN travels with the first statement, savepoints nest, a dropped guard undoes.

use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::{Error, ErrorKind, FromSql, Isolation, Result, Row, Session, ToSql, TransactionOptions};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

async fn with_table<S: Session>(client: &mut S) -> Result<()> {
    client.batch_execute("create table t (n int4)").await
}

async fn insert<S: Session>(session: &mut S, n: i32) -> Result<()> {
    session.execute("insert into t values ($1)", (n,)).await.map(|_| ())
}

async fn numbers<S: Session>(session: &mut S) -> Result<Vec<i32>> {
    session.query_values("select n from t order by n", ()).await
}

/// A statement that fails and takes the transaction with it.
async fn fail<S: Session>(session: &mut S) -> Error {
    session.execute("select 1 / 0", ()).await.unwrap_err()
}

/// What others see of the table.
fn seen_by_others(database: &Database) -> Vec<i32> {
    database
        .sql("select n from t order by n")
        .iter()
        .map(|row| row[0].as_ref().unwrap().parse().unwrap())
        .collect()
}

async fn what_is_committed_stays_and_the_rest_does_not<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    with_table(client).await?;
    let mut tx = client.begin().await?;
    insert(&mut tx, 1).await?;
    assert_eq!(numbers(&mut tx).await?, [1]);
    assert_eq!(seen_by_others(database), [0_i32; 0]);
    tx.commit().await?;
    assert_eq!(seen_by_others(database), [1]);

    let mut tx = client.begin().await?;
    insert(&mut tx, 2).await?;
    tx.rollback().await?;
    assert_eq!(numbers(client).await?, [1]);

    let mut tx = client.begin().await?;
    insert(&mut tx, 3).await?;
    drop(tx);
    assert_eq!(numbers(client).await?, [1]);
    still_answers(client).await
}

async fn begin_and_commit_with_nothing_between_send_nothing<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let mut tx = client.begin().await?;
    let nested = tx.begin().await?;
    nested.commit().await?;
    let mut nested = tx.begin().await?;
    nested.begin().await?.rollback().await?;
    drop(nested);
    assert_eq!(tx.connection().status(), Status::Idle);
    assert!(!tx.connection().wants_write());
    tx.commit().await?;
    drop(client.begin().await?);
    assert!(!client.connection().wants_write());
    still_answers(client).await?;
    assert_eq!(client.connection().status(), Status::Idle);
    Ok(())
}

async fn a_transaction_has_the_options_it_was_begun_with<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    let settings = "select current_setting('transaction_isolation'), current_setting('transaction_read_only'), \
                    current_setting('transaction_deferrable')";
    let options = TransactionOptions::new;
    for (options, expected) in [
        (options(), ["read committed", "off", "off"]),
        (options().isolation(Isolation::ReadCommitted), ["read committed", "off", "off"]),
        (options().isolation(Isolation::RepeatableRead), ["repeatable read", "off", "off"]),
        (options().isolation(Isolation::Serializable), ["serializable", "off", "off"]),
        (options().read_only(true), ["read committed", "on", "off"]),
        (options().read_only(false).deferrable(false), ["read committed", "off", "off"]),
        (
            options().isolation(Isolation::Serializable).read_only(true).deferrable(true),
            ["serializable", "on", "on"],
        ),
    ] {
        let mut tx = client.begin_with(options).await?;
        let (isolation, read_only, deferrable): (String, String, String) = tx.query_one(settings, ()).await?;
        assert_eq!([isolation, read_only, deferrable], expected, "{options:?}");
        tx.commit().await?;
    }
    let mut tx = client.begin_with(options().read_only(true)).await?;
    let error = tx.execute("insert into t values (1)", ()).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25006");
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::RolledBack);
    still_answers(client).await?;

    let mut tx = client.begin().await?;
    let error = tx.begin_with(options().isolation(Isolation::Serializable)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().contains("a nested transaction is a savepoint"), "{error}");
    insert(&mut tx, 1).await?;
    tx.commit().await?;
    assert_eq!(numbers(client).await?, [1]);
    Ok(())
}

async fn savepoints_nest_and_each_is_undone_by_itself<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    let mut one = client.begin().await?;
    insert(&mut one, 1).await?;
    let mut two = one.begin().await?;
    insert(&mut two, 2).await?;
    let mut three = two.begin().await?;
    insert(&mut three, 3).await?;
    let mut four = three.begin().await?;
    insert(&mut four, 4).await?;
    assert_eq!(numbers(&mut four).await?, [1, 2, 3, 4]);
    four.rollback().await?;
    assert_eq!(numbers(&mut three).await?, [1, 2, 3]);
    // A savepoint of the same depth again, and one that fails.
    let mut four = three.begin().await?;
    insert(&mut four, 40).await?;
    four.commit().await?;
    let mut four = three.begin().await?;
    insert(&mut four, 41).await?;
    fail(&mut four).await;
    drop(four);
    assert_eq!(numbers(&mut three).await?, [1, 2, 3, 40]);
    drop(three);
    assert_eq!(numbers(&mut two).await?, [1, 2]);
    two.commit().await?;
    one.commit().await?;
    assert_eq!(numbers(client).await?, [1, 2]);
    still_answers(client).await
}

async fn savepoints_that_wait_are_sent_together<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_table(client).await?;
    let mut one = client.begin().await?;
    let mut two = one.begin().await?;
    let mut three = two.begin().await?;
    insert(&mut three, 3).await?;
    three.commit().await?;
    insert(&mut two, 2).await?;
    two.rollback().await?;
    insert(&mut one, 1).await?;
    one.commit().await?;
    assert_eq!(numbers(client).await?, [1]);
    still_answers(client).await
}

async fn a_recursive_function_takes_the_session_beneath<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    async fn visit<S: Session>(session: &mut S, depth: i32) -> Result<()> {
        let mut tx = session.begin().await?;
        insert(&mut tx, depth).await?;
        if depth < 6 {
            Box::pin(visit(tx.session(), depth + 1)).await?;
        }
        // Every second level is undone, and with it what is deeper.
        if depth == 4 { tx.rollback().await } else { tx.commit().await }
    }
    with_table(client).await?;
    Box::pin(visit(client, 1)).await?;
    assert_eq!(numbers(client).await?, [1, 2, 3]);
    still_answers(client).await
}

async fn commit_of_a_failed_transaction_says_that_nothing_was_kept<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    let mut tx = client.begin().await?;
    insert(&mut tx, 1).await?;
    fail(&mut tx).await;
    let error = insert(&mut tx, 2).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25P02");
    let error = tx.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert!(error.cure().unwrap().contains("nested transaction"), "{error}");
    assert_eq!(numbers(client).await?, [0_i32; 0]);

    // The same of a savepoint, and the transaction around it goes on.
    let mut tx = client.begin().await?;
    insert(&mut tx, 1).await?;
    let mut nested = tx.begin().await?;
    insert(&mut nested, 2).await?;
    fail(&mut nested).await;
    assert_eq!(nested.commit().await.unwrap_err().kind(), ErrorKind::RolledBack);
    insert(&mut tx, 3).await?;
    tx.commit().await?;
    assert_eq!(numbers(client).await?, [1, 3]);

    // What fails at COMMIT itself is the server's error.
    client.batch_execute("create table u (n int4 unique deferrable initially deferred)").await?;
    let mut tx = client.begin().await?;
    tx.execute("insert into u values (1), (1)", ()).await?;
    let error = tx.commit().await.unwrap_err();
    assert!(error.is_unique_violation());
    assert_eq!(error.sql(), Some("COMMIT"));
    still_answers(client).await
}

async fn a_failed_transaction_that_is_dropped_is_over<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    for n in 1..=3 {
        let mut tx = client.begin().await?;
        insert(&mut tx, n).await?;
        fail(&mut tx).await;
        drop(tx);
        still_answers(client).await?;
        let mut tx = client.begin().await?;
        insert(&mut tx, n).await?;
        tx.commit().await?;
    }
    // The very first statement fails.
    let mut tx = client.begin().await?;
    fail(&mut tx).await;
    assert_eq!(tx.connection().status(), Status::Failed);
    drop(tx);
    let mut tx = client.begin().await?;
    assert!(tx.query::<(i32,)>("select nonsense", ()).await.is_err());
    tx.rollback().await?;
    assert_eq!(numbers(client).await?, [1, 2, 3]);
    Ok(())
}

async fn the_first_statement_may_be_any_operation<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_table(client).await?;
    for round in 0..2 {
        let mut tx = client.begin().await?;
        tx.batch_execute("insert into t values (1); insert into t values (2)").await?;
        assert_eq!(tx.connection().status(), Status::Transaction);
        tx.rollback().await?;

        let mut tx = client.begin().await?;
        assert_eq!(tx.prepare("insert into t values ($1) returning n").await?.columns.len(), 1);
        insert(&mut tx, 1).await?;
        assert_eq!(tx.connection().status(), Status::Transaction);
        drop(tx);

        let mut tx = client.begin().await?;
        let mut rows = tx.stream("insert into t select generate_series(1, 3) returning n", ()).await?;
        assert_eq!(rows.next_row().await?.unwrap().get::<(i32,)>()?, (1,));
        assert_eq!(tx.query_value::<i64>("select count(*) from t", ()).await?, 3);
        drop(tx);

        let mut tx = client.begin().await?;
        let parts = (
            pipeline::execute("insert into t values ($1)", (1,)),
            pipeline::execute("insert into t values ($1)", (2,)),
            pipeline::query_one::<(i64,), _>("select count(*) from t", ()),
        );
        assert_eq!(tx.pipeline(parts).await?, (1, 1, (2,)));
        assert_eq!(tx.connection().status(), Status::Transaction);
        tx.rollback().await?;

        let mut tx = client.begin().await?;
        let row: Row = tx.query_one("insert into t values (9) returning n", ()).await?;
        assert_eq!(row.get::<i32>(0)?, 9);
        drop(tx);

        let mut tx = client.begin().await?;
        tx.ping().await?;
        insert(&mut tx, 5).await?;
        drop(tx);
        assert_eq!(numbers(client).await?, [0_i32; 0], "round {round}");
    }
    still_answers(client).await
}

async fn a_batch_joins_the_transaction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_table(client).await?;
    let mut tx = client.begin().await?;
    insert(&mut tx, 1).await?;
    tx.batch_execute("insert into t values (2); insert into t values (3)").await?;
    let mut nested = tx.begin().await?;
    nested.batch_execute("insert into t values (4)").await?;
    assert!(nested.batch_execute("insert into t values (5); select nonsense").await.is_err());
    nested.rollback().await?;
    tx.commit().await?;
    assert_eq!(numbers(client).await?, [1, 2, 3]);
    still_answers(client).await
}

async fn statements_after_sql_ended_the_transaction_are_refused<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    for end in ["commit", "rollback"] {
        let mut tx = client.begin().await?;
        insert(&mut tx, 1).await?;
        tx.execute(end, ()).await?;
        let error = insert(&mut tx, 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.message().contains("the transaction is over"), "{error}");
        assert!(tx.batch_execute("insert into t values (3)").await.is_err());
        assert!(tx.begin().await.is_err());
        assert!(tx.prepare("select 40 + 2").await.is_err());
        assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Usage);
        still_answers(client).await?;
    }
    assert_eq!(numbers(client).await?, [1], "the first was committed by SQL");
    let mut tx = client.begin().await?;
    insert(&mut tx, 4).await?;
    tx.batch_execute("commit").await?;
    drop(tx);
    insert(client, 5).await?;
    assert_eq!(numbers(client).await?, [1, 4, 5]);
    still_answers(client).await
}

async fn inside_a_transaction_begun_by_sql_begin_is_a_savepoint<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    client.batch_execute("begin; insert into t values (1)").await?;
    let mut tx = client.begin().await?;
    insert(&mut tx, 2).await?;
    tx.rollback().await?;
    let mut tx = client.begin().await?;
    insert(&mut tx, 3).await?;
    let mut nested = tx.begin().await?;
    insert(&mut nested, 4).await?;
    drop(nested);
    tx.commit().await?;
    assert_eq!(client.connection().status(), Status::Transaction);
    let error = client.begin_with(TransactionOptions::new().read_only(true)).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    client.execute("commit", ()).await?;
    assert_eq!(numbers(client).await?, [1, 3]);
    still_answers(client).await
}

async fn a_savepoint_that_cannot_be_made_lets_nothing_through<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_table(client).await?;
    client.batch_execute("begin").await?;
    fail(client).await;
    let mut tx = client.begin().await?;
    let error = insert(&mut tx, 1).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25P02");
    assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
    assert_eq!(error.sql(), Some("SAVEPOINT pg_1"));
    drop(tx);
    client.batch_execute("rollback").await?;
    assert_eq!(numbers(client).await?, [0_i32; 0]);
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "pair")]
struct Pair {
    a: i32,
    b: String,
}

async fn the_first_composite_ever_may_come_in_a_fresh_transaction<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type pair as (b text, a int4); create table pairs (p pair)").await?;
    let pair = Pair { a: 1, b: "x".to_owned() };
    let mut tx = client.begin_with(TransactionOptions::new().isolation(Isolation::Serializable)).await?;
    tx.execute("insert into pairs values ($1)", (&pair,)).await?;
    assert_eq!(tx.query_value::<String>("show transaction_isolation", ()).await?, "serializable");
    assert_eq!(tx.query_value::<Pair>("select p from pairs", ()).await?, pair);
    drop(tx);
    assert_eq!(client.query_value::<i64>("select count(*) from pairs", ()).await?, 0);
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "fleeting")]
struct Fleeting {
    n: i32,
}

async fn a_type_that_was_rolled_back_is_forgotten<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let value = Fleeting { n: 1 };
    let mut tx = client.begin().await?;
    tx.batch_execute("create type fleeting as (n int4)").await?;
    assert_eq!(tx.query_value::<Fleeting>("select $1", (&value,)).await?, value);
    drop(tx);
    let error = client.query_value::<Fleeting>("select $1", (&value,)).await.unwrap_err();
    assert!(error.message().contains("fleeting"), "it is named: {error}");
    still_answers(client).await?;
    client.batch_execute("create type fleeting as (n int4)").await?;
    assert_eq!(client.query_value::<Fleeting>("select $1", (&value,)).await?, value);
    still_answers(client).await
}

async fn an_early_return_undoes_all_levels<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    async fn work<S: Session>(client: &mut S) -> Result<()> {
        let mut one = client.begin().await?;
        insert(&mut one, 1).await?;
        let mut two = one.begin().await?;
        insert(&mut two, 2).await?;
        let mut three = two.begin().await?;
        insert(&mut three, 3).await?;
        three.query::<(i32,)>("select nonsense", ()).await?;
        three.commit().await
    }
    with_table(client).await?;
    assert!(work(client).await.is_err());
    assert_eq!(client.connection().conversation().transactions().depth(), 0);
    assert_eq!(numbers(client).await?, [0_i32; 0]);
    assert_eq!(client.connection().status(), Status::Idle);
    still_answers(client).await
}

pg_tests::both_clients!(
    what_is_committed_stays_and_the_rest_does_not,
    begin_and_commit_with_nothing_between_send_nothing,
    a_transaction_has_the_options_it_was_begun_with,
    savepoints_nest_and_each_is_undone_by_itself,
    savepoints_that_wait_are_sent_together,
    a_recursive_function_takes_the_session_beneath,
    commit_of_a_failed_transaction_says_that_nothing_was_kept,
    a_failed_transaction_that_is_dropped_is_over,
    the_first_statement_may_be_any_operation,
    a_batch_joins_the_transaction,
    statements_after_sql_ended_the_transaction_are_refused,
    inside_a_transaction_begun_by_sql_begin_is_a_savepoint,
    a_savepoint_that_cannot_be_made_lets_nothing_through,
    the_first_composite_ever_may_come_in_a_fresh_transaction,
    a_type_that_was_rolled_back_is_forgotten,
    an_early_return_undoes_all_levels,
);
