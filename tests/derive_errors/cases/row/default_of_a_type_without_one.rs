// Mistakes: 2
use pg_blocking::{FromRow, FromSql};

#[derive(FromSql)]
enum Mood {
    Sad,
}

#[derive(FromRow)]
struct User {
    #[pg(default)]
    mood: Mood,
    #[pg(skip)]
    other: Mood,
}

fn main() {}
