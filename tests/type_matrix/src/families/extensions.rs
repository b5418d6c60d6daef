//! Types that extensions bring.

use super::{shown, shown_row};
use crate::{AnyRow, Row};
use pg_core::types::hstore::Hstore;
use pg_core::types::ltree::{Lquery, Ltree, Ltxtquery};
use pg_tests::seed::Rng;
use pgvector::{HalfVector, SparseVector, Vector};

fn hstore(rng: &mut Rng) -> Hstore {
    let pieces = ["a", "NULL", "null", "\"", "\\", "=>", ",", " ", "'", "é", "{", "}", "\u{1f600}", "\t"];
    let mut word = || (0..rng.below(4)).map(|_| rng.pick(&pieces)).collect::<String>();
    let words: Vec<(String, String)> = (0..4).map(|_| (word(), word())).collect();
    let count = rng.index(5);
    words
        .into_iter()
        .take(count)
        .map(|(key, value)| (key, Some(value).filter(|_| rng.below(4) > 0)))
        .collect()
}

fn labels(rng: &mut Rng, between: &str) -> String {
    let labels: Vec<&str> =
        (0..=rng.below(5)).map(|_| rng.pick(&["Top", "a", "B_2", "Europe", "x9"])).collect();
    labels.join(between)
}

/// Numbers that the server prints as Rust does.
fn numbers(rng: &mut Rng) -> Vec<f32> {
    (0..=rng.below(8)).map(|_| (rng.below(2000) as f32 - 1000.0) / 8.0).collect()
}

fn list(numbers: &[f32]) -> String {
    format!("[{}]", numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(","))
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let of = |text: &'static str| (text.parse::<Hstore>().expect("an hstore"), text);
    let sparse = |rng: &mut Rng| {
        let numbers: Vec<f32> = numbers(rng).into_iter().map(|n| if n < 0.0 { 0.0 } else { n }).collect();
        let sparse = SparseVector::from_dense(&numbers);
        let pairs = sparse.indices().iter().zip(sparse.values());
        let text: Vec<String> = pairs.map(|(index, value)| format!("{}:{value}", index + 1)).collect();
        let text = format!("{{{}}}/{}", text.join(","), sparse.dimensions());
        (sparse, text)
    };
    vec![
        Box::new(shown_row("hstore", "hstore::Hstore", hstore).extension("hstore").edges([
            of(""),
            of(r#""a"=>NULL, "bb"=>"NULL""#),
            of(r#"""=>"", "\"\\"=>" ""#),
        ])),
        Box::new(
            Row::new("ltree", "ltree::Ltree", |rng| shown(Ltree(labels(rng, "."))))
                .extension("ltree")
                .edges([(Ltree::from(""), ""), (Ltree::from("Top.Science"), "Top.Science")])
                .read_as("String", |row| row.get::<String>().map(|text| Some(Ltree(text)))),
        ),
        Box::new(
            shown_row("lquery", "ltree::Lquery", |rng| Lquery(labels(rng, ".*{1,2}.")))
                .unordered()
                .extension("ltree")
                .edges([(Lquery::from("*.a@|b%*.!c"), "*.a@|b%*.!c")]),
        ),
        Box::new(
            shown_row("ltxtquery", "ltree::Ltxtquery", |rng| Ltxtquery(labels(rng, " & ")))
                .unordered()
                .extension("ltree")
                .edges([(Ltxtquery::from("Europe & !Asia"), "Europe & !Asia")]),
        ),
        Box::new(
            Row::new("vector", "pgvector::Vector", |rng| {
                let numbers = numbers(rng);
                let text = list(&numbers);
                (Vector::from(numbers), text)
            })
            .extension("vector"),
        ),
        Box::new(
            Row::new("halfvec", "pgvector::HalfVector", |rng| {
                let numbers = numbers(rng);
                (HalfVector::from_f32_slice(&numbers), list(&numbers))
            })
            .extension("vector"),
        ),
        Box::new(Row::new("sparsevec", "pgvector::SparseVector", sparse).extension("vector")),
    ]
}
