// Mistakes: 8
use pg_blocking::{CopyRow, Params};

#[derive(Params)]
struct Words {
    #[pg(name = "two words")]
    a: i64,
    #[pg(name = "1st")]
    b: i64,
    c: i64,
    #[pg(name = "c")]
    d: i64,
}

#[derive(Params)]
#[pg(rename_all = "kebab-case")]
struct Kebab {
    two_words: i64,
}

#[derive(Params)]
#[pg(rename_all = "lowercase")]
struct Pair(#[pg(name = "a")] i64, i64);

#[derive(CopyRow)]
struct Columns {
    a: i64,
    #[pg(name = "a")]
    b: i64,
    #[pg(skip, name = "c")]
    c: i64,
}

fn main() {}
