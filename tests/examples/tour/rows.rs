//! Rows that are structs.

use crate::shop::{Email, Item, Mood, Network, Point, lamp};
use crate::{Outcome, Tour};
use pg_blocking::{FromRow, Query};
use uuid::Uuid;

#[derive(Debug, FromRow)]
struct Guest {
    id: Uuid,
    name: String,
    #[pg(name = "mail")]
    email: Email,
    home: Option<Point>,
    networks: Vec<Network>,
    moods: Vec<Mood>,
    basket: Vec<Item>,
}

/// A statement with the types of its parameters and rows, declared once.
const BY_MOOD: Query<(Mood,), Guest> = Query::new("select * from guest where $1 = any (moods) order by name");

/// Inserts structs' fields, reads structs.
pub(crate) fn as_structs(tour: &mut Tour) -> Outcome {
    let insert = "insert into guest (id, name, mail, home, moods, basket, networks) values ($1, $2, $3, $4, $5, $6, $7)";
    tour.screen.sql(insert);
    let moods = [Mood::Ok, Mood::VeryHappy];
    tour.step("a row with every type in it", |client| {
        let home = Point { x: 48.2, y: 16.4 };
        // A string parameter takes the type that the server infers: here an array of inet.
        let networks = "{10.0.0.0/8}";
        client.execute(
            insert,
            (
                Uuid::from_u128(1),
                "Anna",
                Email("anna@example.com".to_owned()),
                home,
                &moods,
                vec![lamp()],
                networks,
            ),
        )
    })?;
    tour.step("a row with NULL and empty arrays", |client| {
        let (home, basket): (Option<Point>, Vec<Item>) = (None, vec![]);
        client.execute(
            insert,
            (Uuid::from_u128(2), "Bert", Email("bert@example.com".to_owned()), home, &moods, basket, "{}"),
        )
    })?;

    tour.screen.sql(BY_MOOD.sql());
    let guests = tour.step("client.fetch(&BY_MOOD, (Mood::VeryHappy,))?", |client| {
        client.fetch(&BY_MOOD, (Mood::VeryHappy,))
    })?;
    for guest in guests {
        let Guest { id, name, email, home, networks, moods, basket } = guest;
        tour.screen.block(format_args!("{name} <{}> {id}", email.0));
        tour.screen.block(format_args!("    home {home:?}, moods {moods:?}"));
        tour.screen.block(format_args!("    networks {networks:?}"));
        tour.screen.block(format_args!("    basket {basket:?}"));
    }
    Ok(())
}
