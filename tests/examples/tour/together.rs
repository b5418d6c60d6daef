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

/// A thousand rows, results that fail alone, and a whole transaction: one round trip each, or two.
pub(crate) fn few_round_trips(tour: &mut Tour) -> Outcome {
    let added = tour.step("execute_many of 1000 sets", |client| {
        client.batch_execute("create table visit (id int8 primary key, guest text)")?;
        let sets = (0..1000_i64).map(|id| (id, format!("guest {id}")));
        client.execute_many("insert into visit values ($1, $2)", sets)
    })?;
    tour.screen.pair("rows", added);
    let insert = |id: i64| pipeline::execute("insert into visit values ($1, 'late')", (id,));
    let results = tour.step("pipeline_each, the second fails", |client| {
        client.pipeline_each((insert(1000), insert(7), insert(1001)))
    })?;
    let (first, second, third) = results;
    tour.screen.pair("results", format_args!("{first:?}, {}, {third:?}", second.is_err()));
    let (deleted, _) = tour.step("begin, delete, insert, commit", |client| {
        let tx = client.begin()?;
        tx.commit_with((pipeline::execute("delete from visit where id < 500", ()), insert(1)))
    })?;
    tour.screen.pair("deleted", deleted);
    Ok(())
}
