//! Arrays with their bounds and records read by position, against a server.

use pg_core::types::array::Array;
use pg_core::types::value::Value;
use pg_core::{FromSql, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    Ok,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Board {
    fields: Array<Option<i32>>,
    name: String,
}

async fn arrays_keep_their_bounds<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'ok'); create type board as (name text, fields int4[])",
        )
        .await?;
    for _ in 0..2 {
        for text in ["{}", "{1,NULL}", "[0:1]={1,2}", "[-2:-1][5:7]={{1,2,3},{4,NULL,6}}", "{{{{{{7}}}}}}"] {
            let array: Array<Option<i32>> = text.parse()?;
            let (back, written): (Array<Option<i32>>, String) =
                client.query_one("select $1, $1::text", (&array,)).await?;
            assert_eq!((&back, written.as_str()), (&array, text));
            let board = Board { fields: array, name: "a".to_owned() };
            assert_eq!(client.query_value::<Board>("select $1", (&board,)).await?, board);
        }
        // Subscripts mean what they mean in SQL.
        let array = Array::with_bounds(&[(0, 2), (1, 2)], vec![1, 2, 3, 4])?;
        for subscripts in [[0, 1], [1, 2], [2, 1], [0, 0]] {
            let [a, b] = subscripts;
            let there: Option<i32> = client.query_value("select ($1)[$2][$3]", (&array, a, b)).await?;
            assert_eq!(there.as_ref(), array.get(&subscripts), "{subscripts:?}");
        }
        let moods = Array::with_bounds(&[(5, 2)], vec![Some(Mood::Ok), None])?;
        assert_eq!(client.query_value::<Array<Option<Mood>>>("select $1::mood[]", (&moods,)).await?, moods);
        let hosts: Array<&str> = Array::from_rows(vec![vec!["10.0.0.1", "::1"]])?;
        assert_eq!(
            client.query_value::<String>("select $1::inet[]::text", (&hosts,)).await?,
            "{{10.0.0.1,::1}}"
        );
        let error = client.query_value::<Vec<i32>>("select '[0:1]={1,2}'::int4[]", ()).await.unwrap_err();
        assert!(error.message().contains("counted from 0"), "{error}");
    }
    let row: Row = client.query_one("select '[2:2]={7}'::int4[]", ()).await?;
    assert_eq!(row.get::<Array<i32>>(0)?.get(&[2]), Some(&7));
    still_answers(client).await
}

async fn records_are_read_by_position<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'ok'); create type item as (id int8, mood mood, tags text[]);
             create table items (item item, note varchar(9)); insert into items values (row(7, 'ok', '{a,\"b,c\"}'), 'x')",
        )
        .await?;
    for _ in 0..3 {
        assert_eq!(client.query_value::<(i32, String)>("select row(1, 'a')", ()).await?, (1, "a".to_owned()));
        let nested: (i64, (Option<String>, bool), Vec<f64>) = client
            .query_value("select row(1::int8, row(null::varchar, true), '{1.5}'::float8[])", ())
            .await?;
        assert_eq!(nested, (1, (None, true), vec![1.5]));
        let rows: Vec<(i32, String)> = client
            .query_value("select array(select row(n, 'n' || n) from generate_series(1, 3) n)", ())
            .await?;
        assert_eq!(rows, [(1, "n1".to_owned()), (2, "n2".to_owned()), (3, "n3".to_owned())]);
        // A composite, and a table's whole row, by position.
        type Item = (i64, Mood, Vec<String>);
        let item: Item = (7, Mood::Ok, vec!["a".to_owned(), "b,c".to_owned()]);
        assert_eq!(client.query_value::<Item>("select item from items", ()).await?, item);
        let whole: (Item, String) = client.query_value("select items from items", ()).await?;
        assert_eq!(whole, (item.clone(), "x".to_owned()));
        let mixed: (Vec<Item>, i32) =
            client.query_value("select row(array_agg(item), 5) from items", ()).await?;
        assert_eq!(mixed, (vec![item], 5));
        let error = client.query_value::<(i64, String)>("select row(1, 'a')", ()).await.unwrap_err();
        assert!(error.message().contains("field 1 of the record: the SQL type is int4, but i64"), "{error}");
        let error = client.query_value::<(i32,)>("select row(1, 'a')", ()).await.unwrap_err();
        assert!(error.message().contains("the record has 2 fields, and the tuple has 1"), "{error}");
        let error = client.query_value::<(String,)>("select row('ok'::mood)", ()).await.unwrap_err();
        assert!(error.cure().unwrap().contains("row(column::text, ..)"), "{error}");
        still_answers(client).await?;
    }
    let row: Row = client.query_one("select row(1, 'a'), item from items", ()).await?;
    assert_eq!(row.get::<(i32, &str)>(0)?, (1, "a"));
    assert_eq!(row.get::<(i64, Mood, Vec<String>)>(1)?.1, Mood::Ok);
    still_answers(client).await
}

/// A text type beside them makes records come as text.
async fn records_are_read_from_text<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    #[derive(Debug, PartialEq, ToSql, FromSql)]
    #[pg(name = "inet", text)]
    struct Host(std::net::IpAddr);
    let sql = "select row(1, '10.0.0.1'::inet, 'a,\"b\\', row(null, '{x,NULL}'::text[]))";
    type Read = (i32, Host, String, (Option<i32>, Vec<Option<String>>));
    for _ in 0..3 {
        let read: Read = client.query_value(sql, ()).await?;
        assert_eq!(
            read,
            (1, Host([10, 0, 0, 1].into()), "a,\"b\\".to_owned(), (None, vec![Some("x".to_owned()), None]))
        );
    }
    still_answers(client).await
}

/// A created base type says what stands between the elements of its arrays.
async fn arrays_have_the_delimiter_of_their_type<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    #[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
    #[pg(name = "piped", text)]
    struct Piped(String);
    client
        .batch_execute(
            "set client_min_messages = error; create type piped;
             create function piped_in(cstring) returns piped language internal immutable strict as 'textin';
             create function piped_out(piped) returns cstring language internal immutable strict as 'textout';
             create type piped (input = piped_in, output = piped_out, delimiter = '|')",
        )
        .await?;
    let words = ["a,b", "c|d", "", "NULL", "e\"\\"].map(|word| Some(Piped(word.to_owned())));
    let given: Vec<Option<Piped>> = words.into_iter().chain([None]).collect();
    let printed = r#"{a,b|"c|d"|""|"NULL"|"e\"\\"|NULL}"#;
    let sql = "select $1::piped[], format('%s', $1::piped[])";
    for _ in 0..2 {
        let row: (Vec<Option<Piped>>, String) = client.query_one(sql, (&given,)).await?;
        assert_eq!(row, (given.clone(), printed.to_owned()));
        let nested = vec![given.clone(), given.clone()];
        assert_eq!(client.query_value::<Vec<Vec<Option<Piped>>>>("select $1", (&nested,)).await?, nested);
    }
    // As a value of any type, there and back, alone and in a composite.
    let row: Row = client.query_one(sql, (&given,)).await?;
    let value = row.value(0)?;
    assert_eq!(value.to_string(), printed);
    let (back, seen): (Value, String) = client.query_one(sql, (&value,)).await?;
    assert_eq!((&back, seen.as_str()), (&value, printed));
    client.batch_execute("create type pipes as (n int4, list piped[])").await?;
    let sql = "select row(1, $1)::pipes";
    let value: Value = client.query_value(sql, (&given,)).await?;
    assert_eq!(client.query_value::<Value>("select $1::pipes", (&value,)).await?, value);
    // Strings alone don't say the type, so that what stands between them is a guess: wrong, it is an error.
    let strings = vec!["a,b", "c|d"];
    let error = client.execute("select $1::piped[]", (&strings,)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22P02", "{error}");
    let array: Vec<String> = client.query_value("select $1::text[]::piped[]::text[]", (&strings,)).await?;
    assert_eq!(array, strings);
    // A domain over it has its delimiter.
    client.batch_execute("create domain narrow as piped").await?;
    let seen: Row = client.query_one("select '{x|y,z}'::narrow[], '{x|y,z}'::piped[]", ()).await?;
    assert_eq!(seen.value(0)?.to_string(), seen.value(1)?.to_string());
    still_answers(client).await
}

pg_tests::both_clients!(
    arrays_keep_their_bounds,
    records_are_read_by_position,
    records_are_read_from_text,
    arrays_have_the_delimiter_of_their_type,
);
