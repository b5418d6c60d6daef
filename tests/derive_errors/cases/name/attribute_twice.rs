// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(rename_all = "camelCase")]
struct Item {
    first_name: i64,
    #[pg(name = "firstName")]
    name: i64,
}

fn main() {}
