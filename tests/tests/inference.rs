//! Strings as parameters: the server infers their type from where they stand, and where it can't, the error names the
//! cure.

use pg_core::types::strings::Text;
use pg_core::{Error, Result, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

async fn a_string_stands_for_a_value_of_any_column<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'happy'); create domain code as varchar(3);
             create table things (at timestamptz, id uuid, mood mood, host inet, price numeric, n int8, day date, doc jsonb,
                                  code code, flag bool, tags text[], span interval, name text)",
        )
        .await?;
    let values = (
        "2026-01-02 03:04:05+00",
        "3f333df6-90a4-4fda-8dd3-9485d27cee36",
        "happy",
        "10.0.0.0/8".to_owned(),
        "12.50",
        "9000000000",
        "2026-02-28",
        r#"{"a": [1, "x"]}"#,
        "abc",
        "yes",
        "{a,\"b c\"}",
        "1 day 02:00:00",
        "it's",
    );
    let insert = "insert into things values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    for _ in 0..2 {
        assert_eq!(client.execute(insert, values.clone()).await?, 1);
    }
    for (column, value) in [
        ("at", "2026-01-02T04:04:05+01"),
        ("id", "{3F333DF690A44FDA8DD39485D27CEE36}"),
        ("mood", "happy"),
        ("host", "10.0.0.0/8"),
        ("price", "12.5"),
        ("n", "9000000000"),
        ("day", "28 Feb 2026"),
        ("doc", r#"{"a":[1,"x"]}"#),
        ("code", "abc"),
        ("flag", "t"),
        ("tags", "{a,b c}"),
        ("span", "26 hours"),
        ("name", "it's"),
    ] {
        let sql = format!("select count(*) from things where {column} = $1");
        assert_eq!(client.query_value::<i64>(&sql, (value,)).await?, 2, "{column}");
        assert_eq!(client.query_value::<i64>(&sql, (None::<&str>,)).await?, 0, "{column}");
        assert_eq!(client.query_value::<i64>(&sql, (Some(String::from(value)),)).await?, 2, "{column}");
    }
    let error =
        client.query_value::<i64>("select count(*) from things where n = $1", ("many",)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22P02");
    still_answers(client).await
}

async fn a_list_of_strings_is_an_array_of_any_type<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'so so', 'happy');
             create table things (id int8, mood mood, host inet, name text);
             insert into things values (1, 'sad', '10.0.0.1', 'a,b'), (2, 'so so', '::1', '\"'), (3, 'happy', null, '')",
        )
        .await?;
    for _ in 0..2 {
        let ids = "select id from things where id = any($1) order by id";
        assert_eq!(client.query_values::<i64>(ids, (vec!["1", "3"],)).await?, [1, 3]);
        assert_eq!(client.query_values::<i64>(ids, (["2"],)).await?, [2]);
        assert_eq!(client.query_values::<i64>(ids, (&[] as &[&str],)).await?, [0i64; 0]);
        let moods = "select id from things where mood = any($1) order by id";
        assert_eq!(
            client.query_values::<i64>(moods, (vec![Some("sad"), None, Some("so so")],)).await?,
            [1, 2]
        );
        let hosts = "select id from things where host = any($1)";
        assert_eq!(client.query_values::<i64>(hosts, (vec!["::1".to_owned()],)).await?, [2]);
        let names = "select id from things where name = any($1) order by id";
        assert_eq!(client.query_values::<i64>(names, (vec!["a,b", "\"", ""],)).await?, [1, 2, 3]);
        assert_eq!(client.query_values::<i64>(names, (vec![Text("a,b"), Text("NULL")],)).await?, [1]);
    }
    let spread: Vec<(String, Option<String>)> = client
        .query("select * from unnest($1::text[], $2::text[])", (vec!["a", "NULL"], vec![None, Some("{}")]))
        .await?;
    assert_eq!(spread, [("a".to_owned(), None), ("NULL".to_owned(), Some("{}".to_owned()))]);
    still_answers(client).await
}

async fn text_is_text_wherever_it_stands<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select pg_typeof($1)::text, $1";
    let (type_, value): (String, String) = client.query_one(sql, (Text("5"),)).await?;
    assert_eq!((type_.as_str(), value.as_str()), ("text", "5"));
    let (type_, _): (String, String) =
        client.query_one("select pg_typeof($1)::text, $1", (Text(String::from("x")),)).await?;
    assert_eq!(type_, "text");
    assert_eq!(client.query_value::<Option<String>>("select $1", (None::<Text<&str>>,)).await?, None);
    // Where another type is wanted, the server converts only what it converts by itself.
    let error = client.query_value::<bool>("select 5 = $1", (Text("5"),)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42883");
    assert!(!cure(&error).contains("$1::text"), "its type is known, and the SQL is wrong: {error}");
    assert_eq!(client.query_value::<i32>("select 4 + $1", ("5",)).await?, 9);
    still_answers(client).await
}

fn cure(error: &Error) -> String {
    error.cure().unwrap_or_default().to_owned()
}

/// Statements whose parameter's type PostgreSQL can't infer, what it says, and the statement with the cure in it.
const NOT_INFERRED: &[(&str, &str, &str)] = &[
    ("select jsonb_build_object('a', $1)::text", "42P18", "select jsonb_build_object('a', $1::text)::text"),
    ("select json_build_array($1)::text", "42P18", "select json_build_array($1::text)::text"),
    ("select to_jsonb($1)::text", "42804", "select to_jsonb($1::text)::text"),
    ("select ($1 is null)::text", "42P18", "select ($1::text is null)::text"),
    ("select ($1 is not null)::text", "42P18", "select ($1::text is not null)::text"),
    ("select format('%s', $1)", "42P18", "select format('%s', $1::text)"),
    ("select concat('a', $1)", "42P18", "select concat('a', $1::text)"),
    ("select concat_ws(',', 'a', $1)", "42P18", "select concat_ws(',', 'a', $1::text)"),
    ("select pg_typeof($1)::text", "42P18", "select pg_typeof($1::text)::text"),
    ("select count($1)::text", "42P18", "select count($1::text)::text"),
    ("select num_nulls($1)::text", "42P18", "select num_nulls($1::text)::text"),
    ("select date_trunc('day', $1)::text", "42725", "select date_trunc('day', $1::timestamp)::text"),
    ("select extract(year from $1)::text", "42725", "select extract(year from $1::date)::text"),
    ("select ($1 + $1)::text", "42725", "select ($1::int8 + $1)::text"),
    ("select (- $1)::text", "42725", "select (- $1::int8)::text"),
    ("select to_char($1, 'YYYY')", "42725", "select to_char($1::date, 'YYYY')"),
];

async fn where_no_type_can_be_inferred_the_error_names_the_cure<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for (sql, code, cured) in NOT_INFERRED {
        let error = client.query_value::<String>(sql, ("2026-01-02",)).await.map(|_| ()).err();
        let Some(error) = error else { panic!("{sql} works") };
        assert_eq!(error.sqlstate().unwrap().code(), *code, "{sql}: {error}");
        assert!(cure(&error).contains("`$1::text`") && cure(&error).contains("`Text(..)`"), "{sql}: {error}");
        still_answers(client).await?;
        let value = if cured.contains("int8") { "5" } else { "2026-01-02" };
        client.query::<(String,)>(cured, (value,)).await.unwrap_or_else(|e| panic!("{cured}: {e}"));
        if *code != "42725" {
            client
                .query::<(String,)>(sql, (Text("a"),))
                .await
                .unwrap_or_else(|e| panic!("{sql} with Text: {e}"));
        }
        // Prepared ahead it says the same.
        let error = client.prepare(sql).await.unwrap_err();
        assert!(cure(&error).contains("`$1::text`"), "{sql}: {error}");
    }
    still_answers(client).await
}

/// Statements of the same kind whose parameter's type PostgreSQL does infer.
const INFERRED: &[(&str, &str)] = &[
    ("select coalesce($1)", "a"),
    ("select coalesce($1, 'b')", "a"),
    ("select (array[$1])[1]", "a"),
    ("select $1", "a"),
    ("select 'a' || $1", "ab"),
    ("select lower($1)", "a"),
    ("select case when true then $1 end", "a"),
    ("select nullif($1, 'b')", "a"),
    ("select max(x) from (values ($1), ('A')) v(x)", "a"),
    ("select ($1 = 'a')::text", "true"),
    ("select greatest($1, 'A')", "a"),
    ("select $1 union select $1", "a"),
    ("select length($1)::text", "1"),
    ("select abs($1)::text", "5"),
    ("select (1 + $1)::text", "6"),
];

async fn elsewhere_the_server_takes_it_for_what_fits<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for (sql, expected) in INFERRED {
        let value = match *expected {
            "ab" => "b",
            "5" | "6" => "5",
            _ => "a",
        };
        let got: String = client.query_value(sql, (value,)).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(got, *expected, "{sql}");
    }
    Ok(())
}

async fn what_was_inferred_and_does_not_fit_has_the_cure_too<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int4, s text)").await?;
    let sql = "insert into t (n) select x from (select $1 as x) y";
    let error = client.execute(sql, ("5",)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42804", "{error}");
    assert!(cure(&error).contains("whichever is meant"), "{error}");
    still_answers(client).await?;
    assert_eq!(client.execute("insert into t (n) select x from (select $1::int4 as x) y", ("5",)).await?, 1);
    let error = client.execute("insert into t (n, s) values ($1, $1)", ("5",)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42P08", "{error}");
    assert!(cure(&error).contains("whichever is meant"), "{error}");
    assert_eq!(client.execute("insert into t (n, s) values ($1::text::int4, $1)", ("5",)).await?, 1);
    still_answers(client).await
}

async fn a_mistake_that_is_not_about_types_gets_no_such_hint<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int4, name text)").await?;
    let about_types = |error: &Error| cure(error).contains("`$1::text`");
    let misspelt = client.query_value::<i64>("select abss($1)", (5_i64,)).await.unwrap_err();
    assert_eq!(misspelt.sqlstate().unwrap().code(), "42883");
    assert!(!about_types(&misspelt), "{misspelt}");
    assert!(cure(&misspelt).contains("No function matches"), "the server's own hint is shown: {misspelt}");
    let without = client.query_value::<i64>("select abss('5')", ()).await.unwrap_err();
    assert!(!about_types(&without), "{without}");
    let wrong = client.execute("update t set n = 'a'::text where n = $1", (5_i32,)).await.unwrap_err();
    assert_eq!(wrong.sqlstate().unwrap().code(), "42804");
    assert!(!about_types(&wrong), "{wrong}");
    // A string parameter that has nothing to do with it.
    let other = client.query::<(i64,)>("select abss(n) from t where name = $1", ("a",)).await.unwrap_err();
    assert_eq!(other.sqlstate().unwrap().code(), "42883");
    assert!(!about_types(&other), "{other}");
    let column = client.query::<(i64,)>("select nn from t where name = $1", ("a",)).await.unwrap_err();
    assert!(!about_types(&column), "{column}");
    let prepared = client.prepare("select abss(5)").await.unwrap_err();
    assert!(!about_types(&prepared), "{prepared}");
    still_answers(client).await
}

pg_tests::both_clients!(
    a_string_stands_for_a_value_of_any_column,
    a_list_of_strings_is_an_array_of_any_type,
    text_is_text_wherever_it_stands,
    where_no_type_can_be_inferred_the_error_names_the_cure,
    elsewhere_the_server_takes_it_for_what_fits,
    what_was_inferred_and_does_not_fit_has_the_cure_too,
    a_mistake_that_is_not_about_types_gets_no_such_hint,
);
