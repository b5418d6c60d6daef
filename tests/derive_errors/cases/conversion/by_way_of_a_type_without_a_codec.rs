// Mistakes: 2
use pg_blocking::{FromSql, ToSql};

struct Cents(i64);

#[derive(Clone)]
struct Price(i64);

impl From<Price> for Cents {
    fn from(price: Price) -> Cents {
        Cents(price.0)
    }
}

impl From<Cents> for Price {
    fn from(cents: Cents) -> Price {
        Price(cents.0)
    }
}

#[derive(ToSql, FromSql)]
struct Item {
    #[pg(into = Cents, from = Cents)]
    price: Price,
}

fn main() {}
