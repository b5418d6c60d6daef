//! Where things are kept: what is worth keeping (templates, downloads) in the cache, what a running server has in a
//! run folder that goes with it.

use std::{
    env, fs,
    fs::File,
    hash::{BuildHasher, Hasher, RandomState},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    account::Account,
    error::{Error, Result},
};

/// The two places, made and checked.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// Templates and downloads.
    pub(super) cache: PathBuf,
    /// The parent of the run folders.
    runs: PathBuf,
}

/// `sun_path` holds 104 bytes on the BSDs and 108 on Linux, the final NUL included; this leaves room for
/// `/pg-tests-<uid>/run/<pid>-<chance>/.s.PGSQL.<port>`.
const LONGEST_PLACE: usize = 104 - 64;

/// The file in a run folder that its owner holds a lock on.
const OWNER: &str = "owner";

/// A run folder in memory is worth it only where a server can grow.
const ROOMY: u64 = 1 << 30;

impl Folders {
    /// Makes both places, where the account of the server can reach them.
    pub(super) fn open(account: &Account) -> Result<Folders> {
        let (name, mode) = match account.is_lent() {
            true => ("pg-tests-0".to_owned(), 0o755),
            false => (format!("pg-tests-{}", account.uid), 0o700),
        };
        let cache = if account.is_lent() {
            own_folder(&Path::new("/var/tmp").join(&name), mode)?
        } else {
            match home_cache().and_then(|dir| own_folder(&dir.join("pg-tests"), mode).ok()) {
                Some(cache) => cache,
                None => own_folder(&env::temp_dir().join(&name), mode)?.join("cache"),
            }
        };
        make(&cache)?;
        let mut runs = Err(Error::new("there is no folder for sockets"));
        for place in run_places(account) {
            runs = own_folder(&place.join(&name), mode);
            if runs.is_ok() {
                break;
            }
        }
        let folders = Folders { cache, runs: runs?.join("run") };
        make(&folders.runs)?;
        // Whoever keeps the run folders must be able to remove them.
        account.give(&folders.runs)?;
        folders.sweep();
        Ok(folders)
    }

    /// A name that nobody has for the folder of one server.
    pub(super) fn plan_run(&self) -> PathBuf {
        let chance = RandomState::new().build_hasher().finish() as u32;
        self.runs.join(format!("{}-{chance:08x}", std::process::id()))
    }

    /// Makes a planned folder; the file that comes back is to be kept as long as it is in use.
    pub(super) fn make_run(&self, run: &Path, account: &Account) -> Result<File> {
        let failed = |error| Error::io("create", run, &error);
        fs::create_dir(run).map_err(failed)?;
        account.give(run)?;
        // The socket is in here, so users of the server must be able to pass.
        fs::set_permissions(run, fs::Permissions::from_mode(0o711)).map_err(failed)?;
        let lock = File::create(run.join(OWNER)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(lock)
    }

    /// Where `<cache>/<name>` is made before it is renamed into place.
    pub(super) fn unfinished(&self, name: &str) -> PathBuf {
        self.cache.join(format!("{name}.new-{}", std::process::id()))
    }

    /// Holds `<cache>/<name>.lock` until the guard goes, so that one process at a time makes `<cache>/<name>`,
    /// and removes what a killed one left unfinished.
    pub(super) fn lock(&self, name: &str) -> Result<File> {
        let path = self.cache.join(format!("{name}.lock"));
        if let Some(parent) = path.parent() {
            make(parent)?;
        }
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|error| Error::io("open", &path, &error))?;
        file.lock().map_err(|error| Error::io("lock", &path, &error))?;
        let unfinished = self.cache.join(format!("{name}.new-"));
        for entry in
            unfinished.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten()
        {
            if entry
                .path()
                .as_os_str()
                .as_encoded_bytes()
                .starts_with(unfinished.as_os_str().as_encoded_bytes())
            {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(file)
    }

    /// Removes run folders that a power cut left: nobody holds the lock, and they are not of the last minute.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.runs).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|meta| meta.modified()).ok();
            let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
            // Process ids would not do: another container that shares this folder has its own.
            let lock = File::options().write(true).open(entry.path().join(OWNER));
            let owned = lock.is_ok_and(|lock| lock.try_lock().is_err());
            if age.is_some_and(|age| age > Duration::from_secs(60)) && !owned {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Where run folders may stand, the best first: `PG_TESTS_RUNS`, in memory, on disk.
fn run_places(account: &Account) -> Vec<PathBuf> {
    if let Some(place) = env::var_os("PG_TESTS_RUNS").filter(|place| !place.is_empty()) {
        return vec![place.into()];
    }
    let memory = PathBuf::from("/dev/shm");
    let room = rustix::fs::statvfs(&memory).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let disk = if account.is_lent() { "/var/tmp".into() } else { env::temp_dir() };
    let mut places = if room >= ROOMY { vec![memory] } else { Vec::new() };
    places.extend([disk, "/tmp".into()]);
    places.retain(|place| place.as_os_str().len() <= LONGEST_PLACE);
    places
}

fn home_cache() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// Makes a folder that must be ours: in a shared parent, somebody else may have been first.
fn own_folder(path: &Path, mode: u32) -> Result<PathBuf> {
    let failed = |error| Error::io("create", path, &error);
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(failed)?;
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    if !meta.is_dir() || meta.uid() != rustix::process::getuid().as_raw() {
        return Err(Error::new(format!(
            "{} belongs to another user; remove it or set TMPDIR to a folder of your own",
            path.display()
        )));
    }
    // The umask may have taken more than we meant.
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    File::create(path.join(".writable")).map_err(failed)?;
    Ok(path.to_owned())
}

/// Makes a folder inside one of ours.
pub(super) fn make(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|error| Error::io("create", path, &error))
}
