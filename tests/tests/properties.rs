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

fn case(random: &mut Random) -> Vec<u8> {
    let mut case = Vec::new();
    for _ in 0..random.below(24) {
        match random.below(4) {
            0 => case.push(u8::try_from(random.below(256)).unwrap()),
            1 => case.push(u8::try_from(random.below(8)).unwrap()),
            2 => case.extend((0..random.below(12)).map(|_| u8::try_from(random.below(256)).unwrap())),
            _ => case.extend_from_slice(WORDS[random.below(WORDS.len())]),
        }
    }
    case
}

/// Runs a body on its cases; a failure tells the case.
#[track_caller]
fn holds(name: &str) {
    let (number, (_, body)) =
        (0..).zip(bodies::ALL).find(|(_, (of, _))| *of == name).expect("a body of this name");
    let mut random = Random::new(number);
    let cases = if matches!(name, "handshakes" | "certificates") { CASES / 10 } else { CASES };
    for _ in 0..cases {
        let case = case(&mut random);
        if catch_unwind(|| body(&case)).is_err() {
            panic!("{name} fails on b\"{}\"", case.escape_ascii());
        }
    }
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
