//! Base types' text: what a type's `FromStr` reads is what the server reads, as the same value, and nothing else. (That
//! values come back as they went, in all places and forms, is the type matrix's affair.)

mod random;

use pg_core::types::adapter::Adapter;
use pg_core::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use pg_core::types::network::{Cidr, Inet, MacAddr, MacAddr8};
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Error, Result, Session};
use pg_tests::both_clients;
use pg_tests::server::Database;
use random::Random;
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

both_clients!(
    geometry_reads_what_the_server_reads,
    inets_are_ordered_as_the_server_orders_them,
    addresses_read_what_the_server_reads,
);
