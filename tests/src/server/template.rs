//! The data directory that `initdb` makes once per installation, and the copies of it that servers run on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    account::Account,
    error::{Error, Result},
    folders::{self, Folders},
    installation::Installation,
};

/// Locale C: messages in English, the same order everywhere. No sync: a template that a power cut spoils is remade.
const INITDB: &[&str] = &["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];

/// Copies the template of this installation to `data`, after making it if this is the first time.
///
/// Several processes may get here at once: one makes it, under a lock, and the others wait.
pub(super) fn copy_to(
    data: &Path,
    folders: &Folders,
    installation: &Installation,
    account: &Account,
) -> Result<()> {
    let name = name_of(installation, account);
    let template = folders.cache.join(&name);
    if !template.is_dir() {
        let _lock = folders.lock(&name)?;
        if !template.is_dir() {
            make(&template, &folders.unfinished(&name), installation, account)?;
        }
    }
    copy(&template, data, account)
}

/// Two installations of one version may be built differently, and a copy must belong to the account.
fn name_of(installation: &Installation, account: &Account) -> String {
    let facts =
        format!("{}\0{}\0{INITDB:?}\0{}", installation.bin.display(), installation.version, account.uid);
    let digest = Sha256::digest(facts);
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("templates/{}-{short}", installation.major())
}

/// Runs `initdb` in a new folder and renames the result into place.
pub(super) fn make(
    template: &Path,
    new: &Path,
    installation: &Installation,
    account: &Account,
) -> Result<()> {
    folders::make(new)?;
    account.give(new)?;
    let outcome = run_initdb(&new.join("data"), installation, account)
        .and_then(|data| fs::rename(&data, template).map_err(|error| Error::io("rename", &data, &error)));
    let _ = fs::remove_dir_all(new);
    outcome
}

fn run_initdb(data: &Path, installation: &Installation, account: &Account) -> Result<PathBuf> {
    let initdb = installation.bin.join("initdb");
    let output = account.command(&initdb).args(INITDB).arg("-D").arg(data).output();
    let output = output.map_err(|error| Error::io("run", &initdb, &error))?;
    if !output.status.success() {
        return Err(Error::program(&initdb.display().to_string(), &output));
    }
    Ok(data.to_owned())
}

/// A whole folder, modes kept; `std::fs::copy` shares the blocks where the file system can.
fn copy(from: &Path, to: &Path, account: &Account) -> Result<()> {
    let failed = |error| Error::io("copy the template to", to, &error);
    fs::create_dir(to).map_err(failed)?;
    // At once: if we are killed, the watchdog can remove only what is in folders of its own account.
    account.give_raw(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target, account)?;
        } else {
            fs::copy(entry.path(), &target).map_err(failed)?;
            account.give_raw(&target).map_err(failed)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from).map_err(failed)?.permissions()).map_err(failed)
}
