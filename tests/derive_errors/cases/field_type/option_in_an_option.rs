// Mistakes: 2
use pg_blocking::{FromRow, FromSql, ToSql};

#[derive(ToSql, FromSql)]
struct Item {
    price: Option<Option<i64>>,
}

#[derive(FromRow)]
struct Order(Option<Option<i64>>, i64);

fn main() {}
