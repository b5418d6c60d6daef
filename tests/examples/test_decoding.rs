//! What happens in a database, as `test_decoding` writes it, until Ctrl-C:
//! `cargo run -p pg-tests --example test_decoding`.
//!
//! It starts a PostgreSQL of its own, in which a thread writes, or follows the database of `DATABASE_URL`, which needs
//! `wal_level = logical`. With a number, it ends after so many lines.

use pg_blocking::pg_core::lsn::Lsn;
use pg_blocking::pg_core::replication::command::CreateSlot;
use pg_blocking::{Config, Replication};
use pg_tests::server::Server;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines: usize = std::env::args().nth(1).map_or(Ok(usize::MAX), |number| number.parse())?;
    let server = Server::try_shared()?;
    let database = server.try_database()?;
    let url = if server.is_own() { database.url() } else { std::env::var("DATABASE_URL")? };
    if server.is_own() {
        let mut client = Config::new(&url)?.connect()?;
        std::thread::spawn(move || -> pg_blocking::Result<()> {
            client.batch_execute("create table news (id int8 generated always as identity, line text)")?;
            for number in 1.. {
                client.execute("insert into news (line) values ($1)", (format!("it's number {number}"),))?;
                std::thread::sleep(Duration::from_millis(300));
            }
            Ok(())
        });
    }

    let mut walsender = Config::new(&url)?.replication(Replication::Logical).connect()?;
    let slot = format!("demo_{}", std::process::id());
    walsender.create_slot(&CreateSlot::logical(&slot, "test_decoding").temporary())?;
    let mut stream = walsender.start_logical(&slot, Lsn(0), ())?;
    eprintln!("following {url}, press Ctrl-C to end");
    for _ in 0..lines {
        let Some(message) = stream.next()? else { break };
        println!("{}  {}", message.start, String::from_utf8_lossy(message.data));
        let read = message.start;
        stream.confirm(read);
    }
    stream.stop(Duration::from_secs(5))?;
    walsender.drop_slot(&slot, true)?;
    Ok(())
}
