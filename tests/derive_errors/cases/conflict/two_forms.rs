// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql)]
#[pg(transparent, domain)]
struct Email(String);

#[derive(FromSql)]
#[pg(packed, text)]
struct Point {
    x: f64,
}

fn main() {}
