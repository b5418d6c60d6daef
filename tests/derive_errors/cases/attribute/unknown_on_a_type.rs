// Mistakes: 1
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
#[pg(nam = "item")]
struct Item {
    id: i64,
}

fn main() {}
