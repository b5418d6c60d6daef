use pg_core::{ToSql, FromSql, FromRow};

#[derive(ToSql)]
struct Nothing;

#[derive(FromSql)]
#[pg(transparent)]
struct Neither;

#[derive(FromRow)]
struct Nor;

fn main() {}
