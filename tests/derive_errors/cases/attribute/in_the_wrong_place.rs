// Mistakes: 2
use pg_blocking::FromRow;

#[derive(FromRow)]
#[pg(flatten)]
struct User {
    #[pg(rename_all = "camelCase")]
    id: i64,
}

fn main() {}
