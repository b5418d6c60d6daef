//! The made-up language of the simulation, and what each statement's one rightful answer is.
//!
//! A statement says what is answered, and a number that no other call has goes with it, in `$1` or in its text. Every
//! row carries that number, and all else in it follows from the number: so whoever holds an answer knows whose it is
//! and whether it is whole.
//!
//! | statement | answer |
//! |---|---|
//! | `give a $1` | rows of shape a (see [`Shape`]) |
//! | `change $1` | no rows; the number is in the journal once the transaction commits |
//! | `clash $1` | as `change`, or 40001 |
//! | `fail $1` | some rows, then P0001 with the number |
//! | `copy 7 from stdin` | takes the rows of shape a, and no others; the number is in the journal once it commits |
//! | `copy 7 to stdout`, `copy (give a 7) to stdout` | gives the rows of shape a |
//! | `insert into "t7" ..` | what the client describes before it copies rows; it is never run |
//! | `declare "c7" cursor for give a $1`, `fetch`, `move`, `close` | as in SQL: see [`travel`] |
//! | `listen "c"`, `unlisten "c"`, `select pg_notify($1, $2)` | as in SQL; the payload is the call's number |
//! | `slowly`, `forever` after it | it takes up to a second, or until it is cancelled |
//! | `begin`, `commit`, `savepoint a` and so on | as in SQL |

use pg_core::types::range::Range;
use pg_core::{FromSql, ToSql, Towards};
use pg_tests::seed::mix;
use std::ops::Bound;

/// A composite type, so that the catalog is asked.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) n: Option<i32>,
}

/// An enum.
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
pub(super) enum Mood {
    Sad,
    Happy,
}

pub(super) const ITEM: u32 = 20_002;
pub(super) const MOOD: u32 = 20_003;
pub(super) const HSTORE: u32 = 20_004;

/// The columns of an answer; the first is always the call's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// int8, int4, text.
    A,
    /// int8, text or NULL, int4[].
    B,
    /// int8, float8, bool, text[] with NULLs.
    C,
    /// int8, the composite.
    D,
    /// int8, the enum.
    M,
    /// int8, and `$2` as it came.
    P,
    /// int8, int4range, int4multirange, numeric, hstore: values that say how many parts they have, and how long each is.
    R,
}

impl Shape {
    const ALL: [Shape; 7] = [Shape::A, Shape::B, Shape::C, Shape::D, Shape::M, Shape::P, Shape::R];

    pub(super) fn name(self) -> &'static str {
        match self {
            Shape::A => "a",
            Shape::B => "b",
            Shape::C => "c",
            Shape::D => "d",
            Shape::M => "m",
            Shape::P => "p",
            Shape::R => "r",
        }
    }

    /// Names and types of the columns.
    pub(super) fn columns(self) -> &'static [(&'static str, u32)] {
        match self {
            Shape::A => &[("n", 20), ("i", 23), ("t", 25)],
            Shape::B => &[("n", 20), ("t", 25), ("ints", 1007)],
            Shape::C => &[("n", 20), ("f", 701), ("b", 16), ("texts", 1009)],
            Shape::D => &[("n", 20), ("item", ITEM)],
            Shape::M => &[("n", 20), ("mood", MOOD)],
            Shape::P => &[("n", 20), ("echo", 25)],
            Shape::R => &[("n", 20), ("r", 3904), ("ranges", 4451), ("d", 1700), ("h", HSTORE)],
        }
    }
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Int8(i64),
    Int4(i32),
    Float8(f64),
    Bool(bool),
    Text(String),
    Ints(Vec<i32>),
    Texts(Vec<Option<String>>),
    Item(Item),
    Mood(Mood),
    Range(Range<i32>),
    Multirange(Vec<Range<i32>>),
    /// In the text form.
    Numeric(String),
    /// In the server's order: shorter keys first.
    Hstore(Vec<(String, Option<String>)>),
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        text.map_or(Value::Null, Value::Text)
    }
}

/// How many rows the call with this number is given.
pub(super) fn row_count(number: u64) -> u64 {
    match mix(number, 1) % 512 {
        0..64 => 0,
        64..320 => 1,
        320..448 => 3,
        448..504 => 12,
        504..511 => 150,
        // Several buffers full.
        _ => 1_500,
    }
}

/// One row of the answer to the call with this number.
pub(super) fn row(shape: Shape, number: u64, at: u64, echo: &str) -> Vec<Value> {
    let seed = mix(number, at.wrapping_add(2));
    let n = Value::Int8(i64::try_from(number).expect("numbers are small"));
    let int = |salt| i32::from_ne_bytes(mix(seed, salt).to_ne_bytes()[..4].try_into().expect("four bytes"));
    match shape {
        Shape::A => vec![n, Value::Int4(int(1)), Value::Text(text(seed))],
        Shape::B => {
            let ints = (0..mix(seed, 2) % 5).map(int).collect();
            vec![n, (!seed.is_multiple_of(3)).then(|| text(seed)).into(), Value::Ints(ints)]
        }
        Shape::C => {
            let texts =
                (0..mix(seed, 3) % 4).map(|salt| int(salt + 9).is_positive().then(|| text(mix(seed, salt))));
            vec![
                n,
                Value::Float8(f64::from(int(4)) / 8.0),
                Value::Bool(int(5) > 0),
                Value::Texts(texts.collect()),
            ]
        }
        Shape::D => vec![n, Value::Item(Item { name: text(seed), n: (int(6) > 0).then(|| int(7)) })],
        Shape::M => vec![n, Value::Mood(if int(8) > 0 { Mood::Happy } else { Mood::Sad })],
        Shape::P => vec![n, Value::Text(echo.to_owned())],
        Shape::R => {
            let range = match mix(seed, 21) % 6 {
                0 => Range::Empty,
                1 => Range::new(Bound::Unbounded, Bound::Excluded(int(22))),
                _ => between(int(23) / 2, mix(seed, 24)),
            };
            // One behind the other, with a gap in between.
            let ranges = (0..mix(seed, 25) % 4)
                .zip((-3..).step_by(2))
                .map(|(salt, from)| between(from * 100_000_000, mix(seed, salt + 26)));
            let pairs = (0..mix(seed, 31) % 4)
                .zip(["", "a", "é\"", "two\\"])
                .map(|(salt, key)| (key.to_owned(), (int(salt + 32) > 0).then(|| text(mix(seed, salt)))));
            vec![
                n,
                Value::Range(range),
                Value::Multirange(ranges.collect()),
                Value::Numeric(number_text(mix(seed, 36))),
                Value::Hstore(pairs.collect()),
            ]
        }
    }
}

/// A range in the server's form.
fn between(from: i32, seed: u64) -> Range<i32> {
    let length = 1 + i32::try_from(seed % 50_000_000).expect("small");
    Range::new(Bound::Included(from), Bound::Excluded(from + length))
}

/// A numeric: of any sign, with up to 19 digits, as many zeros behind them, and up to 12 decimals.
fn number_text(seed: u64) -> String {
    let digits =
        format!("{:013}{}", seed >> (seed % 50), "0".repeat(usize::try_from(seed % 9).expect("small")));
    let (whole, decimals) = digits.split_at(digits.len() - usize::try_from(seed % 13).expect("small"));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let is_zero = digits.bytes().all(|digit| digit == b'0');
    let sign = if seed & 1 == 1 && !is_zero { "-" } else { "" };
    match decimals {
        _ if seed.is_multiple_of(17) => "NaN".to_owned(),
        "" => format!("{sign}{whole}"),
        decimals => format!("{sign}{whole}.{decimals}"),
    }
}

/// How many rows a COPY with this number has: now and then more than the client holds at once.
pub(super) fn copy_count(number: u64) -> u64 {
    if mix(number, 5).is_multiple_of(100) { 3_000 } else { row_count(number) }
}

/// Row `at` of a COPY: a line, or a row of the binary format.
pub(super) fn copy_row(number: u64, at: u64, binary: bool) -> Vec<u8> {
    let values = row(Shape::A, number, at, "");
    if binary {
        return super::messages::row(&values, &[1, 1, 1])[5..].to_vec();
    }
    let escaped = |value: &Value| {
        let text = text_form(value).unwrap_or_else(|| "\\N".to_owned());
        text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
    };
    let mut line = values.iter().map(escaped).collect::<Vec<_>>().join("\t");
    line.push('\n');
    line.into_bytes()
}

/// What stands before the rows of the binary format.
pub(super) const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind them.
pub(super) const COPY_TRAILER: &[u8] = b"\xff\xff";

/// All the data of a COPY.
pub(super) fn copy_data(number: u64, binary: bool) -> Vec<u8> {
    let rows = (0..copy_count(number)).flat_map(|at| copy_row(number, at, binary));
    match binary {
        true => COPY_HEADER.iter().copied().chain(rows).chain(COPY_TRAILER.iter().copied()).collect(),
        false => rows.collect(),
    }
}

/// Texts with what must be quoted, mostly short, and now and then longer than libpq's small messages.
pub(super) fn text(seed: u64) -> String {
    let length = match mix(seed, 11) % 2000 {
        0 => 40_000,
        1..30 => 900,
        other => other % 12,
    };
    let alphabet = ['a', 'b', ' ', '"', '\\', ',', '{', 'é', '\'', '(', '\n'];
    (0..length).map(|at| alphabet[usize::try_from(mix(seed, at) % 11).expect("small")]).collect()
}

/// What a statement asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verb {
    Give(Shape),
    Change,
    Clash,
    Fail,
    Empty,
    CopyIn {
        binary: bool,
    },
    CopyOut {
        binary: bool,
    },
    /// It stands for the columns of a table, and is only described.
    Insert,
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    DeallocateAll,
    Declare {
        name: String,
        hold: bool,
    },
    Fetch(String, Towards),
    Move(String, Towards),
    CloseCursor(String),
    Listen(String),
    /// Of all channels, if none is said.
    Unlisten(Option<String>),
    Notify,
    /// What the client asks of the catalog.
    Catalog,
}

impl Verb {
    /// Whether it may run in a transaction that failed.
    pub(super) fn ends_failure(&self) -> bool {
        matches!(self, Verb::Commit | Verb::Rollback | Verb::RollbackTo(_))
    }

    /// The columns, of those that return rows.
    pub(super) fn columns(&self) -> &'static [(&'static str, u32)] {
        match self {
            Verb::Give(shape) => shape.columns(),
            Verb::Fail | Verb::Fetch(..) => Shape::A.columns(),
            Verb::Notify => &[("pg_notify", 2278)],
            Verb::Catalog => &CATALOG_COLUMNS,
            _ => &[],
        }
    }
}

const CATALOG_COLUMNS: [(&str, u32); 14] = [
    ("system_identifier", 20),
    ("database", 26),
    ("path", 1003),
    ("ordinal", 20),
    ("oid", 26),
    ("nspname", 19),
    ("typname", 19),
    ("typarray", 26),
    ("kind", 25),
    ("labels", 1009),
    ("fields", 1009),
    ("of", 26),
    ("rngmultitypid", 26),
    ("typdelim", 25),
];

/// How long a statement takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    Slowly,
    Forever,
}

/// A statement that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) verb: Verb,
    pub(super) pace: Pace,
    /// The call's number, where the text says it.
    pub(super) number: Option<u64>,
    /// How many parameters it has.
    pub(super) parameters: usize,
}

impl Statement {
    /// Understands a statement; `None` is a syntax error.
    pub(super) fn parse(sql: &str) -> Option<Statement> {
        let (text, _) = sql.split_once("/*").unwrap_or((sql, ""));
        let words: Vec<String> = text.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let verb = match words.as_slice() {
            [] => Verb::Empty,
            ["give", shape, ..] => Verb::Give(Shape::ALL.into_iter().find(|s| s.name() == *shape)?),
            ["change", ..] => Verb::Change,
            ["clash", ..] => Verb::Clash,
            ["fail", ..] => Verb::Fail,
            ["copy", ..] if words.contains(&"stdin") => Verb::CopyIn { binary: words.contains(&"binary)") },
            ["copy", ..] if words.contains(&"stdout") => Verb::CopyOut { binary: words.contains(&"binary)") },
            ["insert", "into", ..] => Verb::Insert,
            ["begin", ..] => Verb::Begin,
            ["commit"] => Verb::Commit,
            ["rollback"] => Verb::Rollback,
            ["savepoint", name] => Verb::Savepoint((*name).to_owned()),
            ["release", "savepoint", name] => Verb::Release((*name).to_owned()),
            ["rollback", "to", "savepoint", name] => Verb::RollbackTo((*name).to_owned()),
            ["deallocate", "all"] => Verb::DeallocateAll,
            ["declare", cursor, ..] => Verb::Declare { name: bare(cursor), hold: words.contains(&"hold") },
            ["fetch", towards @ .., "from", cursor] => Verb::Fetch(bare(cursor), direction(towards)?),
            ["move", towards @ .., "from", cursor] => Verb::Move(bare(cursor), direction(towards)?),
            ["close", cursor] => Verb::CloseCursor(bare(cursor)),
            ["listen", channel] => Verb::Listen(bare(channel)),
            ["unlisten", "*"] => Verb::Unlisten(None),
            ["unlisten", channel] => Verb::Unlisten(Some(bare(channel))),
            ["select", "pg_notify($1,", "$2)"] => Verb::Notify,
            ["with", "recursive", ..] => Verb::Catalog,
            _ => return None,
        };
        if verb == Verb::Catalog {
            return Some(Statement { verb, pace: Pace::AtOnce, number: None, parameters: 4 });
        }
        if matches!(verb, Verb::Fetch(..) | Verb::Move(..)) {
            return Some(Statement { verb, pace: Pace::AtOnce, number: None, parameters: 0 });
        }
        let pace = match words.last() {
            Some(&"slowly") => Pace::Slowly,
            Some(&"forever") => Pace::Forever,
            _ => Pace::AtOnce,
        };
        let number =
            words.iter().skip(1).find_map(|word| word.trim_matches(['"', 't', '(', ')']).parse().ok());
        let parameters = words.iter().filter(|word| word.contains('$')).count();
        Some(Statement { verb, pace, number, parameters })
    }
}

/// A name without its quotes.
fn bare(name: &str) -> String {
    name.trim_matches('"').to_owned()
}

/// Where a FETCH or MOVE goes.
fn direction(words: &[&str]) -> Option<Towards> {
    Some(match words {
        ["next"] => Towards::Next,
        ["prior"] => Towards::Prior,
        ["first"] => Towards::First,
        ["last"] => Towards::Last,
        ["absolute", row] => Towards::Absolute(row.parse().ok()?),
        ["relative", rows] => Towards::Relative(rows.parse().ok()?),
        ["forward", "all"] => Towards::ForwardAll,
        ["forward", rows] => Towards::Forward(rows.parse().ok()?),
        ["backward", "all"] => Towards::BackwardAll,
        ["backward", rows] => Towards::Backward(rows.parse().ok()?),
        _ => return None,
    })
}

/// Which rows of so many, counted from 0, a cursor gives that stands `at` a row, and where it stands then: at the last that
/// it gave, before the first (0) or behind the last. Manual: "FETCH".
pub(super) fn travel(rows: u64, at: u64, towards: Towards) -> (Vec<u64>, u64) {
    let behind = rows + 1;
    // To one row, counted from 1.
    let to = |row: i64| match u64::try_from(row) {
        Ok(row) if (1..=rows).contains(&row) => (vec![row - 1], row),
        Ok(row) => (Vec::new(), row.min(behind)),
        Err(_) => (Vec::new(), 0),
    };
    let signed = |row: u64| i64::try_from(row).expect("few rows");
    match towards {
        Towards::Absolute(row) if row < 0 => to(signed(behind) + row),
        Towards::Absolute(row) => to(row),
        Towards::First => to(1),
        Towards::Last => to(signed(rows)),
        Towards::Next => travel(rows, at, Towards::Forward(1)),
        Towards::Prior => travel(rows, at, Towards::Backward(1)),
        Towards::Relative(by) => to(signed(at) + by),
        Towards::Forward(0) | Towards::Backward(0) => to(signed(at)),
        Towards::ForwardAll => travel(rows, at, Towards::Forward(behind)),
        Towards::BackwardAll => travel(rows, at, Towards::Backward(behind)),
        Towards::Forward(count) => {
            let last = (at + count).min(behind);
            ((at..last.min(rows)).collect(), last)
        }
        Towards::Backward(count) => {
            let first = at.saturating_sub(count);
            ((first.max(1)..at).rev().map(|row| row - 1).collect(), first)
        }
    }
}

// ---- how values travel ----

/// The binary form.
pub(super) fn binary(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Null => return None,
        Value::Int8(n) => n.to_be_bytes().to_vec(),
        Value::Int4(n) => n.to_be_bytes().to_vec(),
        Value::Float8(n) => n.to_be_bytes().to_vec(),
        Value::Bool(b) => vec![u8::from(*b)],
        Value::Text(text) => text.clone().into_bytes(),
        Value::Ints(ints) => array(23, ints.iter().map(|n| Some(n.to_be_bytes().to_vec())).collect()),
        Value::Texts(texts) => array(25, texts.iter().map(|t| t.clone().map(String::into_bytes)).collect()),
        Value::Item(item) => {
            let mut out = 2u32.to_be_bytes().to_vec();
            field(&mut out, 25, Some(item.name.as_bytes()));
            field(&mut out, 23, item.n.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice));
            out
        }
        Value::Mood(_) => text_form(value)?.into_bytes(),
        Value::Range(range) => range_binary(range),
        Value::Multirange(ranges) => {
            let mut out = length(ranges.len()).to_be_bytes().to_vec();
            ranges.iter().for_each(|range| put(&mut out, Some(&range_binary(range))));
            out
        }
        Value::Numeric(text) => numeric_binary(text),
        Value::Hstore(pairs) => {
            let mut out = length(pairs.len()).to_be_bytes().to_vec();
            for (key, value) in pairs {
                put(&mut out, Some(key.as_bytes()));
                put(&mut out, value.as_deref().map(str::as_bytes));
            }
            out
        }
    })
}

/// `range_send`: flags, and the bounds that there are.
fn range_binary(range: &Range<i32>) -> Vec<u8> {
    let Range::Bounds(lower, upper) = range else { return vec![1] };
    let mut out = vec![0];
    for (bound, inclusive, missing) in [(lower, 2, 8), (upper, 4, 16)] {
        match bound {
            Bound::Unbounded => out[0] |= missing,
            Bound::Included(value) => {
                out[0] |= inclusive;
                put(&mut out, Some(&value.to_be_bytes()));
            }
            Bound::Excluded(value) => put(&mut out, Some(&value.to_be_bytes())),
        }
    }
    out
}

/// `numeric_send`: how many digits of base 10,000 there are, the power of the first, sign and scale, the digits.
fn numeric_binary(text: &str) -> Vec<u8> {
    let words = |words: [u16; 4]| words.into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    if text == "NaN" {
        return words([0, 0, 0xc000, 0]);
    }
    let (sign, text) = text.strip_prefix('-').map_or((0, text), |text| (0x4000, text));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!(
        "{}{whole}{decimals}{}",
        "0".repeat(whole.len().wrapping_neg() % 4),
        "0".repeat(decimals.len().wrapping_neg() % 4)
    );
    let digits: Vec<u16> = (0..padded.len())
        .step_by(4)
        .map(|at| padded[at..at + 4].parse().expect("digits of a number"))
        .collect();
    let power = whole.len().div_ceil(4);
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let end = digits.iter().rposition(|digit| *digit != 0).map_or(leading, |last| last + 1);
    let digits = &digits[leading..end];
    let weight = if digits.is_empty() { 0 } else { length(power) - 1 - length(leading) };
    let weight = i16::try_from(weight).expect("a small number").cast_unsigned();
    let count = u16::try_from(digits.len()).expect("a small number");
    let mut out = words([count, weight, sign, u16::try_from(decimals.len()).expect("few decimals")]);
    out.extend(digits.iter().flat_map(|digit| digit.to_be_bytes()));
    out
}

fn array(element: u32, values: Vec<Option<Vec<u8>>>) -> Vec<u8> {
    let dimensions = u32::from(!values.is_empty());
    let mut out = dimensions.to_be_bytes().to_vec();
    out.extend(u32::from(values.iter().any(Option::is_none)).to_be_bytes());
    out.extend(element.to_be_bytes());
    if dimensions == 1 {
        out.extend(length(values.len()).to_be_bytes());
        out.extend(1u32.to_be_bytes());
    }
    for value in &values {
        put(&mut out, value.as_deref());
    }
    out
}

fn field(out: &mut Vec<u8>, oid: u32, value: Option<&[u8]>) {
    out.extend(oid.to_be_bytes());
    put(out, value);
}

/// A value with its length before it.
pub(super) fn put(out: &mut Vec<u8>, value: Option<&[u8]>) {
    out.extend(value.map_or(-1, |value| length(value.len())).to_be_bytes());
    out.extend_from_slice(value.unwrap_or_default());
}

fn length(length: usize) -> i32 {
    i32::try_from(length).expect("values are small")
}

/// The text form.
pub(super) fn text_form(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Int8(n) => n.to_string(),
        Value::Int4(n) => n.to_string(),
        Value::Float8(n) => n.to_string(),
        Value::Bool(b) => if *b { "t" } else { "f" }.to_owned(),
        Value::Text(text) => text.clone(),
        Value::Ints(ints) => braces(ints.iter().map(i32::to_string)),
        Value::Texts(texts) => {
            braces(texts.iter().map(|t| t.as_ref().map_or("NULL".to_owned(), |t| quoted(t))))
        }
        Value::Item(item) => {
            format!("({},{})", quoted(&item.name), item.n.map_or(String::new(), |n| n.to_string()))
        }
        Value::Mood(Mood::Sad) => "sad".to_owned(),
        Value::Mood(Mood::Happy) => "happy".to_owned(),
        Value::Range(range) => range_text(range),
        Value::Multirange(ranges) => braces(ranges.iter().map(range_text)),
        Value::Numeric(text) => text.clone(),
        Value::Hstore(pairs) => {
            let value = |value: &Option<String>| value.as_deref().map_or("NULL".to_owned(), quoted);
            let pairs = pairs.iter().map(|(key, of)| format!("{}=>{}", quoted(key), value(of)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    })
}

fn range_text(range: &Range<i32>) -> String {
    let Range::Bounds(lower, upper) = range else { return "empty".to_owned() };
    let value = |bound: &Bound<i32>| match bound {
        Bound::Unbounded => String::new(),
        Bound::Included(value) | Bound::Excluded(value) => value.to_string(),
    };
    let open = if matches!(lower, Bound::Included(_)) { '[' } else { '(' };
    let close = if matches!(upper, Bound::Included(_)) { ']' } else { ')' };
    format!("{open}{},{}{close}", value(lower), value(upper))
}

fn braces(elements: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", elements.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
