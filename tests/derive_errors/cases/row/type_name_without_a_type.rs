// Mistakes: 1
use pg_blocking::FromRow;

#[derive(FromRow)]
#[pg(name = "users")]
struct User {
    id: i64,
}

fn main() {}
