//! Code that is written once, for both clients.

use crate::{Outcome, Tour};
use pg_blocking::pg_core::{Result, Session};
use pg_tests::relay::Relay;

/// An ordinary async function over one trait: no macro, no feature flag.
async fn transfer<S: Session>(session: &mut S, from: i64, to: i64, cents: i64) -> Result<i64> {
    let mut tx = session.begin().await?;
    tx.execute("update account set cents = cents - $2 where id = $1", (from, cents)).await?;
    tx.execute("update account set cents = cents + $2 where id = $1", (to, cents)).await?;
    let left = tx.query_value("select cents from account where id = $1", (from,)).await?;
    tx.commit().await?;
    Ok(left)
}

/// Runs it under both; as BEGIN travels with the first statement, five commands are four round trips.
pub(crate) fn transfer_under_both_clients(tour: &mut Tour) -> Outcome {
    tour.screen
        .sql("async fn transfer<S: Session>(session: &mut S, from: i64, to: i64, cents: i64) -> Result<i64>");
    let left = tour.step("pg_blocking::complete(transfer(&mut client, 1, 2, 2500))?", |client| {
        pg_blocking::complete(transfer(client, 1, 2, 2500))
    })?;
    tour.screen.pair("account 1 has left", left);

    let url = tour.relay.url(&tour.database);
    let relay: &Relay = &tour.relay;
    let (left, round_trips) =
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut client = pg_async::Config::new(&url)?.connect().await?;
            relay.reset();
            let left = transfer(&mut client, 1, 2, 2500).await?;
            Ok::<_, pg_async::Error>((left, relay.round_trips()))
        })?;
    tour.screen.cost("transfer(&mut async_client, 1, 2, 2500).await?", round_trips);
    tour.screen.pair("account 1 has left", left);
    Ok(())
}
