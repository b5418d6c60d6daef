// Mistakes: 5
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
enum Mood {
    Sad,
    #[pg(skip, name = "local")]
    Local(i64),
}

#[derive(ToSql)]
enum Both {
    Sad,
    #[pg(skip, other)]
    Other(String),
}

#[derive(FromSql)]
#[pg(text = self)]
enum Text {
    Sad,
    #[pg(skip)]
    Local,
}

#[derive(FromSql)]
enum Nothing {
    #[pg(skip)]
    Local,
}

#[derive(ToSql)]
#[pg(repr = i32)]
enum Number {
    One = 1,
    #[pg(skip, alias = "x")]
    Local,
}

fn main() {}
