// Mistakes: 2
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(transparent, name = "email", schema = "app")]
struct Email(String);

fn main() {}
