use pg_core::{ToSql, FromSql};

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
