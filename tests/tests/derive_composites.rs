//! What the derives' attributes do to composites and their fields, against a server, under both clients.

use pg_core::types::adapter::Adapter;
use pg_core::types::range::Range;
use pg_core::{ErrorKind, FromRow, FromSql, Registry, Result, Session, ToSql};
use pg_tests::clients::{echo, still_answers};
use pg_tests::server::Database;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Bound;

const SCHEMA: &str = r#"
    create schema shop;
    create type pair as (a bigint, b text);
    create type single as (a text);
    create type wide as (extra bigint, b text, more text[], a bigint);
    create type narrow as (b text);
    create type price as (amount bigint, code text, code2 text, digits bigint[]);
    create type shop.label as (text text, bytes bytea, other text);
    create type floats as range (subtype = float8);
    create type speeds as range (subtype = float8);
    create type document as (scores jsonb, kept json, maybe jsonb);
    create type tagged as (tag inet, other inet);
    create domain percent as smallint check (value between 0 and 100);
"#;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "pair")]
struct Pair(i64, String);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(composite)]
struct Single(String, PhantomData<u8>);

/// The same pair, for a server that has more or fewer attributes.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "wide", allow_extra)]
struct Wide {
    a: i64,
    b: String,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "narrow", allow_missing)]
struct Narrow {
    #[pg(default = seven)]
    a: i64,
    b: String,
    c: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, FromSql)]
#[pg(name = "narrow")]
struct Older {
    b: String,
    #[pg(default)]
    a: Option<i64>,
}

/// Before and after `alter type narrow rename attribute b to text`.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "narrow")]
struct Renamed {
    #[pg(alias = "b", alias = "label")]
    text: String,
}

#[derive(Debug, Clone, PartialEq, FromSql)]
#[pg(name = "narrow", default)]
struct Filled {
    a: i64,
    b: String,
    #[pg(default = seven)]
    c: i64,
    #[pg(skip)]
    seen: bool,
}

impl Default for Filled {
    fn default() -> Filled {
        Filled { a: 5, b: "none".to_owned(), c: 6, seen: true }
    }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "wide", allow_extra)]
struct OneWay {
    #[pg(skip_to_sql)]
    a: i64,
    #[pg(skip_from_sql, default = seven)]
    extra: i64,
    b: String,
}

fn seven() -> i64 {
    7
}

#[derive(Debug, Clone, PartialEq)]
struct Cents(i64);

impl From<Cents> for i64 {
    fn from(cents: Cents) -> i64 {
        cents.0
    }
}

impl From<i64> for Cents {
    fn from(cents: i64) -> Cents {
        Cents(cents)
    }
}

/// Three capital letters.
#[derive(Debug, Clone, PartialEq)]
struct Code([u8; 3]);

struct NotACode;

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("three capital letters are wanted")
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(code: String) -> std::result::Result<Code, NotACode> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Code(code)),
            _ => Err(NotACode),
        }
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        String::from_utf8_lossy(&code.0).into_owned()
    }
}

/// What `#[pg(with = code)]` calls.
mod code {
    use super::{Code, NotACode};

    pub(super) fn to_sql(code: &Code) -> String {
        code.clone().into()
    }

    pub(super) fn from_sql(code: &str) -> Result<Code, NotACode> {
        Code::try_from(code.to_owned())
    }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql, FromRow)]
#[pg(name = "price")]
struct Price<const N: usize> {
    #[pg(into = i64, from = i64)]
    amount: Cents,
    #[pg(into = String, try_from = String)]
    code: Code,
    #[pg(with = code)]
    code2: Option<Code>,
    digits: [i64; N],
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(into = i64, from = i64)]
struct Whole(i64);

impl From<Whole> for i64 {
    fn from(whole: Whole) -> i64 {
        whole.0
    }
}

impl From<i64> for Whole {
    fn from(whole: i64) -> Whole {
        Whole(whole)
    }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(with = hundredths)]
struct Share(f64);

mod hundredths {
    use super::Share;

    pub(super) fn to_sql(share: &Share) -> super::Percent {
        super::Percent((share.0 * 100.0).round() as i16)
    }

    pub(super) fn from_sql(percent: super::Percent) -> Result<Share, std::convert::Infallible> {
        Ok(Share(f64::from(percent.0) / 100.0))
    }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Percent(i16);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(range, name = "speeds")]
struct Speeds(Range<f64>);

/// Addresses by postgres-types' own traits.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "tagged")]
struct Tagged {
    #[pg(foreign)]
    tag: IpAddr,
    #[pg(foreign)]
    other: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql, FromRow)]
#[pg(name = "document")]
struct Document {
    #[pg(json)]
    scores: BTreeMap<String, Vec<i64>>,
    #[pg(json)]
    kept: Option<i64>,
    #[pg(json(nullable))]
    maybe: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Tags(#[pg(json)] Vec<String>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(schema = "shop")]
struct Label<'r> {
    text: &'r str,
    bytes: &'r [u8],
    other: Cow<'r, str>,
}

fn price() -> Price<2> {
    Price { amount: Cents(-5), code: Code(*b"EUR"), code2: Some(Code(*b"USD")), digits: [1, 2] }
}

async fn tuple_structs_stand_for_attributes_by_their_place<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &Pair(1, "b,".to_owned()), "pair", "(1,\"b,\")").await?;
    echo(client, &vec![Pair(1, String::new())], "pair[]", "{\"(1,\\\"\\\")\"}").await?;
    echo(client, &Single("x".to_owned(), PhantomData), "single", "(x)").await?;
    client.batch_execute("alter type pair add attribute c text").await?;
    let sql = "select row(1, 'b', 'c')::pair";
    // The first to meet a type that was altered makes that known.
    client.query_value::<Pair>(sql, ()).await.unwrap_err();
    let error = client.query_value::<Pair>(sql, ()).await.unwrap_err();
    assert!(error.message().contains("pair has 3 attributes, and the Rust type has 2 fields"), "{error}");
    assert!(error.cure().unwrap().contains("allow_extra"), "{error}");
    still_answers(client).await
}

async fn attributes_without_a_field_are_null_and_passed_over<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let value = Wide { a: 1, b: "b".to_owned() };
    echo(client, &value, "wide", "(,b,,1)").await?;
    echo(client, &vec![Some(value.clone()), None], "wide[]", "{\"(,b,,1)\",NULL}").await?;
    for _ in 0..2 {
        let read: Wide = client.query_value("select row(9, 'b', '{x}', 1)::wide", ()).await?;
        assert_eq!(read, value);
    }
    Ok(())
}

async fn fields_without_an_attribute_are_left_out_and_have_their_default<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let value = Narrow { a: 7, b: "b".to_owned(), c: Vec::new() };
    echo(client, &value, "narrow", "(b)").await?;
    let older: Older = client.query_value("select row('b')::narrow", ()).await?;
    assert_eq!(older, Older { b: "b".to_owned(), a: None });
    client.batch_execute("alter type narrow add attribute a bigint").await?;
    client.query_value::<Older>("select row('b', 3)::narrow", ()).await.unwrap_err();
    let older: Older = client.query_value("select row('b', 3)::narrow", ()).await?;
    assert_eq!(older, Older { b: "b".to_owned(), a: Some(3) });
    echo(client, &Narrow { a: 4, ..value }, "narrow", "(b,4)").await
}

async fn an_attribute_may_have_had_other_names<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let registry = Registry::new().with::<Renamed>();
    let value = Renamed { text: "x".to_owned() };
    for rename in ["b to text", "text to label", "label to b"] {
        echo(client, &value, "narrow", "(x)").await?;
        client.batch_execute(&format!("alter type narrow rename attribute {rename}")).await?;
        client.refresh(&registry).await?;
        assert_eq!(client.drifts(&registry).await?, []);
    }
    client.batch_execute("alter type narrow add attribute label text").await?;
    client.refresh(&registry).await?;
    let error = client.query_value::<Renamed>("select row('x', 'y')::narrow", ()).await.unwrap_err();
    assert!(
        error.message().contains("narrow has the attributes b, label, and one field stands for all"),
        "{error}"
    );
    still_answers(client).await
}

async fn what_the_server_lacks_is_taken_from_the_whole_s_default<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let read: Filled = client.query_value("select row('x')::narrow", ()).await?;
    assert_eq!(read, Filled { a: 5, b: "x".to_owned(), c: 7, seen: true });
    let error = client.query_value::<Filled>("select row(null)::narrow", ()).await.unwrap_err();
    assert!(error.message().contains("the value is NULL"), "{error}");
    Ok(())
}

async fn a_field_may_be_skipped_in_one_direction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let value = OneWay { a: 1, extra: 2, b: "b".to_owned() };
    let sent: String = client.query_value("select $1::wide::text", (&value,)).await?;
    assert_eq!(sent, "(2,b,,)");
    let read: OneWay = client.query_value("select row(2, 'b', null, 1)::wide", ()).await?;
    assert_eq!(read, OneWay { extra: 7, ..value });
    Ok(())
}

async fn converted_fields_are_what_they_are_converted_to<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &price(), "price", "(-5,EUR,USD,\"{1,2}\")").await?;
    echo(client, &Price { code2: None, ..price() }, "price", "(-5,EUR,,\"{1,2}\")").await?;
    for _ in 0..2 {
        let row: Price<2> = client
            .query_one("select '{1,2}'::bigint[] digits, 'USD' code2, 'EUR' code, -5::bigint amount", ())
            .await?;
        assert_eq!(row, price());
        let error = client
            .query_value::<Price<2>>("select row(1, 'eur', null, '{1,2}')::price", ())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.message().contains("attribute \"code\" of public.price"), "{error}");
        assert!(
            error.message().contains("Code refuses this text: three capital letters are wanted"),
            "{error}"
        );
        let error = client
            .query_one::<Price<1>>(
                "select 1::bigint amount, 'EUR' code, 'usd' code2, '{1}'::bigint[] digits",
                (),
            )
            .await
            .unwrap_err();
        assert!(error.message().contains("column 3 \"code2\": Code refuses this text"), "{error}");
    }
    let error =
        client.query_value::<Price<2>>("select row(1, null, null, '{1,2}')::price", ()).await.unwrap_err();
    assert!(error.message().contains("NULL"), "{error}");
    still_answers(client).await
}

async fn converted_types_are_what_they_are_converted_to<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    assert_eq!(<Vec<Whole> as Adapter>::TYPE.to_string(), "int8[]");
    echo(client, &Whole(4), "bigint", "4").await?;
    echo(client, &vec![Some(Whole(4)), None], "bigint[]", "{4,NULL}").await?;
    echo(client, &Share(0.25), "percent", "25").await?;
    echo(client, &vec![Share(0.5), Share(1.0)], "percent[]", "{50,100}").await
}

async fn a_range_that_was_created_goes_by_its_name<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let speeds = Speeds(Range::new(Bound::Included(1.5), Bound::Unbounded));
    echo(client, &speeds, "speeds", "[1.5,)").await?;
    echo(client, &vec![speeds], "speeds[]", "{\"[1.5,)\"}").await?;
    let error = client.query_value::<Speeds>("select '[1,2]'::floats", ()).await.unwrap_err();
    assert!(error.message().contains("but Speeds stands for speeds"), "{error}");
    still_answers(client).await
}

async fn a_foreign_field_goes_by_postgres_types_traits<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let tag = IpAddr::from([10, 0, 0, 1]);
    echo(client, &Tagged { tag, other: Some(tag) }, "tagged", "(10.0.0.1,10.0.0.1)").await?;
    echo(client, &Tagged { tag, other: None }, "tagged", "(10.0.0.1,)").await
}

async fn json_fields_are_documents<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let scores = BTreeMap::from([("a\"".to_owned(), vec![1, 2])]);
    let full = Document { scores, kept: Some(1), maybe: Some(vec![String::new()]) };
    echo(client, &full, "document", r#"("{""a\\"""": [1, 2]}",1,"[""""]")"#).await?;
    let empty = Document { scores: BTreeMap::new(), kept: None, maybe: None };
    echo(client, &empty, "document", "({},null,)").await?;
    let row: Document =
        client.query_one("select '{}'::jsonb scores, 'null'::json kept, null::jsonb maybe", ()).await?;
    assert_eq!(row, empty);
    echo(client, &Tags(vec!["x".to_owned()]), "jsonb", "[\"x\"]").await?;
    let error = client.query_value::<Tags>("select '{}'::jsonb", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    still_answers(client).await
}

async fn borrowed_fields_are_read_where_they_lie<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let label = Label { text: "a\"b", bytes: &[0, 255], other: "c".into() };
    let mut rows = client.stream("select $1::shop.label from generate_series(1, 3)", (&label,)).await?;
    let mut count = 0;
    while let Some(row) = rows.next_row().await? {
        let (read,): (Label<'_>,) = row.get()?;
        assert_eq!(read, label);
        assert!(matches!(read.other, Cow::Borrowed(_)));
        count += 1;
    }
    assert_eq!(count, 3);
    Ok(())
}

pg_tests::both_clients!(
    tuple_structs_stand_for_attributes_by_their_place,
    attributes_without_a_field_are_null_and_passed_over,
    fields_without_an_attribute_are_left_out_and_have_their_default,
    an_attribute_may_have_had_other_names,
    what_the_server_lacks_is_taken_from_the_whole_s_default,
    a_field_may_be_skipped_in_one_direction,
    converted_fields_are_what_they_are_converted_to,
    converted_types_are_what_they_are_converted_to,
    a_range_that_was_created_goes_by_its_name,
    a_foreign_field_goes_by_postgres_types_traits,
    json_fields_are_documents,
    borrowed_fields_are_read_where_they_lie,
);
