use pg_core::ToSql;

#[derive(ToSql)]
#[pg(name = "item" schema = "shop")]
struct Item {
    id: i64,
}

fn main() {}
