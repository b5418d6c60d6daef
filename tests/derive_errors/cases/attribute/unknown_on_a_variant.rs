// Mistakes: 2
use pg_blocking::FromSql;

#[derive(FromSql)]
enum Mood {
    #[pg(label = "sad")]
    Sad,
    #[pg(index = 1)]
    Happy,
}

fn main() {}
