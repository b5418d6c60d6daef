// Mistakes: 4
use pg_blocking::{ToSql, FromRow};

#[derive(ToSql)]
struct Item {
    id: i64,
    #[pg(skip, name = "x")]
    cached: i64,
}

#[derive(FromRow)]
struct User {
    id: i64,
    #[pg(skip, default, name = "x", flatten)]
    cached: i64,
}

fn main() {}
