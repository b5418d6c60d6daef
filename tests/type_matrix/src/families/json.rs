//! JSON.

use crate::{AnyRow, Row};
use pg_core::types::json::Json;
use pg_core::types::jsonpath::JsonPath;
use pg_tests::seed::Rng;
use serde_json::{Value, json};

/// A document, at most so deep. Numbers with a fraction are such as serde_json and the server print alike.
fn value(rng: &mut Rng, depth: u32) -> Value {
    let words = ["", "a", "null", "\"", "\\", "é", "\u{1f600}", "\n", "{", ",", "'"];
    let word = |rng: &mut Rng| (0..rng.below(4)).map(|_| rng.pick(&words)).collect::<String>();
    match rng.below(if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => json!(rng.below(2) == 0),
        2 => json!(rng.number().cast_signed() >> rng.below(64)),
        3 => json!(word(rng)),
        4 => (0..rng.below(4)).map(|_| value(rng, depth - 1)).collect(),
        _ => Value::Object((0..rng.below(4)).map(|_| (word(rng), value(rng, depth - 1))).collect()),
    }
}

fn document(rng: &mut Rng) -> (Value, String) {
    let value = value(rng, 4);
    let text = value.to_string();
    (value, text)
}

/// The same as a T of serde's.
fn row(sql: &'static str) -> Row<Value> {
    Row::new(sql, "serde_json::Value", document)
        .written_as("Json<T>", |value| Some(Box::new(Json(value))))
        .read_as("Json<T>", |row| row.get::<Json<Value>>().map(|json| Some(json.0)))
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let paths = |rng: &mut Rng| {
        let text = rng.pick(&["$.\"a\"", "$[*]", "$.\"a\".\"b\"[0]", "strict $", "($.\"x\" > 1)"]);
        (JsonPath::from(text), text.to_owned())
    };
    let strings = Row::new("jsonb", "String", |rng| {
        let text = format!("{{\"a\": [{}, null, \"{}\"]}}", rng.number(), rng.pick(&["é", "x y", "\\n"]));
        (text.clone(), text)
    })
    .edges([("{}".to_owned(), "{}"), ("[]".to_owned(), "[]")]);
    vec![
        Box::new(row("json").unordered().edges([(json!({"b": 1, "a": [null]}), "{\"a\":[null],\"b\":1}")])),
        Box::new(row("jsonb").edges([(json!({"b": 1, "a": [null]}), "{\"a\": [null], \"b\": 1}")])),
        Box::new(strings),
        Box::new(Row::new("jsonpath", "jsonpath::JsonPath", paths).unordered()),
    ]
}
