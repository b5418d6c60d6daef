// Mistakes: 2
use pg_blocking::ToSql;

#[derive(ToSql)]
struct Item {
    #[pg(rename = "ID")]
    id: i64,
    #[pg(colour)]
    name: String,
}

fn main() {}
