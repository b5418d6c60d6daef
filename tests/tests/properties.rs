//! The bodies of the fuzz targets (`tests/fuzz`) with a bounded number of random bytes, the same in each run; and
//! settings at their extremes.

#[path = "../fuzz/bodies.rs"]
mod bodies;
mod random;

use pg_core::wire::frame::Limits;
use pg_core::{Result, Session};
use pg_tests::both_clients;
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use random::Random;
use std::panic::catch_unwind;
use std::time::Duration;

/// Cases of each body; with optimisation more.
const CASES: u64 = if cfg!(debug_assertions) { 4_000 } else { 400_000 };

/// What makes random bytes meet the parsers' words more often.
const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"{{",
    b"}}",
    b",",
    b"\"",
    b"\\",
    b"NULL",
    b"(",
    b")",
    b"[1:2]=",
    b"[",
    b"]",
    b"empty",
    b"\0",
    b"\0\0\0\x01",
    b"\0\0\0\x04",
    b"\0\0\0\x17",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"r=abc",
    b",s=",
    b"c2FsdA==",
    b",i=1",
    b"v=",
    b"2024-02-29 12:34:56",
    b".5",
    b"+00",
    b"-03:30",
    b" BC",
    b"infinity",
    b" days ",
    b"1 mon",
    b"@ ",
    b" ago",
    b"PT",
    b"5M",
    b"e-",
    b"10.0.0.1",
    b"::1",
    b"/24",
    b"1e308",
    b"NaN",
    b"-",
    b"0",
    b"9",
    b"postgres://",
    b"@",
    b":",
    b"/",
    b"?",
    b"&",
    b"=",
    b"%00",
    b"host",
    b"port",
    b"sslmode",
    b"'",
    b" ",
    b"SCRAM-SHA-256",
    b"S",
    b"C42601",
    b"P",
    b"M",
    b"true",
    b":r",
    b"$$",
    b"'",
    b"f",
    b"\\x",
    b"00",
    b"\xc3\xa9",
    b"\x02\x20\0\x04",
    b"=>",
    b"<",
    b">",
    b"<->",
    b"&",
    b"|",
    b"!",
    b":1A",
    b":*",
];

/// Random bytes.
fn noise(random: &mut Random) -> Vec<u8> {
    let mut case = Vec::new();
    for _ in 0..random.below(24) {
        match random.below(4) {
            0 => case.push(byte(random, 256)),
            1 => case.push(byte(random, 8)),
            2 => case.extend((0..random.below(12)).map(|_| byte(random, 256))),
            _ => case.extend_from_slice(WORDS[random.below(WORDS.len())]),
        }
    }
    case
}

fn byte(random: &mut Random, below: usize) -> u8 {
    u8::try_from(random.below(below)).expect("a byte")
}

/// One of the known cases, as it is or with a few changes; or random bytes.
fn case(random: &mut Random, known: &[Vec<u8>]) -> Vec<u8> {
    if known.is_empty() || random.below(4) == 0 {
        return noise(random);
    }
    let one = |random: &mut Random| known[random.below(known.len())].clone();
    let mut case = one(random);
    for _ in 0..random.below(4) {
        let at = random.below(case.len() + 1);
        match random.below(6) {
            0 if at < case.len() => case[at] ^= 1 << random.below(8),
            1 if at < case.len() => case[at] = byte(random, 256),
            2 => case.truncate(at),
            3 => drop(case.drain(at..(at + random.below(8)).min(case.len()))),
            4 => drop(case.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
            _ => {
                let other = one(random);
                case.splice(at.., other[random.below(other.len() + 1)..].iter().copied());
            }
        }
    }
    case
}

/// How many cases are kept to make others of.
const KNOWN: usize = 500;

/// What is tried and never is anything, and why.
const NEVER: &[(&str, &str)] = &[
    ("an answer to call 5", "it takes the rows of a catalog"),
    ("an answer to call 10", "it takes the answers to two savepoints"),
];

/// Runs a body on its cases; a failure tells the case. Each thing that a body takes bytes for, some of them were.
#[track_caller]
fn holds(name: &str) {
    let (number, (_, body)) =
        (0..).zip(bodies::ALL).find(|(_, (of, _))| *of == name).expect("a body of this name");
    let mut random = Random::new(number);
    let cases = if matches!(name, "handshakes" | "certificates") { CASES / 10 } else { CASES };
    let mut known = bodies::examples::of(name);
    // In these, a byte in front of the value says how it is read.
    let prefix = usize::from(matches!(name, "timestamps" | "intervals" | "integrations"));
    bodies::WRITTEN.take();
    for number in 0..cases {
        let example = usize::try_from(number).ok().and_then(|number| known.get(number)).cloned();
        let case = example.unwrap_or_else(|| case(&mut random, &known));
        if catch_unwind(|| body(&case)).is_err() {
            panic!("{name} fails on b\"{}\"", case.escape_ascii());
        }
        // What was written is read as well.
        for written in bodies::WRITTEN.take() {
            let case = [&case[..prefix.min(case.len())], &written].concat();
            if known.len() < KNOWN && case.len() < 300 && !known.contains(&case) {
                known.push(case);
            }
        }
    }
    let taken = bodies::TAKEN.take();
    for (what, [tried, well]) in &taken {
        println!("{name}: {what}: {well} of {tried}");
    }
    let is_known = |what: &String| NEVER.iter().any(|(never, _)| what == never);
    let never: Vec<&String> = taken
        .iter()
        .filter(|(what, [_, well])| *well == 0 && !is_known(what))
        .map(|(what, _)| what)
        .collect();
    assert!(never.is_empty(), "{name}: none of {cases} cases is {never:#?}");
    assert!(!taken.is_empty() || matches!(name, "handshakes" | "certificates"), "{name}: nothing was tried");
}

macro_rules! properties {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )+

        #[test]
        fn every_body_is_run_here_and_has_a_target() {
            let names: Vec<&str> = bodies::ALL.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
            let manifest = include_str!("../fuzz/Cargo.toml");
            for name in names {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} has no target in tests/fuzz");
            }
        }
    };
}

properties!(
    frames,
    messages,
    reports,
    rows,
    row_descriptions,
    arrays_binary,
    arrays_text,
    records_text,
    ranges,
    multiranges,
    composites,
    timestamps,
    intervals,
    numerics,
    networks,
    geometries,
    system_types,
    text_searches,
    hstores,
    numbers,
    strings,
    scram,
    logins,
    conversations,
    handshakes,
    certificates,
    conninfo,
    quoting,
    named_parameters,
    replication_messages,
    pgoutput,
    test_decoding,
    values,
    integrations,
    copy_rows,
);

// ---- settings at their extremes ----

/// A time beyond what the clock can tell is no panic: there is no limit then.
async fn the_longest_times_are_no_limit<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut rows = client.stream("select generate_series(1, 100000)", ()).await?;
    rows.next_row().await?;
    still_answers(client).await
}

both_clients!(with |config| config
    .connect_timeout(Duration::MAX)
    .drain_timeout(Duration::MAX)
    .cancel_timeout(Duration::MAX)
    .deadline(Duration::MAX)
    .statement_cache_capacity(usize::MAX)
    .message_limits(Limits { before_login: usize::MAX, small: usize::MAX, large: usize::MAX });
    the_longest_times_are_no_limit);
