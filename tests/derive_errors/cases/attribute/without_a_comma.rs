// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(name = "item" schema = "shop")]
struct Item {
    id: i64,
}

fn main() {}
