// Mistakes: 8
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
enum NoField {
    Sad,
    #[pg(other)]
    Other,
}

#[derive(FromSql)]
enum TwoFields {
    Sad,
    #[pg(other)]
    Other(String, i64),
}

#[derive(ToSql)]
enum Two {
    #[pg(other)]
    One(String),
    #[pg(other)]
    Another(String),
}

#[derive(ToSql)]
enum Named {
    #[pg(other, name = "other", alias = "more")]
    Other(#[pg(name = "x", default, json)] String),
}

fn main() {}
