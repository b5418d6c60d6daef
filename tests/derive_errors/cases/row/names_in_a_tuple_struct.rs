// Mistakes: 3
use pg_blocking::FromRow;

#[derive(FromRow)]
#[pg(rename_all = "camelCase")]
struct User(#[pg(name = "id")] i64, #[pg(default)] i64);

fn main() {}
