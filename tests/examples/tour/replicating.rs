//! What others write, as structs.

use crate::{Outcome, Tour};
use pg_blocking::pg_core::lsn::Lsn;
use pg_blocking::pg_core::replication::change::Event;
use pg_blocking::pg_core::replication::command::CreateSlot;
use pg_blocking::pg_core::replication::pgoutput::{Message, PgOutput};
use pg_blocking::{FromRow, Replication};
use std::time::Duration;

#[derive(Debug, FromRow)]
struct Till {
    id: i64,
    cents: i64,
}

/// Follows a table through a slot, and reads its rows as queries read them.
pub(crate) fn changes_as_structs(tour: &mut Tour) -> Outcome {
    tour.client.batch_execute(
        "create table till (id int8 primary key, cents int8); create publication tills for table till",
    )?;
    let mut walsender = tour.config()?.replication(Replication::Logical).connect()?;
    let slot = tour.database.name().to_owned();
    walsender.create_slot(&CreateSlot::logical(&slot, "pgoutput"))?;
    let sql = "insert into till values (1, 100), (2, 200); update till set cents = 150 where id = 1";
    tour.screen.sql(sql);
    tour.client.batch_execute(sql)?;

    let mut changes = walsender.start_logical(&slot, Lsn(0), PgOutput::new(["tills"]))?.changes();
    let end = loop {
        match changes.next()? {
            Some(Event::Change(mut change)) => {
                let action = change.action();
                let Till { id, cents } = change.new()?;
                tour.screen.block(format_args!("{action:?} of till {id}: {cents} cents"));
            }
            Some(Event::Other(Message::Commit(commit))) => break commit.end_lsn,
            _ => {}
        }
    };
    changes.confirm(end);
    changes.stop(Duration::from_secs(5))?;
    tour.screen.pair("confirmed, stopped, and the session takes commands again", end);
    walsender.drop_slot(&slot, true)?;
    Ok(())
}
