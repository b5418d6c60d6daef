// Mistakes: 8
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
struct Item {
    #[pg(into = "i64")]
    a: i64,
    #[pg(with = "module")]
    b: i64,
    #[pg(with)]
    c: i64,
    #[pg(foreign = true)]
    d: i64,
    #[pg(json(nullabel))]
    e: Option<i64>,
    #[pg(into)]
    f: i64,
}

#[derive(FromSql)]
#[pg(repr = "i32")]
enum Level {
    Low,
}

#[derive(FromSql)]
#[pg(allow_extra = true)]
struct Pair(i64, i64);

fn main() {}
