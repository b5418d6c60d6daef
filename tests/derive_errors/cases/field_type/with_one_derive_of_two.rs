// Mistakes: 1
use pg_blocking::{ToSql, FromSql};

#[derive(FromSql)]
enum Mood {
    Sad,
}

#[derive(ToSql, FromSql)]
struct Person {
    moods: Vec<Mood>,
}

fn main() {}
