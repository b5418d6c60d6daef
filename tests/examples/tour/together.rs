//! Statements that belong together.

use crate::{Outcome, Tour};
use pg_blocking::pg_core::exchange::pipeline;

const TOTAL: &str = "select count(*) from guest";

/// Deletes everything, and changes its mind.
pub(crate) fn rolled_back_by_drop(tour: &mut Tour) -> Outcome {
    let (before, inside, after) =
        tour.step("count; begin, delete from guest, count; drop(tx); count", |client| {
            let before: i64 = client.query_value(TOTAL, ())?;
            let mut tx = client.begin()?;
            tx.execute("delete from guest", ())?;
            let inside: i64 = tx.query_value(TOTAL, ())?;
            drop(tx); // sends ROLLBACK and doesn't wait; the next call reads its answer first
            let after: i64 = client.query_value(TOTAL, ())?;
            Ok((before, inside, after))
        })?;
    assert_eq!(after, before, "nothing was deleted");
    tour.screen
        .pair("guests before, inside and after the transaction", format_args!("{before}, {inside}, {after}"));
    Ok(())
}

/// Different statements with different results, in one round trip; outside a transaction they are all or nothing.
pub(crate) fn pipeline(tour: &mut Tour) -> Outcome {
    let (moved, accounts, poorest) = tour.step("update, select, select .. limit 1", |client| {
        client.pipeline((
            pipeline::execute("update account set cents = cents + $1", (100_i64,)),
            pipeline::query::<(i64, i64), _>("select id, cents from account order by id", ()),
            pipeline::query_opt::<(i64,), _>("select id from account order by cents limit 1", ()),
        ))
    })?;
    tour.screen.pair("rows changed", moved);
    tour.screen.pair("accounts (id, cents)", format_args!("{accounts:?}"));
    tour.screen.pair("the poorest", format_args!("{poorest:?}"));
    Ok(())
}
