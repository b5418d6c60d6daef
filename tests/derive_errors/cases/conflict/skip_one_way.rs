// Mistakes: 5
use pg_blocking::{FromRow, FromSql, Params, ToSql};

#[derive(ToSql, FromSql)]
struct Item {
    #[pg(skip_to_sql, into = i64)]
    a: i32,
    #[pg(skip_from_sql, try_from = i64)]
    b: i32,
    #[pg(skip, skip_to_sql)]
    c: i32,
    #[pg(skip_to_sql, skip_from_sql, name = "d")]
    d: i32,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    #[pg(skip_from_sql, default)]
    made: i64,
}

fn main() {}
