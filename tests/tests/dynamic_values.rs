//! Values whose types are known only at run time: every type that the server has, on its own and inside others.

use pg_core::row::RowRef;
use pg_core::types::run_time::CodecContext;
use pg_core::types::value::Value;
use pg_core::{ErrorKind, Result, Row, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::collections::{BTreeMap, HashMap};
use std::num::ParseFloatError;

/// A literal of each of the server's own base types, ranges and multiranges.
const LITERALS: &[(&str, &[&str])] = &[
    ("bool", &["t", "f"]),
    ("bytea", &["\\x00ff5c", "\\x"]),
    ("char", &["a", "", "\\"]),
    ("name", &["a name", ""]),
    ("int8", &["-9223372036854775808", "7"]),
    ("int2", &["-32768"]),
    ("int2vector", &["1 2 3", ""]),
    ("int4", &["2147483647"]),
    ("regproc", &["now", "-"]),
    ("text", &["a \"b\" \\ {c},(d) NULL", "", "NULL"]),
    ("oid", &["4294967295"]),
    ("tid", &["(4294967295,65535)"]),
    ("xid", &["4294967295"]),
    ("cid", &["4294967295"]),
    ("oidvector", &["1 4294967295", ""]),
    ("json", &["{\"a\": [1, null, \"\\u00e9\"]}", "1e400"]),
    ("xml", &["<a b=\"c\">d</a>", ""]),
    ("xid8", &["18446744073709551615"]),
    ("path", &["[(1,2),(3,4)]", "((1,2),(3,4))"]),
    ("point", &["(1.5,-Infinity)"]),
    ("lseg", &["[(1,2),(3,4)]"]),
    ("box", &["(3,4),(1,2)"]),
    ("polygon", &["((1,2),(3,4),(5,6))"]),
    ("line", &["{1,2,3}"]),
    ("float4", &["NaN", "-0", "1e-45", "0.1"]),
    ("float8", &["Infinity", "5e-324", "0.1"]),
    ("circle", &["<(1,2),3>"]),
    ("money", &["-$1,234.56"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("inet", &["10.1.2.3/24", "::1"]),
    ("cidr", &["10.1.0.0/16"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("aclitem", &["postgres=r/postgres"]),
    ("bpchar", &["a  "]),
    ("varchar", &["é\u{1f600}"]),
    ("date", &["2024-02-29", "infinity", "4714-11-24 BC"]),
    ("time", &["24:00:00", "12:34:56.789"]),
    ("timestamp", &["2024-02-29 12:34:56.123456", "-infinity", "0044-03-15 12:00:00 BC"]),
    ("timestamptz", &["2024-02-29 12:34:56.123456+00", "infinity"]),
    ("interval", &["1 year 2 mons -3 days +04:05:06.7", "00:00:00"]),
    ("timetz", &["12:34:56+05:30"]),
    ("bit", &["1"]),
    ("varbit", &["10101", ""]),
    ("numeric", &["NaN", "-0.0010", "12345678901234567890.12345678901234567890", "Infinity"]),
    ("refcursor", &["c"]),
    ("regprocedure", &["now()"]),
    ("regoper", &["||/"]),
    ("regoperator", &["+(integer,integer)"]),
    ("regclass", &["pg_class"]),
    ("regcollation", &["\"C\""]),
    ("regtype", &["integer"]),
    ("regrole", &["postgres"]),
    ("regnamespace", &["pg_catalog"]),
    ("regdatabase", &["postgres"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("pg_lsn", &["16/B374D848"]),
    ("tsvector", &["'a':1A,2 'it''s'"]),
    ("tsquery", &["'a' & !'b':*"]),
    ("regconfig", &["english"]),
    ("regdictionary", &["simple"]),
    ("jsonb", &["{\"a\": [1, null, \"é\"]}"]),
    ("jsonpath", &["$.\"a\"[*]?(@ > 1)"]),
    ("txid_snapshot", &["10:20:10,14,15"]),
    ("pg_snapshot", &["10:20:10,14,15"]),
    ("int4range", &["[1,10)", "empty", "(,)"]),
    ("numrange", &["[1.10,2.5]"]),
    ("tsrange", &["[\"2024-01-01 00:00:00\",)"]),
    ("tstzrange", &["[\"2024-01-01 00:00:00+00\",)"]),
    ("daterange", &["[2024-01-01,2024-02-01)"]),
    ("int8range", &["[1,10)"]),
    ("int4multirange", &["{[1,3),[5,7)}", "{}"]),
    ("nummultirange", &["{[1.5,3)}"]),
    ("tsmultirange", &["{[\"2024-01-01 00:00:00\",)}"]),
    ("tstzmultirange", &["{[\"2024-01-01 00:00:00+00\",)}"]),
    ("datemultirange", &["{[2024-01-01,2024-02-01)}"]),
    ("int8multirange", &["{[1,10)}"]),
];

/// What the server makes by itself for its catalogs and planner, and takes from nobody.
const NOT_FROM_TEXT: &[&str] = &[
    "pg_node_tree",
    "pg_ndistinct",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "gtsvector",
];

/// Reads a column's values of any type, twice, and compares them with the server's text.
async fn reads_as_the_server_prints<S: Session>(client: &mut S, type_: &str, value: &str) -> Result<()> {
    let sql = format!("select v, format('%s', v) from (select {value}::{type_} as v) s");
    for run in 0..2 {
        let row: Row = client.query_one(&sql, ()).await?;
        let (value, text) = (row.value("v")?, row.get::<String>(1)?);
        assert_eq!(value.to_string(), text, "{type_}, run {run}: {value:?}");
    }
    // Back again, and by way of a typed row.
    let (value,): (Value,) = client.query_one(&sql.replace(", format('%s', v)", ""), ()).await?;
    let sql = format!("select format('%s', $1::{type_})");
    assert_eq!(client.query_value::<String>(&sql, (&value,)).await?, value.to_string(), "{type_}: {value:?}");
    Ok(())
}

async fn every_type_of_the_server_is_read_alone_and_inside_others<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("set timezone = 'UTC'; set jit = off").await?;
    let types: Vec<String> = client
        .query_values(
            "select typname::text from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
             and typcategory <> 'A' order by oid",
            (),
        )
        .await?;
    assert!(types.len() > 60, "{types:?}");
    for type_ in types.iter().filter(|type_| !NOT_FROM_TEXT.contains(&type_.as_str())) {
        let (_, literals) = LITERALS
            .iter()
            .find(|(name, _)| name == type_)
            .unwrap_or_else(|| panic!("the server has a type {type_}, for which there is no literal here"));
        let type_ = &format!("pg_catalog.{type_:?}");
        client
            .batch_execute(&format!(
                "drop type if exists around cascade; create type around as (before text, inside {type_}, many {type_}[]);
                 create domain over as {type_}"
            ))
            .await?;
        for literal in *literals {
            let literal = format!("'{}'", literal.replace('\'', "''"));
            reads_as_the_server_prints(client, type_, &literal).await?;
            let one = format!("{literal}::{type_}");
            reads_as_the_server_prints(client, &format!("{type_}[]"), &format!("array[{one}, null, {one}]"))
                .await?;
            reads_as_the_server_prints(client, &format!("{type_}[]"), &format!("array[[{one}], [{one}]]"))
                .await?;
            reads_as_the_server_prints(client, "around", &format!("row('(', {one}, array[{one}])")).await?;
            reads_as_the_server_prints(
                client,
                "around[]",
                &format!("array[row(null, {one}, '{{}}')::around]"),
            )
            .await?;
            reads_as_the_server_prints(client, "over", &one).await?;
            reads_as_the_server_prints(client, "over[]", &format!("array[{one}::over]")).await?;
        }
        client.batch_execute("drop type around cascade; drop domain over cascade").await?;
    }
    still_answers(client).await
}

async fn types_of_users_are_read_with_what_is_inside<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'so so'); create domain price as numeric check (value > 0);
             create type item as (name text, mood mood, price price);
             create type basket as (id int8, items item[], first item);
             create type nothing as (); create table made (basket basket, moods mood[], n nothing);
             insert into made values (row(7, array[row('a,\"b\"', 'so so', 1.50), null]::item[], row('c', null, 2)), '[0:1]={sad,\"so so\"}', row());",
        )
        .await?;
    for _ in 0..2 {
        let row: Row = client.query_one("select basket, moods, n, made from made", ()).await?;
        let basket = row.value("basket")?;
        assert_eq!(basket.get("id"), Some(&Value::from(7_i64)));
        let items = basket.get("items").and_then(Value::as_array).unwrap();
        assert_eq!(items[0].get("mood").and_then(Value::as_str), Some("so so"));
        assert_eq!(items[0].get("name").and_then(Value::as_str), Some("a,\"b\""));
        assert!(items[1].is_null());
        assert_eq!(basket.get("first").unwrap().get("mood"), Some(&Value::Null));
        assert_eq!(basket.get("missing"), None);
        assert_eq!(row.value("moods")?.to_string(), "[0:1]={sad,\"so so\"}");
        assert_eq!(row.value("n")?.to_string(), "()");
        let whole: String = client.query_value("select made::text from made", ()).await?;
        assert_eq!(row.value("made")?.to_string(), whole);
        let Value::Composite(whole) = row.value("made")? else { panic!() };
        let names: Vec<_> = whole.attributes().map(|(name, _)| name.into_owned()).collect();
        assert_eq!((whole.type_().name(), names.join(" ").as_str()), ("made", "basket moods n"));
    }
    // A row of no declared type tells its values, and not their types.
    let row: Row = client.query_one("select row(1, null, 'a b')", ()).await?;
    assert_eq!(row.value(0)?.get("f3").and_then(Value::as_str), Some("a b"));
    // Back to the server, which infers the types.
    let basket = client.query_one::<Row>("select basket from made", ()).await?.value(0)?;
    assert!(client.query_value::<bool>("select basket = $1::basket from made", (basket,)).await?);
    still_answers(client).await
}

async fn rows_are_maps<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select 7::int8 as id, 'Anna' as name, null::text as note, array[1, 2] as numbers";
    for _ in 0..2 {
        let map: HashMap<String, Value> = client.query_one(sql, ()).await?;
        assert_eq!(map["id"].as_i64(), Some(7));
        assert_eq!(map["note"], Value::Null);
        let map: BTreeMap<String, Value> = client.query_one(sql, ()).await?;
        assert_eq!(map.keys().collect::<Vec<_>>(), ["id", "name", "note", "numbers"]);
        let list: Vec<(String, Value)> = client.query_one("select 1 as a, 2 as a", ()).await?;
        assert_eq!(list, [("a".to_owned(), Value::from(1)), ("a".to_owned(), Value::from(2))]);
    }
    let error = client.query_one::<HashMap<String, Value>>("select 1 as a, 2 as a", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("two columns \"a\""), "{error}");
    assert!(error.cure().unwrap().contains("another name"), "{error}");
    still_answers(client).await
}

async fn rows_are_json_objects<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create type item as (name text, tags text[])").await?;
    let sql = "select true as b, 7::int8 as i, 0.1::real as f, 'NaN'::float8 as nan, 12345678901234567890.10 as n, null as nothing,
        array[[1, 2], [3, null]] as a, row('x', '{}')::item as c, '{\"k\": [1, {}]}'::jsonb as j, '\\x00ff'::bytea as y,
        date '2024-02-29' as d";
    let object: serde_json::Value = client.query_one(sql, ()).await?;
    let wanted = serde_json::json!({
        "b": true, "i": 7, "f": 0.1, "nan": "NaN", "n": "12345678901234567890.10", "nothing": null,
        "a": [[1, 2], [3, null]], "c": {"name": "x", "tags": []}, "j": {"k": [1, {}]}, "y": "\\x00ff", "d": "2024-02-29",
    });
    assert_eq!(object, wanted);
    let rows: Vec<serde_json::Value> = client.query("select g as n from generate_series(1, 2) g", ()).await?;
    assert_eq!(serde_json::to_string(&rows).unwrap(), r#"[{"n":1},{"n":2}]"#);
    // A value alone, by serde.
    let value = client.query_one::<Row>("select array[1.5::float8, null]", ()).await?.value(0)?;
    assert_eq!(serde_json::to_string(&value).unwrap(), "[1.5,null]");
    still_answers(client).await
}

async fn what_stands_too_deep_is_left_as_its_bytes<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut sql = "create type t0 as (a int4);".to_owned();
    for depth in 1..60 {
        sql.push_str(&format!("create type t{depth} as (a t{});", depth - 1));
    }
    client.batch_execute(&sql).await?;
    let mut literal = "row(1)::t0".to_owned();
    for depth in 1..60 {
        literal = format!("row({literal})::t{depth}");
    }
    for _ in 0..2 {
        let row: Row = client.query_one(&format!("select {literal} as v"), ()).await?;
        let whole = row.value(0)?;
        let (mut value, mut depth) = (&whole, 0);
        while let Some(inner) = value.get("a") {
            (value, depth) = (inner, depth + 1);
        }
        assert_eq!(depth, 32);
        assert!(matches!(value, Value::Other(other) if other.bytes().is_some()), "{value:?}");
        // Quotes in quotes double at each level: the server has no text for this either.
        assert!(whole.to_string().contains("would be too long"));
        let error = client.query_value::<String>("select $1::t59::text", (&whole,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
    }
    still_answers(client).await
}

async fn a_statement_says_what_its_rows_become<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select g as n, 'row ' || g as name from generate_series(1, 3) g";
    for _ in 0..2 {
        // By the columns, borrowing from the row.
        let lengths =
            client.query_with(sql, (), |row| row.get::<(i32, &str)>().map(|(_, name)| name.len())).await?;
        assert_eq!(lengths, [5, 5, 5]);
        // By whatever columns there are.
        let texts = |row: RowRef<'_>| -> Result<String> {
            let columns = row
                .columns()
                .iter()
                .map(|column| Ok(format!("{}={}", column.name(), row.value(column.name())?)));
            columns.collect::<Result<Vec<_>>>().map(|columns| columns.join(" "))
        };
        assert_eq!(
            client.query_with(sql, (), texts).await?,
            ["n=1 name=row 1", "n=2 name=row 2", "n=3 name=row 3"]
        );
        assert_eq!(client.query_with("select true as b, null as x", (), texts).await?, ["b=t x=NULL"]);
        // A source that keeps something, and one that fails: it is given no more rows.
        let mut sum = 0;
        let sums = client.query_with(sql, (), |row| {
            sum += row.value(0)?.as_i64().unwrap_or_default();
            Ok(sum)
        });
        assert_eq!(sums.await?, [1, 3, 6]);
        let mut seen = 0;
        let failing = client.query_with(sql, (), |row| {
            seen += 1;
            row.get::<(i64,)>()
        });
        let error = failing.await.unwrap_err();
        assert_eq!((error.kind(), seen), (ErrorKind::Decode, 1), "{error}");
        let error = client.query_with(sql, (), |row| row.value("missing")).await.unwrap_err();
        assert!(error.message().contains("no column \"missing\"; it has n, name"), "{error}");
    }
    still_answers(client).await
}

#[derive(Debug, PartialEq)]
struct Kelvin(f64);

fn kelvin(text: Option<&str>, _: &CodecContext<'_>) -> std::result::Result<Kelvin, ParseFloatError> {
    text.map_or(Ok(Kelvin(0.0)), |text| text.parse().map(|celsius: f64| Kelvin(celsius + 273.15)))
}

async fn typecasters_of_run_time_are_applied_wherever_the_value_stands<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute("create domain celsius as numeric; create type reading as (at int8, celsius celsius)")
        .await?;
    let sql =
        "select 20::celsius as one, array[1.5, null]::celsius[] as many, row(7, 100)::reading as inside,
        null::celsius as nothing, 5 as other";
    client.register(|registry| registry.typecaster("celsius", kelvin).typecaster("numeric", kelvin));
    for _ in 0..2 {
        let row: Row = client.query_one(sql, ()).await?;
        let one = row.value("one")?;
        assert_eq!(one.downcast::<Kelvin>(), Some(&Kelvin(293.15)));
        assert_eq!(one.to_string(), "20", "printed as the server does");
        let many = row.value("many")?;
        assert_eq!(many.as_array().unwrap()[0].downcast::<Kelvin>(), Some(&Kelvin(274.65)));
        assert_eq!(many.as_array().unwrap()[1].downcast::<Kelvin>(), Some(&Kelvin(0.0)), "it asks for NULL");
        assert_eq!(many.to_string(), "{1.5,NULL}");
        let inside = row.value("inside")?;
        assert_eq!(inside.get("celsius").and_then(Value::downcast), Some(&Kelvin(373.15)));
        assert_eq!(row.value("nothing")?.downcast::<Kelvin>(), Some(&Kelvin(0.0)));
        assert_eq!(row.value("other")?, Value::from(5));
        let map: HashMap<String, Value> = client.query_one(sql, ()).await?;
        assert_eq!(map["one"].downcast::<Kelvin>(), Some(&Kelvin(293.15)));
        // Sent back, it is what it was made from.
        assert_eq!(client.query_value::<String>("select ($1::numeric + 1)::text", (&one,)).await?, "21");
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    typecasters_of_run_time_are_applied_wherever_the_value_stands,
    every_type_of_the_server_is_read_alone_and_inside_others,
    types_of_users_are_read_with_what_is_inside,
    a_statement_says_what_its_rows_become,
    rows_are_maps,
    rows_are_json_objects,
    what_stands_too_deep_is_left_as_its_bytes,
);
