// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(crate = nowhere)]
struct Item {
    id: i64,
}

fn main() {}
