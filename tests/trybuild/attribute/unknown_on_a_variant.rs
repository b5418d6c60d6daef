use pg_core::FromSql;

#[derive(FromSql)]
enum Mood {
    #[pg(label = "sad")]
    Sad,
    #[pg(skip)]
    Happy,
}

fn main() {}
