// Mistakes: 1
use pg_blocking::{ToSql, FromSql};

#[derive(FromSql)]
#[pg(domain)]
struct Triple(i64, i64, i64);

fn main() {}
