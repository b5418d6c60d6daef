// Mistakes: 4
use pg_blocking::{FromRow, FromSql};

#[derive(FromRow)]
#[pg(default)]
struct User {
    id: i64,
}

#[derive(FromRow)]
#[pg(default)]
struct Pair(i64, i64);

#[derive(FromSql)]
#[pg(default)]
enum Mood {
    Sad,
}

#[derive(FromRow)]
#[pg(default = zero)]
struct Order {
    id: i64,
}

fn zero() -> i64 {
    0
}

fn main() {}
