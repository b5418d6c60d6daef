// Mistakes: 4
use pg_blocking::{FromRow, FromSql, Params, ToSql};

struct Cents(i64);

#[derive(FromSql)]
struct Read {
    #[pg(from = i64)]
    price: Cents,
}

#[derive(FromRow)]
struct Row {
    #[pg(foreign)]
    price: Option<Cents>,
}

#[derive(Params)]
struct Sent {
    #[pg(into = i64)]
    price: Option<Cents>,
}

#[derive(ToSql, Clone)]
#[pg(into = i64)]
struct Whole(i64);

fn main() {}
