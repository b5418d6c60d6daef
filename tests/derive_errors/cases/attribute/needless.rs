// Mistakes: 5
use pg_blocking::{FromRow, FromSql, ToSql};

#[derive(ToSql)]
#[pg(array = "items", register)]
struct Item {
    a: i64,
}

#[derive(FromSql)]
struct Read<'r> {
    #[pg(borrow)]
    name: &'r str,
}

#[derive(FromRow)]
struct Row {
    #[pg(index = 1)]
    a: i64,
    #[pg(null_as = 0)]
    b: i64,
}

fn main() {}
