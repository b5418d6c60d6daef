//! `uuid`.

use crate::{AnyRow, Row};
use uuid::Uuid;

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let row = Row::new("uuid", "uuid::Uuid", |rng| {
        let value = Uuid::from_u64_pair(rng.number(), rng.number());
        (value, value.to_string())
    })
    .edges([
        (Uuid::nil(), "00000000-0000-0000-0000-000000000000"),
        (Uuid::max(), "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ]);
    vec![Box::new(row)]
}
