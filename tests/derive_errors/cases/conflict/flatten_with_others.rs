// Mistakes: 2
use pg_blocking::FromRow;

#[derive(FromRow)]
struct User {
    id: i64,
    #[pg(flatten, name = "audit", default)]
    audit: Audit,
}

#[derive(FromRow)]
struct Audit {
    by: i64,
}

fn main() {}
