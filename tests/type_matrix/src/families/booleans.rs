//! `boolean`.

use crate::{AnyRow, Row};

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let boolean = Row::new("boolean", "bool", |rng| {
        let value = rng.below(2) == 1;
        (value, value.to_string())
    });
    vec![Box::new(boolean.edges([(true, "t"), (false, "f")]))]
}
