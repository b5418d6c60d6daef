//! As whom the server's programs run: PostgreSQL refuses to run as root, so root lends them another account.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use super::error::{Error, Result};

/// The account of `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// Its user id, which is ours unless we are root.
    pub(super) uid: u32,
    /// The account that root gives its rights up for.
    lent: Option<Lent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lent {
    name: String,
    gid: u32,
}

impl Account {
    /// Ours, or `postgres`, else `nobody`, when we are root.
    pub(super) fn current() -> Result<Account> {
        let uid = rustix::process::getuid().as_raw();
        if uid != 0 {
            return Ok(Account { uid, lent: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().find_map(|name| account_of(&passwd, name)).ok_or_else(|| {
            Error::new(
                "PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody; \
                 add one (useradd --system postgres) or run the tests as a plain user",
            )
        })
    }

    /// Whether we are root and the server will not be.
    pub(super) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// How messages call it.
    pub(super) fn name(&self) -> &str {
        self.lent.as_ref().map_or("this user", |lent| &lent.name)
    }

    /// A command that runs under this account, with no supplementary groups of root's, in English, and without the
    /// `PG...` variables of whoever runs the tests.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some(lent) = &self.lent {
            // std clears the supplementary groups whenever root sets a uid.
            command.uid(self.uid).gid(lent.gid);
        }
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").env_remove("LANGUAGE").current_dir("/");
        command
    }

    /// Gives a file or folder that we made to this account.
    pub(super) fn give(&self, path: &Path) -> Result<()> {
        self.give_raw(path).map_err(|error| Error::io("change the owner of", path, &error))
    }

    pub(super) fn give_raw(&self, path: &Path) -> io::Result<()> {
        match &self.lent {
            Some(lent) => chown(path, Some(self.uid), Some(lent.gid)),
            None => Ok(()),
        }
    }
}

/// `name:password:uid:gid:...` of passwd(5).
fn account_of(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, lent: Some(Lent { name: name.to_owned(), gid }) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_by_its_whole_name_and_is_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7:::\npostgres:x:101:104:admin:/var:/bin/sh\n";
        let found = account_of(passwd, "postgres").unwrap();
        assert_eq!((found.uid, found.lent.unwrap().gid), (101, 104));
        assert_eq!(account_of(passwd, "root"), None);
        assert_eq!(account_of(passwd, "nobody"), None);
    }
}
