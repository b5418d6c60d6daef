// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(rename_all = "PascalCase")]
struct Item {
    __: i64,
}

fn main() {}
