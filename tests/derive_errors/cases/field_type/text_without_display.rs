// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

struct Money;

#[derive(ToSql)]
#[pg(text)]
struct Price(Money);

#[derive(FromSql)]
#[pg(text)]
struct Tax {
    rate: i64,
}

fn main() {}
