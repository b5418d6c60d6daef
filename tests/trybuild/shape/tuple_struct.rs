use pg_blocking::{ToSql, FromSql};

#[derive(ToSql)]
struct Pair(i64, String);

#[derive(FromSql)]
#[pg(domain)]
struct Triple(i64, i64, i64);

fn main() {}
