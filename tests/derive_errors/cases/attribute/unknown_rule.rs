// Mistakes: 2
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(rename_all = "snake-case")]
struct Item {
    id: i64,
}

#[derive(ToSql)]
#[pg(rename_all = "l33t")]
enum Mood {
    Sad,
}

fn main() {}
