// Mistakes: 1
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
struct Email(String);

fn main() {}
