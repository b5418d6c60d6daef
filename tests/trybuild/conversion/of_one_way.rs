use pg_blocking::{FromSql, ToSql};

#[derive(ToSql, FromSql)]
#[pg(into = i64)]
struct Written(i64);

#[derive(ToSql, FromSql)]
#[pg(try_from = i64)]
struct Read(i64);

fn main() {}
