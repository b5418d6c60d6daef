// Mistakes: 2
use pg_blocking::{FromSql, ToSql};

struct Theme;

#[derive(ToSql)]
struct Written {
    #[pg(json)]
    theme: Theme,
}

#[derive(FromSql)]
struct Read {
    #[pg(json(nullable))]
    theme: Option<Theme>,
}

fn main() {}
