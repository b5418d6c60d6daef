// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
enum Never {}

fn main() {}
