// Mistakes: 1
use pg_blocking::ToSql;

struct NotSql;

#[derive(ToSql)]
struct Page<T> {
    items: Vec<T>,
}

fn sends<T: pg_blocking::Adapter>(_: T) {}

fn main() {
    sends(Page { items: vec![NotSql] });
}
