//! Text search.

use super::shown_row;
use crate::AnyRow;
use pg_core::types::text_search::{Position, TsQuery, TsVector, Weight};
use pg_tests::seed::Rng;

const WEIGHTS: &[Weight] = &[Weight::A, Weight::B, Weight::C, Weight::D];

fn lexeme(rng: &mut Rng) -> String {
    let pieces = ["a", "cat", "'", "\\", " ", ":", "&", "|", "!", "(", "<->", "é", "\u{1f600}", "1A", "*"];
    (0..=rng.below(4)).map(|_| rng.pick(&pieces)).collect()
}

fn vector(rng: &mut Rng) -> TsVector {
    let mut vector = TsVector::new();
    for _ in 0..rng.below(6) {
        let places: Vec<Position> = (0..rng.below(5))
            .map(|_| {
                let most = 16_383 >> rng.below(14);
                let place = 1 + rng.below(most) as u16;
                Position::new(place, rng.pick(WEIGHTS)).expect("a place")
            })
            .collect();
        vector.insert(lexeme(rng), places).expect("a lexeme");
    }
    vector
}

fn query(rng: &mut Rng) -> TsQuery {
    let mut parts = Vec::new();
    for _ in 0..=rng.below(6) {
        let mut part = TsQuery::lexeme(lexeme(rng)).expect("a lexeme");
        if rng.below(3) == 0 {
            part = part.prefix();
        }
        if rng.below(3) == 0 {
            part = part.weights([rng.pick(WEIGHTS), rng.pick(WEIGHTS)]);
        }
        parts.push(part);
    }
    // Joined at any place, so that brackets fall anywhere.
    while parts.len() > 1 {
        let at = rng.index(parts.len() - 1);
        let right = parts.remove(at + 1);
        let left = std::mem::take(&mut parts[at]);
        let both = match rng.below(4) {
            0 => left.and(right),
            1 => left.or(right),
            2 => left.then(right, 1).expect("near"),
            _ => left.then(right, rng.below(16_385) as u16).expect("within reach"),
        };
        parts[at] = if rng.below(4) == 0 { both.negated() } else { both };
    }
    // The server's text has no brackets where `&` and `|` would do without, so that it is read from the left.
    parts.pop().unwrap_or_default().to_string().parse().expect("its own text")
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let vectors = ["", "'a':1A,2 'b' 'it''s':16383B", "'\\\\'"];
    let queries =
        ["'a' & ( 'b':*AB | !'c' )", "'a' <-> ( 'b' <2> 'c' )", "!!'it''s'", "'a' <0> 'b' <-> 'c'", ""];
    vec![
        Box::new(
            shown_row("tsvector", "text_search::TsVector", vector)
                .edges(vectors.map(|text| (text.parse::<TsVector>().expect("a tsvector"), text))),
        ),
        Box::new(
            shown_row("tsquery", "text_search::TsQuery", query)
                .edges(queries.map(|text| (text.parse::<TsQuery>().expect("a tsquery"), text))),
        ),
    ]
}
