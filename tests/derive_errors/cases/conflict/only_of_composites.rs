// Mistakes: 12
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
#[pg(allow_extra)]
enum Mood {
    Sad,
}

#[derive(FromSql)]
#[pg(domain, allow_missing)]
struct Email(#[pg(default)] String);

#[derive(FromSql)]
#[pg(packed)]
struct Point {
    #[pg(default)]
    x: f64,
}

#[derive(ToSql)]
#[pg(rename_all = "lowercase")]
struct Pair(#[pg(name = "a")] i64, i64);

#[derive(ToSql)]
#[pg(range)]
struct Speeds(i64, i64);

#[derive(FromSql)]
#[pg(from = i64, name = "x")]
struct Whole(#[pg(name = "x", skip, json, default)] i64);

fn main() {}
