// Mistakes: 1
use pg_blocking::FromRow;

#[derive(FromRow)]
struct Audit {
    by: i64,
}

#[derive(FromRow)]
struct User {
    audit: Audit,
}

fn main() {}
