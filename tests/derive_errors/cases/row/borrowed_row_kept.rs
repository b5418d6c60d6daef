// Mistakes: 1
use pg_blocking::FromRow;

use pg_blocking::pg_core::row::FromRowOwned;

#[derive(FromRow)]
struct User<'r> {
    name: &'r str,
}

fn query<T: FromRowOwned>() -> Vec<T> {
    Vec::new()
}

fn main() {
    query::<User>();
}
