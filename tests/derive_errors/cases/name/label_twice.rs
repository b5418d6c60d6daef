// Mistakes: 2
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
enum Mood {
    Sad,
    #[pg(name = "sad")]
    Unhappy,
    SAD,
}

fn main() {}
