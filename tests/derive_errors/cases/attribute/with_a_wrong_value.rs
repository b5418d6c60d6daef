// Mistakes: 8
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(name = item, schema = 5, rename_all)]
struct Item {
    id: i64,
    #[pg(skip = true)]
    cached: i64,
}

#[derive(ToSql)]
#[pg(packed(), crate = "pg_core", bound = T)]
struct Point {
    x: f64,
}

#[derive(ToSql)]
#[pg(text = "inet")]
struct Host(String);

fn main() {}
