use pg_core::FromRow;

#[derive(FromRow)]
enum Mood {
    Sad,
}

fn main() {}
