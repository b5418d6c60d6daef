// Mistakes: 2
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
#[pg(repr = i32)]
#[repr(i32)]
enum Level {
    Low = 1,
    #[pg(other)]
    Other(i64),
}

#[derive(FromSql)]
enum Mood {
    Sad,
    #[pg(other)]
    Other(u64),
}

fn main() {}
