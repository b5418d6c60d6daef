// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql)]
#[pg(packed)]
enum Mood {
    Sad,
}

#[derive(FromSql)]
#[pg(domain)]
enum Weather {
    Bad,
}

fn main() {}
