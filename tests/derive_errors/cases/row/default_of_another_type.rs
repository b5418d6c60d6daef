// Mistakes: 1
use pg_blocking::FromRow;

fn zero() -> i32 {
    0
}

#[derive(FromRow)]
struct User {
    #[pg(default = zero)]
    id: i64,
}

fn main() {}
