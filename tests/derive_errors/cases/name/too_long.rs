// Mistakes: 3
use pg_blocking::ToSql;

#[derive(ToSql)]
struct Item {
    #[pg(name = "0123456789012345678901234567890123456789012345678901234567890123")]
    id: i64,
    a_name_of_more_than_sixty_three_bytes_which_postgresql_would_cut_short: i64,
    // 63 bytes are the most.
    #[pg(name = "012345678901234567890123456789012345678901234567890123456789012")]
    ok: i64,
    // Bytes are counted, not characters.
    #[pg(name = "\u{e9}123456789012345678901234567890123456789012345678901234567890123")]
    accent: i64,
}

fn main() {}
