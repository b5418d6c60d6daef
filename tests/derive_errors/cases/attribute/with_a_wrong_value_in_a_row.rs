// Mistakes: 3
use pg_blocking::FromRow;

#[derive(FromRow)]
struct User {
    #[pg(default = "zero")]
    id: i64,
    #[pg(flatten(suffix = "x"))]
    audit: i64,
    #[pg(flatten = "x")]
    other: i64,
}

fn main() {}
