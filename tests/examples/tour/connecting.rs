//! The first steps.

use crate::{Outcome, Tour};

/// A connection and its first questions, each in one round trip.
pub(crate) fn connect_and_ask(tour: &mut Tour) -> Outcome {
    let config = tour.config()?.application_name("tour");
    tour.client =
        tour.step("Config::new(url)?.application_name(\"tour\").connect()?", |_| config.connect())?;

    let sql = "select current_user || ' on ' || current_database() || ', as ' || current_setting($1)";
    tour.screen.sql(sql);
    let who: String = tour.step("the first time: Parse, Bind, Describe, Execute together", |client| {
        client.query_value(sql, ("application_name",))
    })?;
    tour.screen.block(who);
    tour.step("again: the statement is cached", |client| {
        client.query_value::<String>(sql, ("application_name",))
    })?;
    Ok(())
}
