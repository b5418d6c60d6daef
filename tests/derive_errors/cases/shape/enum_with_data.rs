// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
enum Shape {
    Circle(f64),
    Square { side: f64 },
    Nothing,
}

fn main() {}
