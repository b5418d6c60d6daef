//! The programs that somebody installed on this machine. Looks, and changes nothing.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    account::Account,
    error::{Error, Result},
    installation::Installation,
};

/// Where installers put `bin`; `*` stands for one name.
const USUAL: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/opt/local/lib/postgresql*/bin",
];

/// The newest installation of the wanted major version, or of any.
///
/// `PG_BINDIR` is an order: when it is set, nothing else is looked at.
///
/// # Errors
/// None is there, or none can be used: the text says what was wrong with each that was found.
pub(super) fn find(account: &Account, major: Option<u32>) -> Result<Installation> {
    if let Some(bin) = env::var_os("PG_BINDIR").filter(|value| !value.is_empty()) {
        let found = Installation::probe(Path::new(&bin), account)
            .map_err(|error| error.during("PG_BINDIR must be a folder with initdb and postgres"))?;
        return match major {
            Some(major) if major != found.major() => Err(Error::new(format!(
                "PG_BINDIR holds PostgreSQL {}, and PG_TESTS_VERSION asks for {major}: unset one of them",
                found.version
            ))),
            _ => Ok(found),
        };
    }
    let (mut usable, mut notes) = (Vec::new(), Vec::new());
    for bin in candidates() {
        match Installation::probe(&bin, account) {
            Ok(found) if major.is_none_or(|major| major == found.major()) => usable.push(found),
            Ok(found) => notes.push(format!("{} is {}", found.bin.display(), found.version)),
            Err(error) => notes.push(error.to_string()),
        }
    }
    // Of equals the first: PATH is the user's choice.
    usable.into_iter().rev().max_by_key(|found| found.number).ok_or_else(|| {
        let wanted = major.map_or("no PostgreSQL".to_owned(), |major| format!("no PostgreSQL {major}"));
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        Error::new(format!("{wanted} in PATH or the usual folders{notes}"))
    })
}

/// Folders that hold a program named `postgres`, each once.
fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let pg_config = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output();
    if let Ok(output) = pg_config
        && output.status.success()
    {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    folders.extend(USUAL.iter().flat_map(|pattern| expand(pattern)));
    let mut seen = Vec::new();
    folders.retain(|folder| match folder.join("postgres").canonicalize() {
        Ok(real) if !seen.contains(&real) => {
            seen.push(real);
            true
        }
        _ => false,
    });
    folders
}

/// The folders of a pattern with one `*`.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let names = fs::read_dir(if parent.is_empty() { "/" } else { parent }).into_iter().flatten().flatten();
    let matching = names.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()));
    matching.map(|entry| entry.path().join(after.trim_start_matches('/'))).collect()
}
