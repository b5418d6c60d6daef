//! Statements, parameters and rows, under both clients.

use pg_core::exchange::session::Description;
use pg_core::types::strings::Text;
use pg_core::types::{Kind, Type};
use pg_core::{Error, ErrorKind, FromRow, Parameter, Result, Row, Session, Sql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

#[derive(Debug, PartialEq, FromRow)]
struct User {
    id: i64,
    name: String,
}

async fn with_users<S: Session>(client: &mut S) -> Result<()> {
    client
        .batch_execute(
            "create table users (name text, id bigint); insert into users values ('anna', 1), ('bert', 2), ('cleo', 3)",
        )
        .await
}

async fn a_row_goes_in_and_comes_out_as_a_struct<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table users (name text, id bigint)").await?;
    let inserted = client.execute("insert into users (id, name) values ($1, $2)", (7_i64, "anna")).await?;
    assert_eq!(inserted, 1);
    let users: Vec<User> = client.query("select * from users where name = $1", ("anna",)).await?;
    assert_eq!(users, [User { id: 7, name: "anna".to_owned() }]);
    Ok(())
}

async fn each_call_gives_as_many_rows_as_its_name_says<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_users(client).await?;
    let all: Vec<(i64, String)> = client.query("select id, name from users order by id", ()).await?;
    assert_eq!(all.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
    let one: User = client.query_one("select * from users where id = $1", (2_i64,)).await?;
    assert_eq!(one, User { id: 2, name: "bert".to_owned() });
    let none: Option<User> = client.query_opt("select * from users where id = $1", (9_i64,)).await?;
    assert_eq!(none, None);
    let some: Option<User> = client.query_opt("select * from users where id = $1", (3_i64,)).await?;
    assert_eq!(some.map(|user| user.name).as_deref(), Some("cleo"));
    let value: String = client.query_value("select name from users where id = $1", (1_i64,)).await?;
    assert_eq!(value, "anna");
    let null: Option<String> = client.query_value("select null::text", ()).await?;
    assert_eq!(null, None);
    let values: Vec<String> = client.query_values("select name, id from users order by id desc", ()).await?;
    assert_eq!(values, ["cleo", "bert", "anna"]);
    let nothing: Vec<User> = client.query("select * from users where false", ()).await?;
    assert_eq!(nothing, []);
    Ok(())
}

fn count_error<T: std::fmt::Debug>(outcome: Result<T>) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RowCount, "{error}");
    error
}

async fn a_row_too_many_or_too_few_is_an_error<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    // Twice, since the second run goes by what the first has learnt.
    for _ in 0..2 {
        let none = count_error(client.query_one::<User>("select * from users where id = 9", ()).await);
        assert_eq!(none.message(), "the statement returned no row");
        assert!(none.cure().unwrap().contains("query_opt"));
        still_answers(client).await?;
        let many = count_error(client.query_one::<User>("select * from users", ()).await);
        assert_eq!(many.message(), "the statement returned more than one row");
        assert_eq!(many.sql(), Some("select * from users"));
        still_answers(client).await?;
        count_error(client.query_opt::<User>("select * from users", ()).await);
        still_answers(client).await?;
        count_error(client.query_value::<i64>("select id from users where false", ()).await);
        count_error(client.query_value::<i64>("select id from users", ()).await);
        still_answers(client).await?;
        let no_rows = count_error(client.query_one::<User>("delete from users where id = 10", ()).await);
        assert_eq!(no_rows.message(), "the statement returns no rows at all");
        still_answers(client).await?;
    }
    Ok(())
}

async fn execute_tells_the_rows_affected<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    assert_eq!(client.execute("create table numbers (n int4)", ()).await?, 0);
    assert_eq!(client.execute("insert into numbers select generate_series(1, $1)", (100_i32,)).await?, 100);
    assert_eq!(client.execute("update numbers set n = n + 1 where n > $1", (90_i32,)).await?, 10);
    assert_eq!(client.execute("delete from numbers where n <= $1 returning n", (5_i32,)).await?, 5);
    assert_eq!(client.execute("select * from numbers", ()).await?, 95, "its rows are not read");
    assert_eq!(client.execute("insert into numbers values (1) returning n", ()).await?, 1);
    assert_eq!(client.execute("create table copied as select * from numbers", ()).await?, 96);
    assert_eq!(client.execute("set work_mem = '5MB'", ()).await?, 0);
    assert_eq!(client.execute("", ()).await?, 0);
    assert_eq!(client.execute("-- nothing but a comment", ()).await?, 0);
    assert_eq!(client.query::<(i32,)>("", ()).await?, []);
    still_answers(client).await
}

async fn a_batch_runs_all_its_statements_or_none<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create table t (n int); insert into t values (1); select * from t; insert into t values (2)",
        )
        .await?;
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 2);
    let error = client
        .batch_execute("insert into t values (3);\ninsert into t values ('x');\ninsert into t values (4)")
        .await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("LINE 2: insert into t values ('x');"), "{error}");
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 2, "the first was undone too");
    client.batch_execute("").await?;
    client.batch_execute(" ; ;").await?;
    client.batch_execute("begin; insert into t values (5); commit; insert into t values (6)").await?;
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 4);
    still_answers(client).await
}

async fn prepare_tells_parameters_and_columns<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'happy'); create type item as (name text, mood mood);
             create domain code as varchar(3);
             create table things (id int8, gone text, mood mood, items item[], code code);
             alter table things drop column gone",
        )
        .await?;
    let description: Description = client
        .prepare("select id, mood, items, code from things where id = $1 and mood = any($2) and code = $3")
        .await?;
    let [id, moods, code] = &*description.parameters else { panic!("{description:?}") };
    assert_eq!((id, code), (&Type::INT8, &Type::TEXT));
    assert!(matches!(moods.kind(), Kind::Array(mood) if mood.name() == "mood"), "{moods:?}");
    let columns: Vec<(&str, &str)> =
        description.columns.iter().map(|c| (c.name(), c.type_().name())).collect();
    assert_eq!(columns, [("id", "int8"), ("mood", "mood"), ("items", "_item"), ("code", "varchar")]);
    let places: Vec<(u32, i16)> =
        description.columns.iter().map(|column| (column.table(), column.attribute())).collect();
    let wanted: Vec<(u32, i16)> = client
        .query(
            "select attrelid, attnum from pg_attribute
             where attrelid = 'things'::regclass::oid and attnum > 0 and not attisdropped order by attnum",
            (),
        )
        .await?;
    assert_eq!(places, wanted);
    let made = client.prepare("select id + 1, n.* from things, (values (1)) as n").await?;
    assert!(made.columns.iter().all(|column| (column.table(), column.attribute()) == (0, 0)), "of no table");
    assert_eq!(description.columns[3].type_modifier(), 3 + 4, "a domain shows as what it is made over");

    let nothing = client.prepare("insert into things (id) values ($1)").await?;
    assert_eq!((nothing.parameters, nothing.columns.len()), (vec![Type::INT8], 0));
    assert_eq!(client.prepare("").await?.parameters, []);

    let error = client.prepare("select colour from things").await.unwrap_err();
    assert!(error.to_string().contains("LINE 1: select colour from things\n               ^"), "{error}");
    still_answers(client).await
}

/// The SQL of the statements that the server keeps for this session, by the name of none.
async fn prepared<S: Session>(client: &mut S, like: &str) -> Result<i64> {
    client.query_value("select count(*) from pg_prepared_statements where statement like $1", (like,)).await
}

async fn what_was_prepared_is_what_runs_later<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select $1::int8 + 1, $2::text";
    client.prepare(sql).await?;
    assert_eq!(client.query::<(i64, String)>(sql, (1_i64, Text("b"))).await?, [(2, "b".to_owned())]);
    let list: [&(dyn Parameter + Sync); 2] = [&7_i64, &Text("d")];
    assert_eq!(client.query::<(i64, String)>(sql, &list[..]).await?, [(8, "d".to_owned())]);
    client.prepare(sql).await?;
    assert_eq!(prepared(client, "select $1::int8 + 1%").await?, 1, "it was prepared once for all of them");
    Ok(())
}

async fn for_each_hands_over_each_row<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut sum = 0;
    let add = |(n,): (i32,)| {
        sum += i64::from(n);
        Ok(())
    };
    assert_eq!(client.for_each("select generate_series(1, $1)", (10_000_i32,), add).await?, 10_000);
    assert_eq!(sum, 50_005_000);

    let mut seen = 0;
    let stop = |(n,): (i32,)| {
        seen += 1;
        if n == 3 { Err(Error::usage("three is enough")) } else { Ok(()) }
    };
    let error = client.for_each("select generate_series(1, $1)", (10_000_i32,), stop).await.unwrap_err();
    assert_eq!((error.message(), seen), ("three is enough", 3));
    still_answers(client).await
}

async fn tuples_go_up_to_sixteen<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select $1::int8, $2::int4, $3::int2, $4::text, $5::bool, $6::float8, $7::float4, $8::bytea, $9::int8[], \
               $10::text[], $11::int8, $12::text, $13::int4, $14::int4, $15::int4, $16::text";
    type List = Vec<String>;
    type Sixteen<T = String, B = Vec<u8>, N = Vec<i64>, L = List> =
        (i64, i32, i16, T, bool, f64, f32, B, N, L, Option<i64>, Option<T>, i32, i32, i32, T);
    for _ in 0..2 {
        let list = ["a b", "\""];
        let given: Sixteen<&str, &[u8], &[i64], &[&str]> = (
            1,
            2,
            3,
            "four",
            true,
            6.5,
            7.25,
            &[0, 8],
            &[9, -9],
            &list,
            None,
            Some("twelve"),
            13,
            14,
            15,
            "sixteen",
        );
        let (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) =
            client.query_one::<Sixteen>(sql, given).await?;
        assert_eq!(
            (a, b, c, d.as_str(), e, f, g, h.as_slice()),
            (1, 2, 3, "four", true, 6.5, 7.25, &[0, 8][..])
        );
        assert_eq!(
            (i.as_slice(), j, k, l.as_deref()),
            (&[9, -9][..], list.map(String::from).to_vec(), None, Some("twelve"))
        );
        assert_eq!((m, n, o, p.as_str()), (13, 14, 15, "sixteen"));
    }
    let one: (i64,) = client.query_one("select $1", (1_i64,)).await?;
    assert_eq!(one, (1,));
    assert_eq!(client.query_value::<i32>("select 1", ()).await?, 1);
    Ok(())
}

async fn lists_of_parameters_are_made_at_run_time<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select $1::int8 * 2, $2::text || '!', $3::int4";
    let expected = (14_i64, "a!".to_owned(), None::<i32>);
    let (n, word, none) = (7_i64, "a".to_owned(), None::<i32>);
    for _ in 0..2 {
        let array: [&(dyn Parameter + Sync); 3] = [&n, &word, &none];
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, array).await?, expected);
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, &array).await?, expected);
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, &array[..]).await?, expected);
        let list: Vec<&(dyn Parameter + Sync)> = array.to_vec();
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, &list).await?, expected);
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, list).await?, expected);
        let owned: Vec<Box<dyn Parameter + Send + Sync>> = vec![Box::new(n), Box::new("a"), Box::new(none)];
        assert_eq!(client.query_one::<(i64, String, Option<i32>)>(sql, owned).await?, expected);
        // The same text, and other types.
        let strings: [&(dyn Parameter + Sync); 3] = [&"7", &word, &"-5"];
        assert_eq!(
            client.query_one::<(i64, String, Option<i32>)>(sql, strings).await?,
            (14, "a!".to_owned(), Some(-5))
        );
    }
    let empty: [&(dyn Parameter + Sync); 0] = [];
    assert_eq!(client.query_value::<i32>("select 1", &empty[..]).await?, 1);
    Ok(())
}

async fn dynamic_sql_numbers_its_values<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    client.batch_execute("create table \"odd \"\"name\" (\"select\" int4, t text)").await?;
    for (name, minimum, expected) in
        [(Some("bert"), 1_i64, vec![2_i64]), (None, 2, vec![2, 3]), (None, 9, vec![])]
    {
        let mut sql = Sql::new("select id from users where id >= ").value(minimum);
        if let Some(name) = name {
            sql = sql.text(" and name = ").value(name);
        }
        let sql = sql.text(" order by ").identifier("id")?;
        assert_eq!(client.query_values::<i64>(sql.as_str(), &sql).await?, expected);
    }
    let table = "odd \"name";
    let insert = Sql::new("insert into ").identifier(table)?.text(" (").identifier("select")?;
    let insert = insert.text(", t) values (").value(5).text(", ").value("'; drop table users; --").raw(")");
    assert_eq!(client.execute(insert.as_str(), &insert).await?, 1);
    let select = Sql::new("select t from ")
        .identifier(table)?
        .text(" where ")
        .identifier("select")?
        .text(" = ")
        .value(5);
    assert_eq!(client.query_value::<String>(select.as_str(), &select).await?, "'; drop table users; --");
    Ok(())
}

async fn a_row_is_read_by_number_and_by_name<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create type mood as enum ('sad', 'happy')").await?;
    let sql = "select 1::int8 as id, 'anna'::text as name, null::text as nick, array[1, 2] as numbers, 'sad'::mood as mood, \
               1 as id, '10.0.0.1'::inet as host";
    for _ in 0..2 {
        let row: Row = client.query_one(sql, ()).await?;
        let names: Vec<&str> = row.columns().iter().map(|column| column.name()).collect();
        assert_eq!(names, ["id", "name", "nick", "numbers", "mood", "id", "host"]);
        assert_eq!(row.get::<i64>(0)?, 1);
        assert_eq!(row.get::<i64>("id")?, 1, "the first of the name");
        assert_eq!(row.get::<i32>(5)?, 1);
        let borrowed: &str = row.get("name")?;
        assert_eq!(borrowed, "anna");
        assert_eq!(row.get::<Option<&str>>("nick")?, None);
        assert_eq!(row.get::<Vec<i32>>("numbers")?, [1, 2]);
        assert_eq!(row.get::<String>("mood")?, "sad");
        assert_eq!(row.get::<std::net::IpAddr>("host")?, std::net::IpAddr::from([10, 0, 0, 1]));

        let error = row.get::<String>("id").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.message(), "column 1 \"id\": the SQL type is int8, but String stands for text");
        assert!(error.cure().unwrap().contains("use i64 in place of String"));
        let error = row.get::<String>("nick").unwrap_err();
        assert_eq!(error.message(), "column 3 \"nick\": the value is NULL, which String can't hold");
        let error = row.get::<String>("nickname").unwrap_err();
        assert!(
            error.message().starts_with("the row has no column \"nickname\"; it has id, name, nick"),
            "{error}"
        );
        assert!(row.get::<String>(7).unwrap_err().message().contains("the row has 7 columns"));
    }
    let rows: Vec<Row> = client.query("select * from generate_series(1, 3) n", ()).await?;
    assert_eq!(rows.iter().map(|row| row.get("n")).collect::<Result<Vec<i32>>>()?, [1, 2, 3]);
    assert!(client.query_opt::<Row>("select 1 where false", ()).await?.is_none());
    Ok(())
}

async fn one_statement_serves_several_row_types<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    let sql = "select id, name from users where id = $1";
    #[derive(Debug, PartialEq, FromRow)]
    struct Name {
        name: String,
    }
    for _ in 0..3 {
        assert_eq!(client.query_one::<User>(sql, (1_i64,)).await?, User { id: 1, name: "anna".to_owned() });
        assert_eq!(client.query_one::<Name>(sql, (2_i64,)).await?, Name { name: "bert".to_owned() });
        assert_eq!(client.query_one::<(i64, String)>(sql, (3_i64,)).await?, (3, "cleo".to_owned()));
        assert_eq!(client.query_one::<Row>(sql, (1_i64,)).await?.get::<&str>("name")?, "anna");
        assert_eq!(client.query_value::<i64>(sql, (2_i64,)).await?, 2);
        assert_eq!(client.execute(sql, (3_i64,)).await?, 1);
    }
    assert_eq!(prepared(client, "select id, name from users%").await?, 1);
    Ok(())
}

pg_tests::both_clients!(
    a_row_goes_in_and_comes_out_as_a_struct,
    each_call_gives_as_many_rows_as_its_name_says,
    a_row_too_many_or_too_few_is_an_error,
    execute_tells_the_rows_affected,
    a_batch_runs_all_its_statements_or_none,
    prepare_tells_parameters_and_columns,
    what_was_prepared_is_what_runs_later,
    for_each_hands_over_each_row,
    tuples_go_up_to_sixteen,
    lists_of_parameters_are_made_at_run_time,
    dynamic_sql_numbers_its_values,
    a_row_is_read_by_number_and_by_name,
    one_statement_serves_several_row_types,
);
