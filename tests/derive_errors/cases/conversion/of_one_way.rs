// Mistakes: 2
use pg_blocking::{FromSql, ToSql};

#[derive(Clone, ToSql, FromSql)]
#[pg(into = i64)]
struct Written(i64);

impl From<Written> for i64 {
    fn from(written: Written) -> i64 {
        written.0
    }
}

#[derive(ToSql, FromSql)]
#[pg(try_from = i64)]
struct Read(i64);

impl From<i64> for Read {
    fn from(read: i64) -> Read {
        Read(read)
    }
}

fn main() {}
