// Mistakes: 2
use pg_blocking::{FromSql, ToSql};

mod cents {
    pub fn to_sql(cents: &i64) -> std::rc::Rc<std::thread::Thread> {
        unimplemented!("{cents}")
    }
}

#[derive(ToSql)]
struct Written {
    #[pg(with = cents)]
    price: i64,
}

#[derive(FromSql)]
struct Read {
    #[pg(with = cents)]
    price: i64,
}

fn main() {}
