// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(packed)]
struct Point {
    x: f64,
    y: Option<f64>,
}

fn main() {}
