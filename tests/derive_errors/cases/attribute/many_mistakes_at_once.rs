// Mistakes: 7
use pg_blocking::{ToSql, FromSql};

#[derive(ToSql, FromSql)]
#[pg(name = "", nonsense, rename_all = "x", text, packed)]
struct Item {
    #[pg(nonsense)]
    id: i64,
    #[pg(name = "")]
    name: String,
}

// One message each, and none that the impls are missing.
fn uses(item: Item) -> impl pg_blocking::Adapter {
    item
}

fn main() {}
