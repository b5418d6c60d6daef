//! Base types' text: what a type's `FromStr` reads is what the server reads, as the same value, and nothing else. (That
//! values come back as they went, in all places and forms, is the type matrix's affair.)

mod random;

use pg_core::lsn::Lsn;
use pg_core::types::adapter::Adapter;
use pg_core::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use pg_core::types::hstore::Hstore;
use pg_core::types::json::Json;
use pg_core::types::ltree::Ltree;
use pg_core::types::network::{Cidr, Inet, MacAddr, MacAddr8};
use pg_core::types::system::{AclItem, Int2Vector, OidVector, Snapshot};
use pg_core::types::text_search::{TsQuery, TsVector};
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Error, FromSql, Result, Session, ToSql};
use pg_tests::both_clients;
use pg_tests::server::Database;
use random::Random;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// What these tests need of a type.
trait Shown: Adapter + TypecasterOwned + Display + FromStr<Err = Error> + Debug + Clone + Send + Sync {}
impl<T> Shown for T where
    T: Adapter + TypecasterOwned + Display + FromStr<Err = Error> + Debug + Clone + Send + Sync
{
}

/// Texts that are nearly right: those given, and each with some bytes changed.
fn spellings(random: &mut Random, given: &[&str], alphabet: &str, count: usize) -> Vec<String> {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut all: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..count {
        let mut text: Vec<char> = given[random.below(given.len())].chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            match random.below(3) {
                0 if at < text.len() => drop(text.remove(at)),
                1 if at < text.len() => text[at] = alphabet[random.below(alphabet.len())],
                _ => text.insert(at, alphabet[random.below(alphabet.len())]),
            }
        }
        all.push(text.into_iter().collect());
    }
    all
}

/// `FromStr` reads what the server reads, as the same value, and nothing else.
async fn reads_the_same<S: Session, T: Shown>(client: &mut S, type_: &str, texts: &[String]) -> Result<()> {
    client
        .batch_execute(
            "create or replace function pg_temp.as_read(text, text) returns text language plpgsql as $$
               declare found text;
               begin
                 execute format('select format(''%%s'', %L::%s)', $1, $2) into found;
                 return found;
               exception when others then return null;
               end $$; set client_min_messages = error",
        )
        .await?;
    let sql = "select pg_temp.as_read(x, $2) from unnest($1::text[]) with ordinality as t(x, n) order by n";
    let read: Vec<Option<String>> = client.query_values(sql, (texts, type_)).await?;
    assert_eq!(read.len(), texts.len());
    let accepted = read.iter().flatten().count();
    assert!(accepted > 0 && accepted < read.len(), "{type_}: {accepted} of {} are accepted", read.len());
    for (text, read) in texts.iter().zip(read) {
        let ours = text.parse::<T>().ok().map(|value| value.to_string());
        assert_eq!(ours, read, "{type_} {text:?}: ours and the server's");
    }
    Ok(())
}

// ---- geometry ----

async fn geometry_reads_what_the_server_reads<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(2);
    let alphabet = "()[]{}<>,;  15-+.eEniaf\t\u{b}";
    let mut texts = |given: &[&str]| spellings(random, given, alphabet, 1000);
    let given = [
        "(1,2)",
        "1,2",
        " ( 1.5e3 , -.5 ) ",
        "(NaN,-inf)",
        "(infinity,+Inf)",
        "(1e400,1)",
        "(1e-400,0e-400)",
        "(5.,+7)",
    ];
    reads_the_same::<S, Point>(client, "point", &texts(&given)).await?;
    let given = [
        "[(1,2),(3,4)]",
        "((1,2),(3,4))",
        "(1,2),(3,4)",
        "1,2,3,4",
        "(1,2,3,4)",
        " [ ( 1 , 2 ) , ( 3 , 4 ) ] ",
        "[1,2,3,4]",
    ];
    reads_the_same::<S, LineSegment>(client, "lseg", &texts(&given)).await?;
    reads_the_same::<S, Rect>(client, "box", &texts(&given)).await?;
    reads_the_same::<S, Path>(client, "path", &texts(&given)).await?;
    reads_the_same::<S, Polygon>(client, "polygon", &texts(&given)).await?;
    let given = [
        "{1,2,3}",
        " { 1 , 0 , -5 } ",
        "{0,0,1}",
        "[(1,2),(3,5)]",
        "(1,2),(1,5)",
        "1,2,5,2",
        "(1,2),(1,2)",
        "((0,0),(5,5))",
    ];
    reads_the_same::<S, Line>(client, "line", &texts(&given)).await?;
    let given = [
        "<(1,2),3>",
        "((1,2),3)",
        "(1,2),3",
        "1,2,3",
        " < ( 1 , 2 ) , 3 > ",
        "<(1,2),-3>",
        "<(1,2),NaN>",
        "<1,2,3>",
    ];
    reads_the_same::<S, Circle>(client, "circle", &texts(&given)).await
}

// ---- network ----

async fn inets_are_ordered_as_the_server_orders_them<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(3);
    let texts =
        spellings(random, &["10.1.2.3/24", "10.1.2.0/24", "::1/64", "::/0", "1:2::"], "0123459/:", 500);
    let mut inets: Vec<Inet> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let sql = "select x from unnest($1::inet[]) as x order by x";
    let sorted: Vec<Inet> = client.query_values(sql, (&inets,)).await?;
    inets.sort();
    assert_eq!(sorted, inets);
    let networks: Vec<Cidr> =
        client.query_values("select network(x) from unnest($1::inet[]) as x", (&inets,)).await?;
    assert_eq!(inets.iter().map(Inet::network).collect::<Vec<_>>(), networks);
    Ok(())
}

async fn addresses_read_what_the_server_reads<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(4);
    let given = [
        "10.1.2.3/24",
        "10.1.2.3",
        "10/8",
        "10.1/16",
        "192.5",
        "224",
        "240.1",
        "::1",
        "fe80::1/64",
        "::ffff:1.2.3.4",
        "1:2:3:4:5:6:7:8/128",
        "::/0",
        "010.001.2.3",
    ];
    let mut texts = spellings(random, &given, "0123459./:af ", 2000);
    // At the end of an IPv6 address the server takes fewer than four octets for what nobody can have meant: `::.1`.
    texts.retain(|text| !text.contains(':') || !text.contains('.') || text.parse::<Inet>().is_ok());
    reads_the_same::<S, Inet>(client, "inet", &texts).await?;
    reads_the_same::<S, Cidr>(client, "cidr", &texts).await?;
    let given = [
        "08:00:2b:01:02:03",
        "08-00-2b-01-02-03",
        "08002b:010203",
        "08002b-010203",
        "0800.2b01.0203",
        "0800-2b01-0203",
        "08002b010203",
        "08:00:2b:01:02:03:04:05",
        "0800.2b01.0203.0405",
        "",
    ];
    let mut texts = spellings(random, &given, "0189af:.-g ", 2000);
    reads_the_same::<S, MacAddr>(client, "macaddr", &texts).await?;
    // Of eight bytes the server ignores whatever follows the first six or eight, which is not ours to follow.
    texts.retain(|text| text.is_empty() || text.parse::<MacAddr8>().is_ok());
    reads_the_same::<S, MacAddr8>(client, "macaddr8", &texts).await
}

// ---- text search, hstore, numbers of the system ----

async fn text_search_reads_what_the_server_reads<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(5);
    let given = [
        "a:1A,2 b",
        "'it''s':3B 'x y'",
        "a\\'b c:4*",
        " fat  cat:2,1 ",
        "a:1 a:2C",
        ":a b::1",
        "'a'b 'c':5d",
        "a:0",
        "é:7",
    ];
    let mut texts = spellings(random, &given, "ab'\\ :,12*ABd", 2000);
    // Behind a weight the server skips digits, which is not ours to follow.
    let letters = |text: &str| text.bytes().filter(|byte| b"ABdDC*".contains(byte)).count();
    texts.retain(|text| text.parse::<TsVector>().is_ok() || letters(text) == 0);
    reads_the_same::<S, TsVector>(client, "tsvector", &texts).await?;
    let given = [
        "a & b | !c",
        "(a | b) & c:*",
        "a <-> b <2> 'it''s':AB",
        "!!a & !(b & c)",
        "a<->b",
        "a & (b <-> (c <-> d))",
        "'a b':*d & e\\&f",
        " ( a ) ",
    ];
    let texts = spellings(random, &given, "ab'\\ :*AB&|!()<->12", 2000);
    reads_the_same::<S, TsQuery>(client, "tsquery", &texts).await
}

async fn hstore_reads_what_the_server_reads<S: Session>(client: &mut S, database: &Database) -> Result<()> {
    database.sql("create extension hstore");
    let random = &mut Random::new(6);
    let given = [
        "a=>1, b=>NULL",
        "\"a b\"=>\"c\\\"d\", null=>\"null\"",
        "a=>b=c,d=>e,",
        " a =>\\, , \\==>\"\"",
        "\"\"=>é",
        "",
    ];
    let mut texts = spellings(random, &given, "ab\"\\ =>,nul1\t", 3000);
    // Of a key that stands twice the server keeps one.
    let twice =
        |text: &String| text.parse::<Hstore>().is_err_and(|error| error.message().contains("each key once"));
    texts.retain(|text| !twice(text));
    reads_the_same::<S, Hstore>(client, "hstore", &texts).await
}

async fn numbers_of_the_system_read_what_the_server_reads<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let random = &mut Random::new(7);
    let texts = spellings(random, &["16/B374D848", "0/0", "ffffffff/FFFFFFFF", "1/2"], "01f9/G ", 1000);
    reads_the_same::<S, Lsn>(client, "pg_lsn", &texts).await?;
    let texts = spellings(random, &["10:20:10,14,15", "1:1:", "5:9:6,6,8"], "0123456789:,", 2000);
    reads_the_same::<S, Snapshot>(client, "pg_snapshot", &texts).await
}

// ---- types that show more than one face ----

async fn a_regclass_is_an_oid_in_binary_and_a_name_in_text<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let (oid, name): (u32, String) =
        client.query_one("select 'pg_class'::regclass, 'pg_class'::regclass::text", ()).await?;
    assert_eq!((oid, name.as_str()), (1259, "pg_class"));
    // A number and a name are both taken.
    for sql in ["select $1::regclass::text", "select $1::regtype::text", "select $1::regrole::text"] {
        assert_eq!(client.query_value::<String>(sql, (0u32,)).await?, "-");
    }
    assert_eq!(client.query_value::<u32>("select $1::regclass", ("pg_class",)).await?, 1259);
    let several: Vec<u32> =
        client.query_value("select $1::regclass[]", (vec!["pg_class", "pg_type"],)).await?;
    assert_eq!(several, [1259, 1247]);
    // Next to a column that has only a text form, everything comes as text the first time.
    let beside = "select 'postgres=r/postgres'::aclitem, 'pg_class'::regclass";
    let error = client.query_one::<(AclItem, u32)>(beside, ()).await.unwrap_err();
    assert!(error.to_string().contains("`column::oid`"), "{error}");
    Ok(())
}

async fn what_returns_nothing_is_read_as_nothing<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.query_value::<()>("select pg_sleep(0)", ()).await?;
    let (nothing, one): (Option<()>, i32) = client.query_one("select pg_sleep(0), 1", ()).await?;
    assert_eq!((nothing, one), (Some(()), 1));
    let name: String = client.query_value("select textout('a cstring'::text)", ()).await?;
    assert_eq!(name, "a cstring");
    Ok(())
}

async fn vectors_of_the_catalog_are_read<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select indkey from pg_index where indexrelid = 'pg_attribute_relid_attnam_index'::regclass";
    assert_eq!(client.query_value::<Int2Vector>(sql, ()).await?, Int2Vector(vec![1, 2]));
    let sql = "select proargtypes from pg_proc where proname = 'int4pl'";
    assert_eq!(client.query_value::<OidVector>(sql, ()).await?, OidVector(vec![23, 23]));
    let now: Snapshot = client.query_value("select pg_current_snapshot()", ()).await?;
    assert_eq!(client.query_value::<Snapshot>("select $1", (&now,)).await?, now);
    let old: Snapshot = client.query_value("select '10:20:14'::txid_snapshot", ()).await?;
    assert_eq!(old.to_string(), "10:20:14");
    Ok(())
}

async fn a_null_of_sql_is_not_a_null_of_json<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select 'null'::jsonb, null::jsonb, 'null'::json, '{\"a\": 1}'::jsonb";
    type Four = (Option<Value>, Option<Value>, Json<Option<i32>>, Json<BTreeMap<String, i32>>);
    let (json, sql_null, none, map): Four = client.query_one(sql, ()).await?;
    assert_eq!((json, sql_null, none.0), (Some(Value::Null), None, None));
    assert_eq!(map.0, BTreeMap::from([("a".to_owned(), 1)]));
    let error = client.query_value::<Value>("select null::jsonb", ()).await.unwrap_err();
    assert!(error.to_string().contains("Option<Value>"), "{error}");
    client.batch_execute("create table documents (json json, jsonb jsonb)").await?;
    let document = Json(vec!["b", "a"]);
    client
        .execute(
            "insert into documents values ($1, $2), ($3, $4)",
            (&document, &document, Value::Null, None::<Value>),
        )
        .await?;
    let rows: Vec<(String, Option<String>)> = client.query("select json, jsonb from documents", ()).await?;
    let wanted = [("[\"b\",\"a\"]", Some("[\"b\", \"a\"]")), ("null", None)];
    assert_eq!(rows, wanted.map(|(json, jsonb)| (json.to_owned(), jsonb.map(str::to_owned))));
    Ok(())
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "email", domain)]
struct Email(String);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "labels", domain)]
struct Labels(Hstore);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "page")]
struct Page {
    at: Ltree,
    labels: Labels,
    by: Vec<Email>,
}

async fn types_of_extensions_are_fields_and_bases_of_domains<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    database.sql(
        "create extension citext; create extension hstore; create extension ltree;
         create domain email as citext check (value ~ '@'); create domain labels as hstore;
         create type page as (by email[], labels labels, at ltree)",
    );
    let page = Page {
        at: Ltree::from("Top.Science"),
        labels: Labels([("lang", Some("de")), ("note", None)].into_iter().collect()),
        by: vec![Email("Anna@Example.org".to_owned())],
    };
    for _ in 0..2 {
        assert_eq!(client.query_value::<Page>("select $1", (&page,)).await?, page);
        assert_eq!(
            client.query_value::<Hstore>("select $1::hstore", (&page.labels.0,)).await?,
            page.labels.0
        );
        let same: bool = client.query_value("select $1::email = 'anna@example.ORG'", (&page.by[0],)).await?;
        assert!(same, "citext has no case");
    }
    let error = client.query_value::<Hstore>("select 'a.b'::ltree", ()).await.unwrap_err();
    assert!(error.to_string().contains("Hstore stands for hstore"), "{error}");
    Ok(())
}

both_clients!(
    geometry_reads_what_the_server_reads,
    inets_are_ordered_as_the_server_orders_them,
    addresses_read_what_the_server_reads,
    text_search_reads_what_the_server_reads,
    hstore_reads_what_the_server_reads,
    numbers_of_the_system_read_what_the_server_reads,
    a_regclass_is_an_oid_in_binary_and_a_name_in_text,
    what_returns_nothing_is_read_as_nothing,
    vectors_of_the_catalog_are_read,
    a_null_of_sql_is_not_a_null_of_json,
    types_of_extensions_are_fields_and_bases_of_domains,
);
