use pg_core::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
struct Email(String);

fn main() {}
