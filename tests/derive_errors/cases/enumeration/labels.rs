// Mistakes: 8
use pg_blocking::{FromSql, ToSql};

#[derive(ToSql)]
enum Twice {
    Sad,
    #[pg(alias = "sad")]
    Happy,
    #[pg(alias = "glad", alias = "glad", alias = "glad and sorry and everything that lies between the two of them, and then some")]
    Glad,
}

#[derive(FromSql)]
#[pg(text, name = "state", schema = "app")]
enum State {
    Open,
}

#[derive(ToSql)]
#[pg(composite)]
enum Composite {
    Open,
}

#[derive(ToSql)]
#[pg(text)]
enum Data {
    Circle { radius: i64 },
}

fn main() {}
