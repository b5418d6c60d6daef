// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql)]
#[pg(name = "it\0em")]
struct Item {
    id: i64,
}

#[derive(FromSql)]
enum Mood {
    #[pg(name = "\0")]
    Sad,
}

fn main() {}
