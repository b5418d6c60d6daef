// Mistakes: 3
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg]
struct Item {
    #[pg = "id"]
    id: i64,
    #[pg("id")]
    name: String,
}

fn main() {}
