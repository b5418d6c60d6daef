//! What a server of one's own can be asked for. Words only: what they do is in the files that start it.

use super::tls::Tls;

/// How a user made by [`Options::user`] proves who it is; the words of `pg_hba.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `scram-sha-256`.
    Scram,
    /// `md5`: the password is kept as an MD5 hash, which PostgreSQL still accepts but warns about.
    Md5,
    /// `password`: the client sends it as it is.
    Password,
    /// `trust`: no password is asked for.
    Trust,
}

impl Auth {
    pub(super) fn hba_word(self) -> &'static str {
        match self {
            Auth::Scram => "scram-sha-256",
            Auth::Md5 => "md5",
            Auth::Password => "password",
            Auth::Trust => "trust",
        }
    }
}

/// What a server of one's own is started with.
///
/// The default is what [`Server::shared`](super::Server::shared) has: no TLS, the superuser `postgres` trusted on TCP
/// and on the Unix socket, logical WAL, 400 connections, time zone UTC.
///
/// ```no_run
/// use pg_tests::server::{Auth, Options, Server, Tls};
///
/// let options = Options::new().tls(Tls::Authority).user("alice", "secret", Auth::Scram).set("work_mem", "1MB");
/// let server = Server::start(options)?;
/// let url = server.database().url_as("alice", Some("secret"));
/// # Ok::<(), pg_tests::server::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Options {
    pub(super) major: Option<u32>,
    pub(super) tls: Option<Tls>,
    pub(super) users: Vec<User>,
    pub(super) hba: Vec<String>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) own_identifier: bool,
}

/// A login role besides `postgres`.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) auth: Auth,
}

impl Options {
    /// The default.
    pub fn new() -> Options {
        Options::default()
    }

    /// Asks for a major version, over `PG_TESTS_VERSION`: from this machine, the cache, npm or pip, and not at any price
    /// (the fallback takes minutes); a test that can't have it says so and ends.
    pub fn major(mut self, major: u32) -> Options {
        self.major = Some(major);
        self
    }

    /// Turns TLS on, with certificates made for this server; [`Server::certificates`](super::Server::certificates)
    /// has what a client needs.
    pub fn tls(mut self, tls: Tls) -> Options {
        self.tls = Some(tls);
        self
    }

    /// Adds a login role that may connect to every database, by TCP and Unix socket, only by this method.
    pub fn user(mut self, name: &str, password: &str, auth: Auth) -> Options {
        self.users.push(User { name: name.to_owned(), password: password.to_owned(), auth });
        self
    }

    /// Adds a line to `pg_hba.conf`, before all others: the first line that matches decides.
    pub fn hba(mut self, line: &str) -> Options {
        self.hba.push(line.to_owned());
        self
    }

    /// Sets a server parameter (`-c name=value`); the last one of a name wins, over the harness's own too.
    pub fn set(mut self, name: &str, value: &str) -> Options {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the server a system identifier of its own, by an `initdb` of its own: others are copies of one, and have its.
    pub fn own_identifier(mut self) -> Options {
        self.own_identifier = true;
        self
    }

    /// `pg_hba.conf` as a whole: the caller's lines, the users made here, then trust.
    pub(super) fn hba_file(&self) -> String {
        let mut lines = self.hba.clone();
        for user in &self.users {
            let (name, word) = (user.name.replace('"', "\"\""), user.auth.hba_word());
            lines.push(format!("local all \"{name}\" {word}"));
            lines.push(format!("host all \"{name}\" all {word}"));
        }
        for database in ["all", "replication"] {
            lines.push(format!("local {database} all trust"));
            lines.push(format!("host {database} all all trust"));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_lines_come_first_and_trust_comes_last() {
        let options = Options::new().user("al", "x", Auth::Md5).hba("hostnossl all bob all reject");
        assert_eq!(
            options.hba_file(),
            "hostnossl all bob all reject\nlocal all \"al\" md5\nhost all \"al\" all md5\nlocal all all trust\n\
             host all all all trust\nlocal replication all trust\nhost replication all all trust\n"
        );
    }
}
