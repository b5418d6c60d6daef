// Mistakes: 8
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql)]
#[pg(domain, rename_all = "lowercase")]
struct Email(#[pg(name = "x")] String);

#[derive(FromSql)]
#[pg(packed, rename_all = "lowercase")]
struct Point {
    #[pg(name = "X")]
    x: f64,
}

#[derive(ToSql)]
#[pg(text = self, rename_all = "lowercase")]
enum Mood {
    #[pg(name = "sad")]
    Sad,
    Other(#[pg(name = "x", skip)] i64),
}

impl std::fmt::Display for Mood {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}
