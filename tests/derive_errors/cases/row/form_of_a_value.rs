// Mistakes: 2
use pg_blocking::FromRow;

#[derive(FromRow)]
#[pg(transparent)]
struct Id(i64);

#[derive(FromRow)]
#[pg(packed)]
struct Point {
    x: f64,
}

fn main() {}
