//! Text, and what is text in both forms.

use crate::{AnyRow, Place, Row};
use pg_core::types::strings::Text;
use pg_tests::seed::Rng;
use std::borrow::Cow;
use std::sync::Arc;

/// What arrays, records and parsers of text stumble over.
const PIECES: &[&str] = &[
    "",
    "a",
    "NULL",
    "null",
    "\"",
    "\\",
    "'",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    ":",
    " ",
    "  ",
    "\t",
    "\n",
    "\r",
    "\x01",
    "\x0b",
    "\x7f",
    "é",
    "ß",
    "\u{a0}",
    "\u{1f600}",
    "\u{e000}",
    "日本",
    "$1",
    "%s",
    "--",
    "/*",
    "0",
    "E'\\\\'",
    "\"\"",
    "\\\\",
    "\\N",
    "\\.",
];

fn words(rng: &mut Rng) -> String {
    let count = rng.index(8);
    (0..count).map(|_| rng.pick(PIECES)).collect()
}

/// Rust's other strings.
fn row(sql: &'static str, random: fn(&mut Rng) -> (String, String)) -> Row<String> {
    Row::new(sql, "String", random)
        .written_as("str", |text| Some(Box::new(text.as_str())))
        .written_as("Cow<str>", |text| Some(Box::new(Cow::Borrowed(text.as_str()))))
        .written_as("Text<T>", |text| Some(Box::new(Text(text.as_str()))))
        .read_as("&str", |row| row.get::<&str>().map(|text| Some(text.to_owned())))
        .read_as("Cow<str>", |row| row.get::<Cow<'_, str>>().map(|text| Some(text.into_owned())))
        .read_as("Box<str>", |row| row.get::<Box<str>>().map(|text| Some(text.into_string())))
        .read_as("Arc<str>", |row| row.get::<Arc<str>>().map(|text| Some(text.to_string())))
        .read_as("Text<T>", |row| row.get::<Text<String>>().map(|text| Some(text.0)))
}

/// A string that is its own text.
fn same(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let edges =
        || [same(""), same("null"), same("NULL"), same("{}"), same("\"\\\""), same("é\u{1f600}\u{10ffff}")];
    let any = |rng: &mut Rng| {
        let text = words(rng);
        (text.clone(), text)
    };
    let padded = |rng: &mut Rng| {
        let text = format!("{:<20}", words(rng).chars().take(20).collect::<String>());
        (text.clone(), text)
    };
    let name = |rng: &mut Rng| {
        let text: String = words(rng).chars().take(15).collect();
        (text.clone(), text)
    };
    let json = |rng: &mut Rng| {
        let text = words(rng).escape_default().to_string().replace("\\u{", "\\\\u{").replace("\\'", "'");
        let text = format!("{{\"a\" :[\"{text}\", {}, null]}}", rng.number());
        (text.clone(), text)
    };
    let xml = |rng: &mut Rng| {
        let text: String = words(rng).chars().filter(|c| !c.is_control()).collect();
        let text = format!("<a b='{}'>{}</a>", rng.number(), text.replace('&', "&amp;").replace('<', "&lt;"));
        (text.clone(), text)
    };
    vec![
        Box::new(row("text", any).edges(edges())),
        Box::new(row("varchar", any).edges(edges())),
        Box::new(
            row("char(20)", padded)
                .documented("char(n)")
                .except(Place::Range, "a subtype has no length")
                .edges([same("                    "), same("null                ")]),
        ),
        Box::new(row("name", name).edges(edges()).edges([same(&"n".repeat(63))])),
        Box::new(row("citext", any).extension("citext").edges(edges())),
        Box::new(row("json", json).unordered().edges([
            same("{}"),
            same("[1e400,  null]"),
            same("\"\\u0000\""),
        ])),
        Box::new(row("xml", xml).library("libxml").unordered().edges([
            same(""),
            same("<a/>"),
            same("text &amp; <b>more</b>"),
        ])),
        Box::new(row("refcursor", any).unordered().edges(edges())),
    ]
}
