//! One test's database: its name, the connection strings that lead to it, and its end.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    admin::{Value, admin_query},
    error::{Error, Result},
    target::Target,
};

/// An empty database of its own, made from `template0`.
///
/// # Drop
/// Drops the database and ends whoever is still connected to it.
#[derive(Debug)]
pub struct Database {
    /// Leads to it over TCP, or as `DATABASE_URL` does.
    target: Target,
    socket_dir: Option<PathBuf>,
    /// Makes and drops databases.
    admin: Target,
}

impl Database {
    pub(super) fn create(admin: &Target, socket_dir: Option<PathBuf>, major: u32) -> Result<Database> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        // From 15 on the default writes every page to the log, which is slower here than copying the files.
        let strategy = if major >= 15 { " STRATEGY FILE_COPY" } else { "" };
        loop {
            let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let sql = format!("create database {name} template template0{strategy}");
            match admin_query(&admin.url(), &sql) {
                Ok(_) => {
                    let target = admin.with_database(&name);
                    return Ok(Database { target, socket_dir, admin: admin.clone() });
                }
                // A killed process with our number left it on a server that lives on; we take the next.
                Err(error) if error.to_string().contains(" 42P04: ") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The connection string of the superuser: `postgres://postgres@127.0.0.1:PORT/NAME?sslmode=disable`, or
    /// `DATABASE_URL` with this database in it.
    pub fn url(&self) -> String {
        self.target.url()
    }

    /// The same over the Unix socket: `postgres:///NAME?host=/FOLDER&port=PORT&user=postgres`.
    ///
    /// The server of `DATABASE_URL` may have none that we know of; then this is [`url`](Database::url).
    pub fn socket_url(&self) -> String {
        match self.socket_dir() {
            Some(dir) => self.target.at(&dir.to_string_lossy(), self.target.port, "").url(),
            None => self.url(),
        }
    }

    /// [`url`](Database::url) with other parameters: `sslmode=verify-full&sslrootcert=/a/file`.
    pub fn url_with(&self, parameters: &str) -> String {
        self.url_at(self.host(), self.port(), parameters)
    }

    /// [`url`](Database::url) for another user.
    pub fn url_as(&self, user: &str, password: Option<&str>) -> String {
        self.target.with_user(user, password).url()
    }

    /// [`url`](Database::url) with another host, port and set of parameters: the way through a relay, or to TLS.
    pub fn url_at(&self, host: &str, port: u16, parameters: &str) -> String {
        self.target.at(host, port, parameters).url()
    }

    /// The server's host; for a `DATABASE_URL` that leads to a Unix socket, its folder.
    pub fn host(&self) -> &str {
        &self.target.host
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// The database's name, a plain lower-case word.
    pub fn name(&self) -> &str {
        &self.target.database
    }

    /// The superuser's name.
    pub fn user(&self) -> &str {
        &self.target.user
    }

    /// The folder of the server's Unix socket.
    pub fn socket_dir(&self) -> Option<&Path> {
        self.socket_dir.as_deref()
    }

    /// Runs SQL here as the superuser, outside of the client under test, and gives the rows as text.
    ///
    /// # Panics
    /// With the server's message, when the SQL fails; [`admin_query`] returns it.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<Vec<Value>> {
        match admin_query(&self.url(), sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{error}"),
        }
    }

    fn remove(&self) -> std::result::Result<(), Error> {
        let sql = format!("drop database if exists {} with (force)", self.name());
        admin_query(&self.admin.url(), &sql).map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test may have stopped its server, which is then no failure of the test.
        if let Err(error) = self.remove() {
            eprintln!("pg-tests: {error}");
        }
    }
}
