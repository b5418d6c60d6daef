use pg_core::ToSql;

#[derive(ToSql)]
enum Never {}

fn main() {}
