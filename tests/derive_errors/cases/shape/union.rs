// Mistakes: 2
use pg_blocking::{ToSql, FromSql, FromRow};

#[derive(ToSql, FromSql, FromRow)]
union Number {
    int: i64,
    float: f64,
}

fn main() {}
