//! Base types next to the server's own text: what is sent is what it prints, what it prints is what is read, and what a
//! type's `FromStr` reads is what the server reads.

mod random;

use pg_core::types::adapter::Adapter;
use pg_core::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use pg_core::types::network::{Cidr, Inet, MacAddr, MacAddr8};
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Error, FromSql, Result, Session, ToSql};
use pg_tests::both_clients;
use pg_tests::server::Database;
use random::Random;
use std::fmt::{Debug, Display};
use std::net::IpAddr;
use std::str::FromStr;

/// A column that makes a statement's first run ask for text in all columns.
#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(name = "text", text)]
struct ByText(String);

/// What these tests need of a type.
trait Shown: Adapter + TypecasterOwned + Display + FromStr<Err = Error> + Debug + Clone + Send + Sync {}
impl<T> Shown for T where
    T: Adapter + TypecasterOwned + Display + FromStr<Err = Error> + Debug + Clone + Send + Sync
{
}

/// NaN is not equal to itself; its `Debug` is.
#[track_caller]
fn same<T: Debug>(found: &T, wanted: &T, how: &str) {
    assert_eq!(format!("{found:?}"), format!("{wanted:?}"), "{how}");
}

/// The values, in both forms and both directions, as elements and alone.
async fn travels<S: Session, T: Shown>(client: &mut S, type_: &str, values: &[T]) -> Result<()> {
    // Not `x::text`: that shows an inet's netmask always, which its output function doesn't.
    let sql = format!("select format('%s', x) from unnest($1::{type_}[]) as x");
    let printed: Vec<String> = client.query_values(&sql, (values,)).await?;
    for (value, text) in values.iter().zip(&printed) {
        assert_eq!(value.to_string(), *text, "{value:?} is not shown as the server shows it");
        same(&text.parse::<T>()?, value, "read from its text");
    }
    // As a literal, sent as text.
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    let from_text: Vec<T> = client.query_value(&format!("select $1::text[]::{type_}[]"), (&texts,)).await?;
    same(&from_text, &values.to_vec(), "read by the server from our text");
    // All columns in text, as a statement's first run asks for.
    let sql = format!("select $1::{type_}[], $1::{type_}[], 'text'::text");
    let (in_text, again, _): (Vec<T>, Vec<T>, ByText) = client.query_one(&sql, (values,)).await?;
    same(&in_text, &values.to_vec(), "read from an array literal");
    same(&again, &values.to_vec(), "read from an array literal");
    for value in values.iter().take(20) {
        let (alone, none): (T, Option<T>) =
            client.query_one(&format!("select $1::{type_}, null::{type_}"), (value,)).await?;
        same(&alone, value, "alone");
        assert!(none.is_none());
    }
    Ok(())
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

/// Numbers at the edges and in between. `-0`, NaN and infinities are among them.
fn number(random: &mut Random) -> f64 {
    let edges = [0.0, -0.0, 1.0, -1.5, 1e15, 1e-5, 123_456.789, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    match random.below(6) {
        0 => edges[random.below(edges.len())],
        1 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][random.below(3)],
        2 => f64::from_bits(random.next()),
        3 => f64::from(u16::try_from(random.below(1000)).unwrap()) / 8.0,
        _ => f64::from(u32::try_from(random.below(1 << 30)).unwrap()) / 1000.0 - 500_000.0,
    }
}

/// NaN has one bit pattern here: the server keeps others in binary, and text can't tell them apart.
fn point(random: &mut Random) -> Point {
    let mut plain = || Some(number(random)).filter(|number| !number.is_nan()).unwrap_or(f64::NAN);
    Point { x: plain(), y: plain() }
}

fn points(random: &mut Random) -> Vec<Point> {
    (0..=random.below(9)).map(|_| point(random)).collect()
}

fn many<T>(random: &mut Random, make: impl Fn(&mut Random) -> T) -> Vec<T> {
    (0..300).map(|_| make(random)).collect()
}

async fn geometry_is_what_the_server_says<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(1);
    travels(client, "point", &many(random, point)).await?;
    travels(client, "lseg", &many(random, |r| LineSegment { start: point(r), end: point(r) })).await?;
    travels(client, "box", &many(random, |r| Rect::new(point(r), point(r)))).await?;
    let path = |r: &mut Random| Path { closed: r.below(2) == 0, points: points(r) };
    travels(client, "path", &many(random, path)).await?;
    travels(client, "polygon", &many(random, |r| Polygon { points: points(r) })).await?;
    let circle = |r: &mut Random| Circle { center: point(r), radius: point(r).x.abs() };
    travels(client, "circle", &many(random, circle)).await?;
    let line = |r: &mut Random| Line { a: 2.5, b: point(r).x, c: point(r).y };
    travels(client, "line", &many(random, line)).await
}

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

fn address(random: &mut Random) -> IpAddr {
    let bits = random.next();
    match random.below(3) {
        0 => IpAddr::from(u32::try_from(bits >> 32).unwrap().to_be_bytes()),
        // Runs of zeros in all places, which are what is abbreviated.
        _ => IpAddr::from(std::array::from_fn::<u16, 8, _>(|at| match bits >> (8 * at) & 7 {
            0..=4 => 0,
            5 => 0xffff,
            6 => 1,
            _ => u16::try_from(random.below(65_536)).unwrap(),
        })),
    }
}

fn inet(random: &mut Random) -> Inet {
    let address = address(random);
    let full = if address.is_ipv4() { 32 } else { 128 };
    let bits = if random.below(2) == 0 { full } else { random.below(full + 1) };
    Inet::new(address, u8::try_from(bits).unwrap()).unwrap()
}

async fn addresses_are_what_the_server_says<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let random = &mut Random::new(3);
    let mut inets = many(random, inet);
    let networks: Vec<Cidr> = inets.iter().map(Inet::network).collect();
    travels(client, "inet", &inets).await?;
    travels(client, "cidr", &networks).await?;
    let server: Vec<Cidr> =
        client.query_values("select network(x) from unnest($1::inet[]) as x", (&inets,)).await?;
    assert_eq!(server, networks);
    let sorted: Vec<Inet> =
        client.query_values("select x from unnest($1::inet[]) as x order by x", (&inets,)).await?;
    inets.sort();
    assert_eq!(sorted, inets);
    let bytes = |r: &mut Random| r.next().to_be_bytes();
    let six = |r: &mut Random| MacAddr(*bytes(r).first_chunk().unwrap());
    travels(client, "macaddr", &many(random, six)).await?;
    travels(client, "macaddr8", &many(random, |r| MacAddr8(bytes(r)))).await
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

both_clients!(
    geometry_is_what_the_server_says,
    geometry_reads_what_the_server_reads,
    addresses_are_what_the_server_says,
    addresses_read_what_the_server_reads,
);
