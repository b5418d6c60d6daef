// Mistakes: 3
use pg_blocking::{ToSql, FromSql, FromRow};

struct Money;

#[derive(ToSql, FromSql)]
struct Item {
    price: Money,
}

#[derive(FromRow)]
struct Order {
    total: Option<Money>,
}

fn main() {}
