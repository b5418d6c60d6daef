// Mistakes: 3
use pg_blocking::{CopyRow, Params, ToSql};

#[derive(ToSql)]
struct Order {
    #[pg(flatten(prefix = "item_"))]
    item: i64,
}

#[derive(Params)]
struct Orders {
    #[pg(flatten)]
    order: (i64,),
}

#[derive(CopyRow)]
struct Copied {
    #[pg(flatten)]
    order: (i64,),
}

fn main() {}
