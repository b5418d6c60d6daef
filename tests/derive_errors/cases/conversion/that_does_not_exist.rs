// Mistakes: 3
use pg_blocking::{FromSql, ToSql};

#[derive(Clone)]
struct Cents(i64);

struct Code(String);

#[derive(ToSql)]
struct Written {
    #[pg(into = i64)]
    price: Cents,
}

#[derive(FromSql)]
struct Read {
    #[pg(try_from = String)]
    code: Code,
}

#[derive(ToSql)]
struct Foreign {
    #[pg(foreign)]
    price: Cents,
}

fn main() {}
