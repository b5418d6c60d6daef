use pg_blocking::Sql;

fn find(name: String) -> Sql<'static> {
    Sql::new(&name)
}

fn go_on(sql: Sql<'_>, condition: String) -> Sql<'_> {
    sql.text(&format!(" where {condition}"))
}

fn main() {}
