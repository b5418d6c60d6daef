// Mistakes: 1
use pg_blocking::ToSql;

#[derive(ToSql)]
#[pg(bound = "T")]
struct Page<T> {
    items: Vec<T>,
}

fn main() {}
