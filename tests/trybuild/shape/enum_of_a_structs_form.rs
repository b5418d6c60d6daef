use pg_core::{ToSql, FromSql};

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
