// Mistakes: 3
use pg_blocking::{ToSql, FromRow};

#[derive(ToSql)]
#[pg(name = "item", name = "thing")]
struct Item {
    #[pg(name = "a")]
    #[pg(name = "b")]
    id: i64,
}

#[derive(FromRow)]
struct User {
    id: i64,
    #[pg(skip, skip)]
    cached: i64,
}

fn main() {}
