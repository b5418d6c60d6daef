use pg_core::ToSql;

#[derive(ToSql)]
#[pg(crate = nowhere)]
struct Item {
    id: i64,
}

fn main() {}
