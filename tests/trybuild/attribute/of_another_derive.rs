use pg_blocking::{FromSql, ToSql};

#[derive(FromSql)]
struct Item {
    #[pg(default)]
    id: i64,
}

#[derive(ToSql)]
struct Order {
    #[pg(flatten(prefix = "item_"))]
    item: i64,
}

fn main() {}
