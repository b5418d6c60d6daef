//! Errors: who says so, where, what was expected and what to do; and that the connection answers rightly after each.

use pg_core::error::Position;
use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::types::strings::Text;
use pg_core::{Error, ErrorKind, FromRow, FromSql, Parameter, Result, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

async fn what_the_server_says_is_told_whole<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create schema shop;
             create table shop.users (id int8 constraint users_key primary key, age int4 constraint grown_up check (age > 17));
             create function shop.fail() returns void language plpgsql as $$
               begin raise exception 'no %', 'more' using detail = 'the detail', hint = 'the hint', errcode = 'ZZ123'; end $$",
        )
        .await?;
    for _ in 0..2 {
        let sql = "insert into shop.users values ($1, $2), ($1, $2)";
        let error = client.execute(sql, (1_i64, 20)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.is_unique_violation() && !error.is_closed() && !error.is_retryable());
        let server = error.server().unwrap();
        assert_eq!((server.severity.as_str(), server.sqlstate.code()), ("ERROR", "23505"));
        assert_eq!(server.message, "duplicate key value violates unique constraint \"users_key\"");
        assert_eq!(server.detail.as_deref(), Some("Key (id)=(1) already exists."));
        let place = [&server.schema, &server.table, &server.constraint].map(|name| name.as_deref().unwrap());
        assert_eq!(place, ["shop", "users", "users_key"]);
        assert_eq!(server.routine.as_deref(), Some("_bt_check_unique"));
        assert!(server.file.is_some() && server.line.is_some());
        assert_eq!(error.sql(), Some(sql));
        assert!(error.to_string().contains("\nSTATEMENT:  insert into"), "{error}");
        still_answers(client).await?;

        let error = client.execute("insert into shop.users values (2, 3)", ()).await.unwrap_err();
        assert!(error.is_check_violation());
        let error = client.execute("insert into shop.users values (null, 20)", ()).await.unwrap_err();
        assert_eq!(error.server().unwrap().column.as_deref(), Some("id"));

        let error = client.execute("select shop.fail()", ()).await.unwrap_err();
        let server = error.server().unwrap();
        assert_eq!((server.sqlstate.code(), server.message.as_str()), ("ZZ123", "no more"));
        assert_eq!(
            (server.detail.as_deref(), server.hint.as_deref()),
            (Some("the detail"), Some("the hint"))
        );
        assert!(server.context.as_deref().unwrap().contains("function shop.fail() line 2"));
        assert_eq!(error.cure(), Some("the hint"));
        still_answers(client).await?;
    }
    Ok(())
}

async fn a_caret_stands_under_the_mistake<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select 'h\u{e9}llo \u{1f600}',\n\tnam,\n  1";
    for _ in 0..2 {
        let error = client.query::<(String,)>(sql, ()).await.unwrap_err();
        assert_eq!(error.server().unwrap().position, Some(Position::Statement(20)));
        assert!(error.to_string().contains("LINE 2: \tnam,\n        \t^"), "{error}");
        let error = client.batch_execute(&format!("select 1;\n{sql}")).await.unwrap_err();
        assert!(error.to_string().contains("LINE 3: \tnam,\n        \t^"), "{error}");
        let error = client.prepare(sql).await.unwrap_err();
        assert!(error.to_string().contains("LINE 2: \tnam,\n        \t^"), "{error}");
        let error = client.stream(sql, ()).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("LINE 2: \tnam,\n        \t^"), "{error}");
        let error = client.execute("select * from", ()).await.unwrap_err();
        assert!(error.to_string().contains("LINE 1: select * from\n                     ^"), "{error}");
        still_answers(client).await?;
    }
    client
        .batch_execute(
            "create function f() returns int language plpgsql as $$ begin execute 'select nonsense from nowhere'; return 1; end $$",
        )
        .await?;
    let error = client.query_value::<i32>("select f()", ()).await.unwrap_err();
    assert!(error.to_string().contains("QUERY:  select nonsense from nowhere\nLINE 1:"), "{error}");
    still_answers(client).await
}

/// The message and the cure.
fn words(error: &Error) -> (String, String) {
    (error.message().to_owned(), error.cure().unwrap_or_default().to_owned())
}

async fn a_value_that_does_not_fit_names_column_types_and_cure<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type mood as enum ('sad'); create table t (id int8, name text, at timestamptz, mood mood)").await?;
    client.batch_execute("insert into t values (5000000000, null, 'infinity', 'sad')").await?;
    #[derive(Debug, FromRow)]
    #[allow(dead_code, reason = "read, and shown in assertions only")]
    struct Wrong {
        id: i32,
        name: String,
    }
    for _ in 0..2 {
        let error = client.query::<Wrong>("select * from t", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        let (message, cure) = words(&error);
        assert_eq!(message, "column 1 \"id\": the SQL type is int8, but i32 stands for int4");
        assert_eq!(cure, "use i64 in place of i32, or cast the column or field: `... :: int4`");
        assert_eq!(error.sql(), Some("select * from t"));
        still_answers(client).await?;

        let error = client.query::<(i64, String)>("select id, name from t", ()).await.unwrap_err();
        let (message, cure) = words(&error);
        assert_eq!(message, "column 2 \"name\": the value is NULL, which String can't hold");
        assert_eq!(cure, "use Option<String>, or coalesce(..) in the query");
        still_answers(client).await?;

        let error = client.query_value::<i64>("select null::int8", ()).await.unwrap_err();
        assert!(error.message().contains("NULL"), "{error}");
        let error = client.query_value::<String>("select at from t", ()).await.unwrap_err();
        assert!(
            words(&error).0.contains("the SQL type is timestamptz, but String stands for text"),
            "{error}"
        );
        still_answers(client).await?;

        let error = client.query::<(i64, i64, i64)>("select id, id from t", ()).await.unwrap_err();
        let (message, cure) = words(&error);
        assert_eq!(message, "the row has 2 columns, and the Rust type reads at least 3");
        assert!(cure.contains("select as many columns as the tuple has"), "{cure}");
        still_answers(client).await?;

        let missing = client.query::<Wrong>("select 1 as id, 'a' as nickname", ()).await.unwrap_err();
        let (message, cure) = words(&missing);
        assert_eq!(message, "the row has no column \"name\"; it has id, nickname");
        assert!(cure.contains("#[pg(name = \"..\")]"), "{cure}");
        still_answers(client).await?;
    }
    Ok(())
}

async fn columns_that_nobody_reads_are_no_error<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        assert_eq!(client.query::<(i32,)>("select 1, 'more', null", ()).await?, [(1,)]);
        assert_eq!(client.query_value::<i32>("select 1, 'more'", ()).await?, 1);
    }
    Ok(())
}

async fn an_insert_whose_result_does_not_fit_was_still_run_once<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (id int8)").await?;
    let sql = "insert into t values (1) returning id";
    let error = client.query_one::<(i32,)>(sql, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 1);
    assert_eq!(client.query_one::<(i64,)>(sql, ()).await?, (1,));
    // Now the columns are known, and the mistake is found before anything is sent.
    let error = client.query_one::<(i32,)>(sql, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 2);
    still_answers(client).await
}

async fn parameters_too_many_or_too_few_are_refused<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (n int8)").await?;
    for _ in 0..2 {
        let few = client.query::<(i64,)>("select $1::int8 + $2::int8", (1_i64,)).await.unwrap_err();
        assert_eq!(few.kind(), ErrorKind::Usage);
        assert_eq!(few.message(), "1 parameter was given to a statement that has 2");
        assert!(few.cure().unwrap().contains("a parameter for each"), "{few}");
        assert!(!few.is_closed());
        still_answers(client).await?;
        let none = client.execute("insert into t values ($1)", ()).await.unwrap_err();
        assert_eq!(none.message(), "0 parameters were given to a statement that has 1");
        // What others define has parameters of its own.
        client
            .execute("create or replace function twice(int) returns int begin atomic select 2 * $1; end", ())
            .await?;
        let strings = "select '$3', \"$4\" /* $5 */ from (select $1::int8) as x(\"$4\") -- $6";
        assert_eq!(client.query_one::<(String, i64)>(strings, (7_i64,)).await?, ("$3".to_owned(), 7));
        still_answers(client).await?;

        let many = client.query::<(i64,)>("select $1::int8", (1_i64, 2_i64)).await.unwrap_err();
        assert_eq!(many.kind(), ErrorKind::Usage, "the server would take them in silence");
        assert_eq!(many.message(), "2 parameters were given to a statement that has 1");
        still_answers(client).await?;
        let list: Vec<Box<dyn Parameter + Send + Sync>> = vec![Box::new(1_i64), Box::new("a")];
        let many = client.execute("insert into t values (1)", list).await.unwrap_err();
        assert_eq!(many.message(), "2 parameters were given to a statement that has 0");
        let many = client.stream("select 1", (1_i64,)).await.map(|_| ()).unwrap_err();
        assert_eq!(many.kind(), ErrorKind::Usage);
        let many = client.pipeline((
            pipeline::execute("insert into t values (1)", ()),
            pipeline::execute("select 1", (1_i64,)),
        ));
        assert_eq!(many.await.unwrap_err().kind(), ErrorKind::Usage);
        still_answers(client).await?;
    }
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 0);
    // One that is not used by the statement but stands in it is no mistake.
    assert_eq!(client.query_value::<i64>("select $2::int8", (1_i64, 2_i64)).await?, 2);
    Ok(())
}

async fn nul_is_refused_before_anything_is_sent<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (s text)").await?;
    let mut tx = client.begin().await?;
    for _ in 0..2 {
        let error = tx.execute("insert into t values ($1)", ("a\0b",)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert_eq!(
            error.message(),
            "parameter $1: a string contains a NUL character, which PostgreSQL text can't hold"
        );
        let error = tx.execute("insert into t values ($1)", (vec!["x", "a\0b"],)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.message().starts_with("parameter $1: "), "{error}");
        let error = tx.execute("insert into t values ('\0')", ()).await.unwrap_err();
        assert_eq!(error.message(), "the SQL text contains a NUL character");
        let error = tx.batch_execute("insert into t values ('\0')").await.unwrap_err();
        assert_eq!(error.message(), "the SQL text contains a NUL character");
        let error = tx.prepare("select '\0'").await.unwrap_err();
        assert_eq!(error.message(), "the SQL text contains a NUL character");
        let parts = (
            pipeline::execute("insert into t values ('one')", ()),
            pipeline::execute("insert into t values ($1)", ("\0",)),
        );
        assert_eq!(tx.pipeline(parts).await.unwrap_err().kind(), ErrorKind::Encode);
    }
    assert_eq!(tx.connection().status(), Status::Transaction, "the batch had to begin it");
    // None of it has failed on the server, so that the transaction goes on.
    tx.execute("insert into t values ($1)", ("fine",)).await?;
    tx.commit().await?;
    assert_eq!(client.query_values::<String>("select s from t", ()).await?, ["fine"]);
    still_answers(client).await
}

async fn there_is_room_for_65535_parameters_and_no_more<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = |count: usize| {
        let places: Vec<String> = (1..=count).map(|n| format!("(${n}::int4)")).collect();
        format!("select count(*), sum(n) from (values {}) v(n)", places.join(","))
    };
    let values: Vec<i32> = (1..=65_536).collect();
    let all: Vec<&(dyn Parameter + Sync)> = values.iter().map(|n| n as &(dyn Parameter + Sync)).collect();
    let (count, sum): (i64, i64) = client.query_one(&sql(65_535), &all[..65_535]).await?;
    assert_eq!((count, sum), (65_535, 65_535 * 65_536 / 2));
    still_answers(client).await?;
    let error = client.query_one::<(i64, i64)>(&sql(65_536), &all[..]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.message(), "65536 parameters: PostgreSQL takes at most 65535");
    assert!(error.cure().unwrap().contains("unnest($1)"));
    still_answers(client).await
}

fn is_about_copy<T>(outcome: Result<T>) {
    let error = outcome.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(error.message().contains("COPY, which has a stream of its own"), "{error}");
    assert!(error.sql().unwrap().contains("copy t"), "{error}");
}

async fn copy_is_refused_and_the_connection_goes_on<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (n int4); insert into t select generate_series(1, 20000)").await?;
    for sql in ["copy t from stdin", "copy t to stdout"] {
        for _ in 0..2 {
            is_about_copy(client.execute(sql, ()).await);
            still_answers(client).await?;
            is_about_copy(client.query::<(i32,)>(sql, ()).await);
            still_answers(client).await?;
            is_about_copy(client.batch_execute(&format!("select 1; {sql}; select 2")).await);
            still_answers(client).await?;
            match client.stream(sql, ()).await {
                Ok(mut rows) => is_about_copy(rows.next_row().await.map(|_| ())),
                Err(error) => is_about_copy::<()>(Err(error)),
            }
            still_answers(client).await?;
            match client.stream_as::<(i32,)>(sql, ()).await {
                Ok(mut rows) => is_about_copy(rows.next_row().await.map(|_| ())),
                Err(error) => is_about_copy::<()>(Err(error)),
            }
            still_answers(client).await?;
            let parts =
                (pipeline::execute(sql, ()), pipeline::query_one::<(i64,), _>("select count(*) from t", ()));
            is_about_copy(client.pipeline(parts).await);
            still_answers(client).await?;
            let parts =
                (pipeline::query_one::<(i64,), _>("select count(*) from t", ()), pipeline::execute(sql, ()));
            is_about_copy(client.pipeline(parts).await);
            still_answers(client).await?;
        }
    }
    let mut tx = client.begin().await?;
    is_about_copy(tx.execute("copy t to stdout", ()).await);
    still_answers(&mut tx).await?;
    is_about_copy(tx.execute("copy t from stdin", ()).await);
    assert_eq!(tx.connection().status(), Status::Failed);
    drop(tx);
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 20_000);
    still_answers(client).await
}

async fn a_copy_that_nobody_waits_for_does_not_outlive_its_transaction<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int4)").await?;
    for sql in ["copy t from stdin", "copy t to stdout", "insert into t values (3)"] {
        for _ in 0..2 {
            let mut tx = client.begin().await?;
            tx.execute("insert into t values (1)", ()).await?;
            let mut inner = tx.begin().await?;
            inner.execute("insert into t values (2)", ()).await?;
            drop(inner.stream(sql, ()).await?);
            drop(inner);
            assert_eq!(tx.query_value::<i64>("select count(*) from t", ()).await?, 1);
            drop(tx.stream(sql, ()).await?);
            drop(tx);
            assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 0);
            still_answers(client).await?;
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
struct Nowhere {
    n: i32,
}

async fn a_type_that_does_not_exist_is_named<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        let error = client.execute("select $1", (Nowhere { n: 1 },)).await.unwrap_err();
        assert_eq!(error.message(), "the type \"nowhere\" does not exist in the search path");
        assert!(error.cure().unwrap().contains("#[pg(name = \"..\", schema = \"..\")]"), "{error}");
        still_answers(client).await?;
        assert_eq!(error.sql(), Some("select $1"), "what it was looked up for");
        let error = client.query_value::<Nowhere>("select 1", ()).await.unwrap_err();
        assert_eq!(error.message(), "the type \"nowhere\" does not exist in the search path");
        still_answers(client).await?;
    }
    client.batch_execute("create type nowhere as (n int4)").await?;
    assert_eq!(client.query_value::<Nowhere>("select $1", (Nowhere { n: 1 },)).await?, Nowhere { n: 1 });
    still_answers(client).await
}

#[derive(Debug, PartialEq, FromRow)]
struct Only {
    id: i64,
}

async fn two_columns_of_a_name_are_one_too_many_for_a_field<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for _ in 0..2 {
        let error = client.query::<Only>("select 1::int8 as id, 'a', 2::int8 as id", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.message(), "columns 1 and 3 of the row are both called \"id\"");
        assert!(error.cure().unwrap().contains("as other_name"), "{error}");
        // Of what nobody reads by its name there may be many, and a tuple reads none by its name.
        assert_eq!(client.query::<Only>("select 1::int8 as id, 2 as n, 3 as n", ()).await?, [Only { id: 1 }]);
        let pair: (i64, i64) = client.query_one("select 1::int8 as id, 2::int8 as id", ()).await?;
        assert_eq!(pair, (1, 2));
    }
    still_answers(client).await
}

async fn an_error_does_not_show_the_values<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let secret = "hunter2-very-secret";
    let error = client.query_value::<i64>("select $1::text::int8", (Text(secret),)).await.unwrap_err();
    // The server's message quotes it; ours add nothing.
    assert_eq!(error.to_string().matches(secret).count(), 1, "{error}");
    let error = client.execute("select $1", (format!("{secret}\0"),)).await.unwrap_err();
    assert!(!format!("{error:?}").contains(secret), "{error:?}");
    still_answers(client).await
}

pg_tests::both_clients!(
    what_the_server_says_is_told_whole,
    a_caret_stands_under_the_mistake,
    a_value_that_does_not_fit_names_column_types_and_cure,
    columns_that_nobody_reads_are_no_error,
    an_insert_whose_result_does_not_fit_was_still_run_once,
    parameters_too_many_or_too_few_are_refused,
    nul_is_refused_before_anything_is_sent,
    there_is_room_for_65535_parameters_and_no_more,
    copy_is_refused_and_the_connection_goes_on,
    a_copy_that_nobody_waits_for_does_not_outlive_its_transaction,
    a_type_that_does_not_exist_is_named,
    two_columns_of_a_name_are_one_too_many_for_a_field,
    an_error_does_not_show_the_values,
);
