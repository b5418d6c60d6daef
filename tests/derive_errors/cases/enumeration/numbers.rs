// Mistakes: 7
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
#[pg(repr = u8)]
enum Unsigned {
    Low,
}

#[derive(FromSql)]
#[pg(repr = i32)]
struct Id(i32);

#[derive(ToSql)]
#[pg(repr = i16, name = "level", rename_all = "lowercase")]
enum Named {
    #[pg(name = "low", alias = "lowest")]
    Low,
}

#[derive(FromSql)]
#[pg(repr = i16)]
enum TooLarge {
    Low = 100_000,
}

#[derive(FromSql)]
#[pg(repr = i16, text)]
enum Both {
    Low,
}

fn main() {}
