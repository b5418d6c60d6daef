// Mistakes: 1
use pg_blocking::FromRow;

#[derive(FromRow)]
enum Mood {
    Sad,
}

fn main() {}
