use pg_core::ToSql;

#[derive(ToSql)]
#[pg(bound = "T")]
struct Page<T> {
    items: Vec<T>,
}

fn main() {}
