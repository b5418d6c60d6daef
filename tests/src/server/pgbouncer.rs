//! A PgBouncer in transaction mode before a test's database, where there is one: `PGBOUNCER` names it, else it is
//! looked for on `PATH` and where packages put it.

use super::account::Account;
use super::database::Database;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::{env, fs};

/// A pooler that runs.
///
/// # Drop
/// Ends it.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl PgBouncer {
    /// Starts one that gives its clients so many server connections; `None`, and a word on stderr, where there is no
    /// PgBouncer.
    ///
    /// # Panics
    /// There is one, and it doesn't start.
    pub fn before(database: &Database, connections: u32) -> Option<PgBouncer> {
        let Some(program) = find() else {
            eprintln!("skipped: there is no pgbouncer on PATH, nor does PGBOUNCER name one");
            return None;
        };
        let account = Account::current().unwrap_or_else(|error| panic!("{error}"));
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let folder = env::temp_dir().join(format!("pgbouncer-{port}-{}", std::process::id()));
        let settings = format!(
            "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n\
             server_round_robin = 1\n",
            database.host(),
            database.port(),
            database.user()
        );
        let file = folder.join("pgbouncer.ini");
        fs::create_dir(&folder).and_then(|()| fs::write(&file, settings)).expect("a folder of its own");
        for path in [&folder, &file] {
            account.give(path).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut command = account.command(&program);
        if let Some(libraries) = env::var_os("PGBOUNCER_LIBRARIES") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let started =
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        loop {
            match lines.next() {
                Some(Ok(line)) if line.contains("process up") => break,
                Some(Ok(line)) => said.push(line),
                _ => panic!("pgbouncer does not start: {}", said.join("\n")),
            }
        }
        // What it says from now on is read away, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Some(PgBouncer { child, folder, port })
    }

    /// The database, through the pooler.
    pub fn url(&self, database: &Database) -> String {
        database.url_at("127.0.0.1", self.port, "")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("PGBOUNCER").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let mut folders: Vec<OsString> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).map(PathBuf::into_os_string).collect();
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.iter().map(|folder| Path::new(folder).join("pgbouncer")).find(|path| path.is_file())
}
