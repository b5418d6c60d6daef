// Mistakes: 5
use pg_blocking::{ToSql, FromRow};

#[derive(ToSql)]
#[pg(name = "", schema = "")]
struct Item {
    #[pg(name = "")]
    id: i64,
}

#[derive(FromRow)]
struct User {
    #[pg(name = "")]
    id: i64,
    #[pg(flatten(prefix = ""))]
    name: (i64,),
}

fn main() {}
