//! Amounts.

use super::any_number;
use crate::{AnyRow, Row};
use pg_core::types::money::Money;

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    // The harness's servers have cents and a point before them.
    let row = Row::new("money", "Money", |rng| {
        let units = any_number(rng);
        let (sign, units_of) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        (Money(units), format!("{sign}{}.{:02}", units_of / 100, units_of % 100))
    })
    .binary_only("what its text means follows lc_monetary");
    vec![Box::new(row)]
}
