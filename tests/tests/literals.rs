//! What is written by the server's quoting rules: literals of arrays, records and ranges, and values in SQL itself. Random
//! values go both ways, against the server's own parsers and printers.

mod random;

use pg_core::compose::{Bind, Ident, Literal, LiteralAs, Raw, literal};
use pg_core::types::Type;
use pg_core::types::adapter::{Encode, IsNull, Parameter};
use pg_core::types::array::Array;
use pg_core::types::name::TypeName;
use pg_core::types::range::Range;
use pg_core::types::run_time::CodecContext;
use pg_core::types::strings::Text;
use pg_core::types::value::Value;
use pg_core::types::via::via;
use pg_core::{Adapter, Error, FromSql, Result, Session, Sql, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use random::Random;
use std::ops::Bound;

/// How many random values each test tries, of several types each.
const VALUES: usize = 500;

/// What the literals' grammars give a meaning to, and what they don't.
const PIECES: &[&str] = &[
    "\"", "\\", "'", ",", ";", "{", "}", "(", ")", "[", "]", "NULL", "null", "empty", " ", "\t", "\n", "\r",
    "\u{b}", "\u{c}", "\u{1}", "\u{7f}", "\u{a0}", "\u{85}", "a", "Z", "0", "-", "--", "/*", "$1", "$$", ":",
    "%", "=", "é", "日", "😀", "\u{200b}", "\\x", "E'",
];

fn text(random: &mut Random) -> String {
    (0..random.below(6)).map(|_| PIECES[random.below(PIECES.len())]).collect()
}

fn some<T>(random: &mut Random, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    if random.below(6) == 0 { None } else { Some(value(random)) }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Pair {
    a: Option<String>,
    b: Vec<Option<String>>,
}

fn array(random: &mut Random) -> Array<Option<String>> {
    let dimensions: Vec<(i32, usize)> =
        (0..random.below(3)).map(|_| (random.below(5) as i32 - 2, 1 + random.below(3))).collect();
    let count = if dimensions.is_empty() { 0 } else { dimensions.iter().map(|(_, length)| length).product() };
    let elements = (0..count).map(|_| some(random, text)).collect();
    Array::with_bounds(&dimensions, elements).unwrap()
}

fn pair(random: &mut Random) -> Pair {
    Pair { a: some(random, text), b: (0..random.below(4)).map(|_| some(random, text)).collect() }
}

fn range(random: &mut Random) -> Range<Text<String>> {
    let mut bounds = [text(random), text(random)];
    bounds.sort();
    let [lower, upper] = bounds.map(Text);
    let bound = |random: &mut Random, value| match random.below(3) {
        0 => Bound::Included(value),
        1 => Bound::Excluded(value),
        _ => Bound::Unbounded,
    };
    if random.below(9) == 0 { Range::Empty } else { Range::new(bound(random, lower), bound(random, upper)) }
}

const SCHEMA: &str = "create type pair as (a text, b text[]);
    create type words as range (subtype = text, collation = \"C\")";

/// Our text of a value is the server's, byte by byte, and each reads the other's.
async fn literals_are_the_servers_both_ways<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let random = &mut Random::new(1);
    for _ in 0..VALUES {
        let given = array(random);
        // Written by us, in text; read by the server; printed by it; read by us, in text.
        let printed: String = client.query_value("select $1::text[]::text", (given.to_string(),)).await?;
        assert_eq!(printed, given.to_string());
        assert_eq!(printed.parse::<Array<Option<String>>>()?, given);

        let given = pair(random);
        let (printed, back): (String, Pair) =
            client.query_one("select $1::pair::text, $1::pair", (&given,)).await?;
        assert_eq!(back, given);
        let settings = Default::default();
        let written = literal(&given, client.connection().conversation().catalog(), &settings)?;
        let sql = format!("select {written}::text");
        assert_eq!(client.query_value::<String>(&sql, ()).await?, printed, "{sql}");
        let read: (Option<String>, Vec<Option<String>>) = read_text(client, "pair", &printed).await?;
        assert_eq!((read.0, read.1), (given.a, given.b));

        let given = range(random);
        let (printed, back): (String, Range<Text<String>>) =
            client.query_one("select $1::text, $1", (&given,)).await?;
        let written = given.clone().map(|Text(text)| text).to_string();
        // What is empty by its bounds, the server calls so.
        if back == given {
            assert_eq!(printed, written);
        }
        assert_eq!(printed.parse::<Range<String>>()?, back.map(|Text(text)| text));
        let again: String = client.query_value("select $1::words::text", (&written,)).await?;
        assert_eq!(again, printed);
    }
    still_answers(client).await
}

/// Reads what the server prints in text: a type that has only a text form stands beside it.
async fn read_text<S: Session>(
    client: &mut S,
    type_: &str,
    text: &str,
) -> Result<(Option<String>, Vec<Option<String>>)> {
    #[derive(Debug, PartialEq, ToSql, FromSql)]
    #[pg(name = "inet", text)]
    struct Host(std::net::IpAddr);
    type Read = ((Option<String>, Vec<Option<String>>), Host);
    let sql = format!("select row($1::{type_}, '::1'::inet)");
    Ok(client.query_value::<Read>(&sql, (text,)).await?.0)
}

/// A value in the SQL is the value that is bound, whatever `standard_conforming_strings` says.
async fn a_literal_is_the_value_that_is_bound<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for conforming in ["on", "off"] {
        client
            .batch_execute(&format!(
                "set standard_conforming_strings = {conforming}; set escape_string_warning = off"
            ))
            .await?;
        let random = &mut Random::new(2);
        for _ in 0..VALUES {
            let numbers = (random.next() as i32, random.next() as i64, f64::from_bits(random.next()));
            let bytes: Vec<u8> = (0..random.below(9)).map(|_| random.next() as u8).collect();
            let ranges = vec![some(random, |random| Range::from(random.below(9) as i32..)), None];
            let (string, array, pair, range) = (text(random), array(random), pair(random), range(random));
            let values: [&(dyn Parameter + Sync); 9] =
                [&numbers.0, &numbers.1, &numbers.2, &bytes, &ranges, &Text(string), &array, &pair, &range];
            // Through the catalog, which knows the types once they were parameters.
            let bound = "select array[$1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text]";
            let wanted: Vec<Option<String>> = client.query_value(bound, &values[..]).await?;
            let conversation = client.connection().conversation();
            let mut literals = Vec::new();
            for value in values {
                literals.push(literal(value, conversation.catalog(), conversation.settings())?);
            }
            let sql = format!("select array[{}::text]", literals.join("::text, "));
            assert_eq!(client.query_value::<Vec<Option<String>>>(&sql, ()).await?, wanted, "{sql}");
        }
    }
    still_answers(client).await
}

/// The edge cases of psycopg's adapters.
async fn values_with_a_history_stay_what_they_are<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    async fn same<S: Session>(
        client: &mut S,
        value: &(dyn Parameter + Sync),
        text: Option<&str>,
    ) -> Result<()> {
        let written = literal(value, &Default::default(), &Default::default())?;
        let sql = format!("select ({written})::text, 'b'"); // a comment would swallow the rest
        let (found, rest): (Option<String>, String) = client.query_one(&sql, ()).await?;
        assert_eq!((found.as_deref(), rest.as_str()), (text, "b"), "{sql}");
        Ok(())
    }
    for conforming in ["on", "off"] {
        client.batch_execute(&format!("set standard_conforming_strings = {conforming}")).await?;
        same(client, &-5_i32, Some("-5")).await?;
        same(client, &i64::MIN, Some("-9223372036854775808")).await?;
        same(client, &f64::NAN, Some("NaN")).await?;
        same(client, &f64::NEG_INFINITY, Some("-Infinity")).await?;
        same(client, &-0.0_f64, Some("-0")).await?;
        same(client, &Vec::<u8>::new(), Some("\\x")).await?;
        same(client, &vec![0_u8, 39, 92, 255], Some("\\x00275cff")).await?;
        same(client, &Vec::<i32>::new(), Some("{}")).await?;
        same(client, &vec![Vec::<i32>::new()], Some("{}")).await?;
        same(client, &vec![None::<i32>, None], Some("{NULL,NULL}")).await?;
        same(client, &vec![vec![None::<&str>]], Some("{{NULL}}")).await?;
        same(client, &None::<i32>, None).await?;
        same(client, &"it's a \\ -- /* $$", Some("it's a \\ -- /* $$")).await?;
        same(client, &true, Some("true")).await?;
    }
    // A minus before a negative number: no comment, and the number's own type.
    let sql = Sql::new("select 10 -")
        .with(Literal(-5_i32))?
        .text(" , pg_typeof(")
        .with(Literal(1_i16))?
        .text(")::text");
    assert_eq!(client.query_one::<(i32, String)>(sql.as_str(), &sql).await?, (15, "smallint".to_owned()));
    same(client, &97_i8, Some("a")).await?;
    for bad in ["a\0b", "\0"] {
        assert!(
            literal(&bad, &Default::default(), &Default::default()).unwrap_err().message().contains("NUL")
        );
    }
    let error = literal(&Pair { a: None, b: vec![] }, &Default::default(), &Default::default()).unwrap_err();
    assert!(error.message().contains("pair isn't in the catalog"), "{error}");
    assert!(error.cure().unwrap().contains("`type_by_name`"), "{error}");
    still_answers(client).await
}

/// The type of a literal is the value's own, or the one that is chosen.
async fn a_literal_has_the_type_that_is_chosen<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(&format!(
            "{SCHEMA}; create domain small as int4 check (value < 100); create type mood as enum ('sad', 'it''s ok');
             create type spans as range (subtype = float8)"
        ))
        .await?;
    async fn check<S: Session>(
        client: &mut S,
        written: Result<String>,
        type_: &str,
        text: &str,
    ) -> Result<()> {
        let written = written?;
        let sql = format!("select format('%s', {written}), pg_typeof({written})::text");
        let seen: (String, String) = client.query_one(&sql, ()).await?;
        assert_eq!(seen, (text.to_owned(), type_.to_owned()), "{sql}");
        Ok(())
    }
    let mut types = Vec::new();
    for name in ["small", "mood", "mood[]", "spans", "pair"] {
        types.push(client.type_by_name(name).await?.expect("a type"));
    }
    let [small, mood, moods, spans, pair] = &*types else { panic!("{types:?}") };
    let cases: [(&(dyn Parameter + Sync), &Type, &str, &str); 9] = [
        (&7_i32, small, "small", "7"),
        (&"it's ok", mood, "mood", "it's ok"),
        (&vec![Some("sad"), None], moods, "mood[]", "{sad,NULL}"),
        (&vec!["it's ok"], moods, "mood[]", "{\"it's ok\"}"),
        (&Range::from(-1.5..2.5), spans, "spans", "[-1.5,2.5)"),
        (&Value::Text("(a,{b})".to_owned()), pair, "pair", "(a,{b})"),
        (&Pair { a: Some("\\'".to_owned()), b: vec![] }, pair, "pair", "(\"\\\\'\",{})"),
        (&"{\"a\": 1}", &Type::JSONB, "jsonb", "{\"a\": 1}"),
        (&None::<i32>, small, "small", ""),
    ];
    for (value, type_, name, text) in cases {
        let written = client.connection().literal_as(value, type_);
        check(client, written, name, text).await?;
    }
    // Where the value says its type, and the connection knows it.
    let pair = Pair { a: None, b: vec![] };
    let written = client.connection().literal(&pair);
    check(client, written, "pair", "(,{})").await?;
    // A registered adapter says its type when it is planned.
    struct Rgb(u8);
    client.register(|registry| {
        registry.adapter("mood", |rgb: &Rgb, _: &CodecContext<'_>| if rgb.0 > 0 { "it's ok" } else { "sad" })
    });
    client.execute("select $1", (via(&Rgb(0)),)).await?;
    let written = client.connection().literal(&via(&Rgb(1)));
    check(client, written, "mood", "it's ok").await?;
    // What isn't of the type is refused, and what has none to be known.
    for error in [
        client.connection().literal_as(&7_i64, small).unwrap_err(),
        client.connection().literal_as(&7_i32, mood).unwrap_err(),
        client.connection().literal_as(&"a\0b", mood).unwrap_err(),
    ] {
        assert!(!client.connection().is_closed() && error.message().len() > 10, "{error}");
    }
    let error = client.connection().literal(&pg_core::types::native::Native(7_i32)).unwrap_err();
    assert!(error.cure().unwrap().contains("literal_as"), "{error}");
    // A piece of a composed statement.
    let sql = Sql::new("create table kept (j jsonb default ")
        .with(LiteralAs("[1, \"'\"]", &Type::JSONB))?
        .text(", s small default ")
        .with(LiteralAs(9_i32, small))?
        .text(")");
    client.batch_execute(sql.as_str()).await?;
    let kept: (String, i32) =
        client.query_one("insert into kept default values returning j::text, s", ()).await?;
    assert_eq!(kept, ("[1, \"'\"]".to_owned(), 9));
    still_answers(client).await
}

/// An adapter of whoever wants to break out: bytes that are no UTF-8.
struct Bytes(&'static [u8]);

impl Adapter for Bytes {
    const TYPE: TypeName = <String as Adapter>::TYPE;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        to.bytes(self.0)
    }
}

/// A quote of a multibyte encoding, half of which would swallow the quote behind it, never gets into SQL.
#[test]
fn text_that_is_no_utf_8_is_no_literal() {
    let write = |value: &dyn Parameter| literal(value, &Default::default(), &Default::default());
    assert_eq!(write(&Bytes(b"it's")).unwrap(), "'it''s'");
    for bad in [&b"\xbf'; drop table users; --"[..], b"a\xc3", b"\xed\xa0\x80", b"\xff"] {
        let error: Error = write(&Bytes(bad)).unwrap_err();
        assert_eq!(error.message(), "the value's text is not UTF-8");
        assert!(Sql::new("select ").with(Literal(Bytes(bad))).is_err());
        assert!(Sql::new("select ").with(LiteralAs(Bytes(bad), &Type::TEXT)).is_err());
    }
}

async fn statements_are_composed_of_statements<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let inner = || {
        Sql::new("select n from generate_series(")
            .value(1_i32)
            .text(", ")
            .value(12_i32)
            .text(") n where n <> ")
            .value(5_i32)
    };
    let columns = ["a", "weird \"name\"", "select"];
    let table = Ident::qualified("odd schema", "t'\\");
    client.batch_execute("create schema \"odd schema\"").await?;
    let create = Sql::new("create table ")
        .with(table)?
        .text(" (")
        .join(
            ", ",
            columns.map(|name| {
                Sql::default()
                    .with(Ident::new(name))
                    .unwrap()
                    .text(" int4 default ")
                    .with(Literal(-7_i32))
                    .unwrap()
            }),
        )?
        .text(")");
    client.execute(create.as_str(), &create).await?;
    let insert = Sql::new("insert into ")
        .with(table)?
        .text(" (")
        .with(Ident::new(columns[1]))?
        .text(") ")
        .with(inner())?;
    assert_eq!(client.execute(insert.as_str(), &insert).await?, 11);
    // More than nine values before those of the inner ones, and text that only looks like a placeholder.
    let many = Sql::new("select $$ $1 $$ || array_to_string(array[")
        .join(", ", (1..=11_i32).map(Bind))?
        .text("], ',') || (select sum(n)::text from (")
        .with(inner())?
        .text(") i) || ")
        .with(Bind(Text("end")))?
        .with(Raw("::text"))?;
    assert!(
        many.as_str().contains("generate_series($12, $13) n where n <> $14) i) || $15::text"),
        "{many:?}"
    );
    assert_eq!(client.query_value::<String>(many.as_str(), &many).await?, " $1 1,2,3,4,5,6,7,8,9,10,1173end");
    let count = Sql::new("select count(*) from ")
        .with(table)?
        .text(" where ")
        .with(Ident::new("a"))?
        .text(" = ")
        .with(Bind(-7_i32))?;
    assert_eq!(client.query_value::<i64>(count.as_str(), &count).await?, 11);
    assert!(
        Sql::new("").with(Ident::qualified("a\0", "b")).is_err()
            && Sql::new("").with(Ident::new("")).is_err()
    );
    assert!(Sql::new("").with(Literal("\0")).is_err());
    still_answers(client).await
}

pg_tests::both_clients!(
    literals_are_the_servers_both_ways,
    a_literal_is_the_value_that_is_bound,
    values_with_a_history_stay_what_they_are,
    a_literal_has_the_type_that_is_chosen,
    statements_are_composed_of_statements,
);
