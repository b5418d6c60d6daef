//! Every step once more, counted.

use crate::shop::{Mood, lamp};
use crate::{Outcome, Tour};
use pg_blocking::pg_core::exchange::pipeline;

/// On a connection that has never seen anything.
pub(crate) fn round_trips(tour: &mut Tour) -> Outcome {
    let config = tour.config()?;
    tour.client = tour.step("connect", |_| config.connect())?;
    let by_id = "select cents from account where id = $1";
    tour.step("the first query with parameters", |client| client.query_value::<i64>(by_id, (1_i64,)))?;
    tour.step("the same, cached", |client| client.query_value::<i64>(by_id, (2_i64,)))?;
    tour.step("the first composite and enum", |client| {
        client.execute("select $1::shop.item, $2::mood", (lamp(), Mood::Ok))
    })?;
    tour.step("begin, three statements, commit", |client| {
        let mut tx = client.begin()?;
        for id in 1..=3_i64 {
            tx.execute(by_id, (id,))?;
        }
        tx.commit()
    })?;
    tour.step("begin and commit with nothing between", |client| client.begin()?.commit())?;
    tour.step("100 inserts, never prepared, as a pipeline", |client| {
        let inserts = (10..110_i64).map(|id| pipeline::execute("insert into account values ($1, 0)", (id,)));
        client.pipeline(inserts.collect::<Vec<_>>())
    })?;
    tour.screen
        .say(&format!("  (counted by a relay between the client and PostgreSQL {})", tour.server.major()));
    Ok(())
}
