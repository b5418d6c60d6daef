// Mistakes: 3
use pg_blocking::{ToSql, FromSql, FromRow};

#[derive(ToSql)]
struct Nothing;

#[derive(FromSql)]
#[pg(transparent)]
struct Neither;

#[derive(FromRow)]
struct Nor;

fn main() {}
