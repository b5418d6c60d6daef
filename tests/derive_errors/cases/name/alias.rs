// Mistakes: 6
use pg_blocking::{FromRow, FromSql};

#[derive(FromRow)]
struct Row {
    #[pg(alias = "b", alias = "b")]
    a: i64,
    #[pg(alias = "")]
    c: i64,
    #[pg(flatten, alias = "inner")]
    d: Inner,
}

#[derive(FromRow)]
struct Inner {
    x: i64,
}

#[derive(FromRow)]
struct Pair(#[pg(alias = "a")] i64, i64);

#[derive(FromSql)]
struct Item {
    a: i64,
    #[pg(alias = "a")]
    b: i64,
}

#[derive(FromSql)]
#[pg(transparent)]
struct Id(#[pg(alias = "id")] i64);

fn main() {}
