//! One set of PostgreSQL programs: where it is, which version, and whether it runs for the account that needs it.

use std::path::{Path, PathBuf};

use super::{
    account::Account,
    error::{Error, Result},
};

/// A folder with `initdb` and `postgres` that answered.
#[derive(Debug, Clone)]
pub(super) struct Installation {
    /// The folder of the programs.
    pub(super) bin: PathBuf,
    /// What `postgres --version` says after its name: `15.16 (Debian 15.16-0+deb12u1)`, `18beta1`.
    pub(super) version: String,
    /// `(15, 16)`; the minor part of a beta is 0.
    pub(super) number: (u32, u32),
}

impl Installation {
    /// Asks the programs in a folder.
    ///
    /// # Errors
    /// None there, not for this machine, or out of the account's reach.
    pub(super) fn probe(bin: &Path, account: &Account) -> Result<Installation> {
        for program in ["initdb", "postgres"] {
            if !bin.join(program).is_file() {
                return Err(Error::new(format!("there is no {program} in {}", bin.display())));
            }
        }
        // A wrapper script or a link farm may stand in front of the real folder; the account must reach that one.
        let real = bin.join("postgres").canonicalize().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let bin = real.filter(|dir| dir.join("initdb").is_file()).unwrap_or(bin.to_owned());
        let output = account.command(bin.join("postgres")).arg("--version").output().map_err(|error| {
            if account.is_lent() && error.kind() == std::io::ErrorKind::PermissionDenied {
                return Error::new(format!(
                    "the user {} cannot reach {} (root lends it the server): open the folder to others, move it, \
                     or run the tests as a plain user",
                    account.name(),
                    bin.display()
                ));
            }
            Error::io("run", &bin.join("postgres"), &error)
        })?;
        if !output.status.success() {
            return Err(Error::program(&bin.join("postgres").display().to_string(), &output));
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.trim().strip_prefix("postgres (PostgreSQL) ").unwrap_or(said.trim()).to_owned();
        let number = parse_version(&version)
            .ok_or_else(|| Error::new(format!("{}: unknown version {said:?}", bin.display())))?;
        Ok(Installation { bin, version, number })
    }

    /// The major version.
    pub(super) fn major(&self) -> u32 {
        self.number.0
    }
}

/// `15.16 (Debian ...)` is (15, 16), `18beta1` is (18, 0).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let digits =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().ok();
    let major = digits(text)?;
    let minor = text.split_once('.').and_then(|(_, rest)| digits(rest)).unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases_packagers_and_betas_are_read() {
        assert_eq!(parse_version("15.16 (Debian 15.16-0+deb12u1)"), Some((15, 16)));
        assert_eq!(parse_version("18beta1"), Some((18, 0)));
        assert_eq!(parse_version("18.4"), Some((18, 4)));
        assert_eq!(parse_version("devel"), None);
    }
}
