// Mistakes: 3
use pg_blocking::{ToSql, FromSql};

struct Money;

#[derive(ToSql)]
#[pg(transparent)]
struct Price(Money);

#[derive(FromSql)]
#[pg(domain)]
struct Tax(Money);

#[derive(FromSql)]
#[pg(packed)]
struct Both {
    price: Money,
}

fn main() {}
