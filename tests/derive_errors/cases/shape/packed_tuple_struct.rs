// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(packed)]
struct Point(f64, f64);

fn main() {}
