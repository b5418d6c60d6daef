//! Strings of bits.

use super::{shown, shown_row};
use crate::{AnyRow, Place, Row};
use pg_core::types::bit::Bits;
use pg_tests::seed::Rng;

fn bits(rng: &mut Rng, count: u64) -> Bits {
    (0..count).map(|_| rng.below(2) == 0).collect()
}

fn exact(text: &'static str) -> (Bits, &'static str) {
    (text.parse().expect("bits"), text)
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    vec![
        Box::new(
            shown_row("bit varying", "Bits", |rng| {
                let count = rng.below(70);
                bits(rng, count)
            })
            .edges(["", "0", "1", "10101010", "000000001"].map(exact)),
        ),
        Box::new(
            Row::new("bit(11)", "Bits", |rng| shown(bits(rng, 11)))
                .documented("bit(n)")
                .except(Place::Range, "a subtype has no length")
                .edges(["00000000000", "11111111111", "10000000001"].map(exact)),
        ),
    ]
}
