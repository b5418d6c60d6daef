use pg_core::ToSql;

struct NotSql;

#[derive(ToSql)]
struct Page<T> {
    items: Vec<T>,
}

fn sends<T: pg_core::Adapter>(_: T) {}

fn main() {
    sends(Page { items: vec![NotSql] });
}
