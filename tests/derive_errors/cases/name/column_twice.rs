// Mistakes: 1
use pg_blocking::FromRow;

#[derive(FromRow)]
struct User {
    id: i64,
    #[pg(name = "id")]
    key: i64,
}

fn main() {}
