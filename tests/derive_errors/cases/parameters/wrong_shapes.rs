// Mistakes: 7
use pg_blocking::{CopyRow, Params};

#[derive(Params)]
enum Mood {
    Sad,
}

#[derive(Params)]
struct Nothing;

#[derive(Params)]
struct Left {
    #[pg(skip)]
    all: i64,
}

#[derive(CopyRow)]
union Either {
    a: i64,
}

#[derive(CopyRow)]
struct Empty {}

#[derive(Params)]
#[pg(domain)]
struct Email(String);

#[derive(CopyRow)]
#[pg(json)]
struct Document {
    text: String,
}

fn main() {}
