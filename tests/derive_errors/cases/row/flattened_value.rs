// Mistakes: 1
use pg_blocking::FromRow;

#[derive(FromRow)]
struct User {
    #[pg(flatten)]
    id: i64,
}

fn main() {}
