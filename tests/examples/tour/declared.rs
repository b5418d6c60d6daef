//! Statements as constants, checked against the live schema.

use crate::shop::{Email, Item, Mood};
use crate::{Outcome, Tour};
use pg_blocking::{FromRow, Params, Query, Registry};

#[derive(Debug, FromRow)]
struct Card {
    name: String,
    #[pg(name = "mail")]
    email: Email,
}

/// Parameters by name.
#[derive(Params)]
struct Renaming<'a> {
    old: &'a str,
    new: &'a str,
}

const CARDS: Query<(Mood,), Card> =
    Query::new("select name, mail from guest where $1 = any (moods) order by name");
const RENAME: Query<Renaming<'_>, ()> = Query::new("update guest set name = :new where name = :old");
/// Two mistakes: `created` is no integer, and `home` may be NULL.
const CREATED: Query<(), (i64,)> = Query::new("select created from guest");
const HOMES: Query<(), (crate::shop::Point,)> = Query::new("select home from guest");

/// One test of a program holds all its statements to the schema; a registry holds its types to it.
pub(crate) fn held_to_the_schema(tour: &mut Tour) -> Outcome {
    let renamed = tour.step("client.pipeline((RENAME.execute(..), RENAME.execute(..)))?", |client| {
        let there = RENAME.execute(Renaming { old: "Anna", new: "Ann" });
        let back = RENAME.execute(Renaming { old: "Ann", new: "Anna" });
        client.pipeline((there, back))
    })?;
    assert_eq!(renamed, (1, 1));
    let renamed = tour.step("client.fetch_affected(&RENAME, ..)?", |client| {
        client.fetch_affected(&RENAME, Renaming { old: "Nobody", new: "Somebody" })
    })?;
    assert_eq!(renamed, 0);
    for Card { name, email } in tour.client.fetch(&CARDS, (Mood::Ok,))? {
        tour.screen.block(format_args!("{name} <{}>", email.0));
    }
    tour.step("client.verify(&[&CARDS, &RENAME])?", |client| client.verify(&[&CARDS, &RENAME]))?;
    tour.screen.say("  client.verify(&[&CARDS, &CREATED, &HOMES]):");
    match tour.client.verify(&[&CARDS, &CREATED, &HOMES]) {
        Err(error) => tour.screen.block(error),
        Ok(()) => return Err("two of them should not have passed".into()),
    }
    let registry = Registry::new().with::<Mood>().with::<Item>();
    tour.client.batch_execute("alter type mood add value 'angry'")?;
    let drifts = tour.step("client.drifts(&registry)?", |client| client.drifts(&registry))?;
    drifts.iter().for_each(|drift| tour.screen.block(drift));
    Ok(())
}
