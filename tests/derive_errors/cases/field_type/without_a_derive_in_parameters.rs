// Mistakes: 2
use pg_blocking::{CopyRow, Params};

struct Money(i64);

#[derive(Params)]
struct Sent {
    price: Money,
}

#[derive(CopyRow)]
struct Copied {
    price: Money,
}

fn main() {}
