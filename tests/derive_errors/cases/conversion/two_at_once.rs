// Mistakes: 7
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
struct Item {
    #[pg(json, into = i64)]
    a: i64,
    #[pg(with = module, foreign)]
    b: i64,
}

#[derive(FromSql)]
struct Other {
    #[pg(from = i64, try_from = i32)]
    a: i64,
    #[pg(into = i64, from = i64, try_from = i32)]
    b: i64,
    #[pg(json(nullable))]
    c: i64,
    #[pg(skip, json)]
    d: i64,
}

#[derive(ToSql)]
#[pg(transparent, into = i64)]
struct Id(i64);

fn main() {}
