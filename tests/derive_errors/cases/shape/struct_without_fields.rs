// Mistakes: 3
use pg_blocking::{ToSql, FromSql, FromRow};

use std::marker::PhantomData;

#[derive(ToSql)]
struct Nothing {}

#[derive(FromSql)]
#[pg(packed)]
struct Neither {}

#[derive(FromRow)]
struct Nor<T> {
    marker: PhantomData<T>,
    #[pg(skip)]
    skipped: i64,
}

fn main() {}
