//! COPY of rows.

use crate::shop::{Email, Mood, Point};
use crate::{Outcome, Tour};
use pg_blocking::{CopyFrom, CopyRow, CopyTo, FromRow};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, CopyRow, FromRow)]
struct Guest {
    id: Uuid,
    name: String,
    mail: Email,
    home: Option<Point>,
    moods: Vec<Mood>,
}

/// Structs into a table and out of it again, in binary.
pub(crate) fn rows_in_and_out(tour: &mut Tour) -> Outcome {
    let guests = (0..1000_u32).map(|n| Guest {
        id: Uuid::from_u128(1000 + u128::from(n)),
        name: format!("guest {n}"),
        mail: Email(format!("{n}@example.com")),
        home: (n % 2 == 0).then_some(Point { x: f64::from(n), y: 0.5 }),
        moods: vec![Mood::Ok; (n % 3) as usize],
    });
    let into = CopyFrom::table("guest");
    let copied = tour.step("client.copy_in_all(&CopyFrom::table(\"guest\"), guests)?", |client| {
        client.copy_in_all(&into, guests)
    })?;
    tour.screen.pair("rows that went in", copied);
    let from = CopyTo::query("select id, name, mail, home, moods from guest where name like 'guest %'");
    let mut rows = tour.client.copy_out_rows::<Guest>(&from)?;
    let mut count = 0;
    while let Some(guest) = rows.next_as::<Guest>()? {
        assert!(guest.name.starts_with("guest "));
        count += 1;
    }
    assert_eq!(count, copied);
    tour.screen.pair("rows that came out", count);
    tour.client.execute("delete from guest where name like 'guest %'", ())?;
    Ok(())
}
