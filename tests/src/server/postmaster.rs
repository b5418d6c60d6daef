//! One running `postgres`: its command line, its port, when it is ready, and how it ends with us.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::{
    account::Account,
    error::{Error, Result},
    folders::Folders,
    installation::Installation,
    options::Options,
    template,
    tls::Certificates,
};

/// Speed before safety (nothing here must survive), everything that tests of replication and two-phase commit need. A
/// query that spills gigabytes, as `from generate_series(..)` of very many rows does, would take the machine's memory.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("temp_file_limit", "1GB"),
    ("max_connections", "400"),
    ("max_prepared_transactions", "8"),
    ("wal_level", "logical"),
    ("max_wal_senders", "8"),
    ("max_replication_slots", "8"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// A server process under the eyes of a watchdog.
///
/// # Drop
/// Stops the server, removes its folder, and waits for both. When the process ends without dropping it (a static, an
/// abort, SIGKILL) the watchdog does the same by itself.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) port: u16,
    /// Holds `data`, `log` and the socket.
    pub(super) folder: PathBuf,
    /// Says that the folder is in use.
    lock: Option<fs::File>,
    watchdog: Child,
    /// Open as long as we live. std opens pipes close-on-exec, so no other child can hold it.
    orders: Mutex<Option<ChildStdin>>,
}

impl Postmaster {
    /// Copies the template, writes the files that the options ask for, starts, and waits until it is ready.
    ///
    /// # Errors
    /// With the server's own log when it would not start.
    pub(super) fn start(
        folders: &Folders,
        installation: &Installation,
        account: &Account,
        options: &Options,
        certificates: Option<&Certificates>,
    ) -> Result<Postmaster> {
        // The port that was free a moment ago may be taken; so the whole start is tried again.
        let mut attempts = 0;
        loop {
            attempts += 1;
            // The watchdog comes first: whenever we are killed, there is somebody to clean up.
            let mut server = Postmaster::launch(folders.plan_run(), installation, account, options)?;
            server.lock = Some(folders.make_run(&server.folder, account)?);
            prepare(&server.folder, folders, installation, account, options, certificates)?;
            server.order("start\n")?;
            match server.wait_until_ready() {
                Ok(()) => return Ok(server),
                Err(error) if attempts < 10 && error.to_string().contains("could not bind") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts the watchdog, which waits for the order to start the server.
    fn launch(
        folder: PathBuf,
        installation: &Installation,
        account: &Account,
        options: &Options,
    ) -> Result<Postmaster> {
        let port = free_port()?;
        let mut command = account.command("sh");
        command.arg("-c").arg(include_str!("watchdog.sh")).arg("pg-tests-watchdog").arg(&folder);
        command.arg(installation.bin.join("postgres")).arg("-D").arg(folder.join("data"));
        command.arg("-p").arg(port.to_string()).arg("-k").arg(&folder);
        let tls: &[_] = if options.tls.is_some() { &[("ssl", "on"), ("ssl_ca_file", "ca.crt")] } else { &[] };
        let own = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in SETTINGS.iter().chain(tls).copied().chain(own) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A group of its own, or Ctrl-C would end the watchdog with the tests. No output of ours, or whoever reads the
        // tests' output would wait for it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watchdog = command.spawn().map_err(|error| Error::io("run", Path::new("sh"), &error))?;
        let orders = Mutex::new(watchdog.stdin.take());
        Ok(Postmaster { port, folder, lock: None, watchdog, orders })
    }

    /// Line 8 of `postmaster.pid` says `ready` once connections are taken.
    pub(super) fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            let status = self.pid_file().and_then(|text| Some(text.lines().nth(7)?.trim() == "ready"));
            if status == Some(true) {
                return Ok(());
            }
            // No client has come yet, so a FATAL is the server's own, and its last word.
            let log = self.log();
            let dead = status.is_none() && (log.contains("FATAL: ") || log.contains("PANIC: "));
            if dead || Instant::now() > deadline {
                return Err(Error::new(format!(
                    "the server did not start; its log says:\n{}",
                    log.trim_end()
                )));
            }
            thread::sleep(POLL);
        }
    }

    /// Stops the server by a signal and waits until it is gone; its folder stays.
    pub(super) fn stop(&self, signal: &str) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        self.order(&format!("stop {signal}\n"))?;
        let deadline = Instant::now() + STOP_WITHIN;
        while self.pid() == Some(pid) {
            if Instant::now() > deadline {
                return Err(Error::new(format!(
                    "the server (process {pid}) did not stop within {STOP_WITHIN:?}"
                )));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Starts a stopped server on the same port and folder and waits until it is ready.
    pub(super) fn start_again(&self) -> Result<()> {
        let _ = fs::rename(self.folder.join("log"), self.folder.join("log.before"));
        self.order("start\n")?;
        self.wait_until_ready()
    }

    fn order(&self, line: &str) -> Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let pipe = orders.as_mut().ok_or_else(|| Error::new("the server is being dropped"))?;
        pipe.write_all(line.as_bytes())
            .map_err(|error| Error::io("write to the watchdog of", &self.folder, &error))
    }

    /// The process id of the running server.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pid_file()?.lines().next()?.trim().parse().ok()
    }

    fn pid_file(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()
    }

    /// What the server has logged since it started.
    pub(super) fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        *self.orders.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        let _ = self.watchdog.wait();
    }
}

/// Fills a run folder: the data directory, `pg_hba.conf`, certificates.
fn prepare(
    folder: &Path,
    folders: &Folders,
    installation: &Installation,
    account: &Account,
    options: &Options,
    certificates: Option<&Certificates>,
) -> Result<()> {
    let data = folder.join("data");
    match options.own_identifier {
        true => template::make(&data, &folder.join("initdb"), installation, account)?,
        false => template::copy_to(&data, folders, installation, account)?,
    }
    let write = |name: &str, text: &str| {
        let path = data.join(name);
        // Over the template's file, or new with the mode that PostgreSQL demands of a key.
        let mut file = fs::File::options();
        std::os::unix::fs::OpenOptionsExt::mode(file.create(true).write(true).truncate(true), 0o600);
        let mut file = file.open(&path).map_err(|error| Error::io("create", &path, &error))?;
        file.write_all(text.as_bytes()).map_err(|error| Error::io("write", &path, &error))?;
        account.give(&path)
    };
    write("pg_hba.conf", &options.hba_file())?;
    if let Some(certificates) = certificates {
        write("server.crt", certificates.server_certificate())?;
        write("server.key", certificates.server_key())?;
        write("ca.crt", certificates.root())?;
    }
    Ok(())
}

/// A port that nobody listens on just now.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(port.map_err(|error| Error::io("listen on", Path::new("127.0.0.1"), &error))?.port())
}
