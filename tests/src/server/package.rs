//! A downloaded PostgreSQL and its place in the cache: fetched once, under a lock, complete or not there at all.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    account::Account,
    error::{Error, Result},
    folders::{self, Folders},
    installation::Installation,
};

/// One version by one way.
pub(super) struct Package {
    /// Its folder in the cache: `npm-18.4.0-beta.17`.
    pub(super) name: String,
    /// Where its programs are, below that folder.
    pub(super) bin: PathBuf,
    /// What the way is called, and what it costs, for the one line that says why the tests wait.
    pub(super) notice: String,
    /// Fills an empty folder with the checked and unpacked package.
    pub(super) fill: Fill,
}

pub(super) type Fill = Box<dyn FnOnce(&Path) -> Result<()>>;

impl Package {
    /// From the cache, if it is there and runs.
    pub(super) fn cached(&self, folders: &Folders, account: &Account) -> Option<Installation> {
        Installation::probe(&folders.cache.join(&self.name).join(&self.bin), account).ok()
    }

    /// Downloads it, unless another process has meanwhile.
    pub(super) fn fetch(self, folders: &Folders, account: &Account) -> Result<Installation> {
        let _lock = folders.lock(&self.name)?;
        if let Some(found) = self.cached(folders, account) {
            return Ok(found);
        }
        eprintln!("pg-tests: {}", self.notice);
        let place = folders.cache.join(&self.name);
        let new = folders.unfinished(&self.name);
        folders::make(&new)?;
        let filled = (self.fill)(&new)
            .and_then(|()| open_to_all(&new, &new.join(&self.bin)))
            // In the new place first: what doesn't run here must not stay.
            .and_then(|()| Installation::probe(&new.join(&self.bin), account))
            .and_then(|_| {
                let _ = fs::remove_dir_all(&place);
                fs::rename(&new, &place).map_err(|error| Error::io("rename", &new, &error))
            });
        let _ = fs::remove_dir_all(&new);
        filled?;
        Installation::probe(&place.join(&self.bin), account)
    }
}

/// The first of these programs that is on PATH.
pub(super) fn on_path(names: &[&str]) -> Result<PathBuf> {
    let folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::new(format!("there is no {} on PATH", names.join(" or "))))
}

/// Runs a client to its end.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|error| Error::io("run", &program, &error))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::program(&program.display().to_string(), &output))
    }
}

/// `chmod -R a+rX`, and `a+x` for the programs: archives lose modes, and root lends the server another account.
fn open_to_all(path: &Path, bin: &Path) -> Result<()> {
    let failed = |error| Error::io("open to all", path, &error);
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let mode = meta.permissions().mode();
    let executable = meta.is_dir() || mode & 0o100 != 0 || path.parent() == Some(bin);
    let mode = mode | if executable { 0o555 } else { 0o444 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    if meta.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            open_to_all(&entry.map_err(failed)?.path(), bin)?;
        }
    }
    Ok(())
}
