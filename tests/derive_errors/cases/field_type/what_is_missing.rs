// Mistakes: 3
//! What each public trait says where it is missing.

use pg_blocking::{Client, Result};

struct Money(i64);

fn not_parameters(client: &mut Client) -> Result<u64> {
    client.execute("select $1", Money(1))
}

fn no_row(client: &mut Client) -> Result<Vec<Money>> {
    client.query("select 1", ())
}

fn no_row_of_copy(client: &mut Client) -> Result<u64> {
    client.copy_in_all(&pg_blocking::CopyFrom::table("t"), [Money(1)])
}

fn main() {}
