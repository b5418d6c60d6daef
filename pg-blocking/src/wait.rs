#![doc = include_str!("../docs/waiting.md")]

use crate::client::{Client, Raw};
use crate::connect::Connect;
use crate::nonblocking;
use crate::socket;
use pg_core::config::Config;
use pg_core::config::settings::Settings;
use pg_core::error::{Error, Result};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

pub use crate::socket::Ready;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Something to read.
    Read,
    /// Room to send, or something to read: both, never room alone.
    Write,
}

/// Why a wait ended before its time.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a connection waits. Functions `Fn(BorrowedFd<'_>, Wanted, Option<Instant>) -> Result<Ready, Failure>` are strategies
/// too.
///
/// To return too early, with nothing there, is harmless, and so is [`Ready::Read`] where room to send was wanted: what is
/// possible is tried without waiting, and then it waits again.
#[diagnostic::on_unimplemented(
    message = "a connection can't wait by `{Self}`",
    note = "`WaitPoll` is a way, and so is a closure that says its types: `|fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>| ..`"
)]
pub trait Wait: Send + Sync {
    /// Waits for what is wanted, until the deadline.
    ///
    /// # Errors
    /// It was interrupted: see [the module](self).
    fn wait(
        &self,
        fd: BorrowedFd<'_>,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> std::result::Result<Ready, Failure>;
}

impl<F> Wait for F
where
    F: Fn(BorrowedFd<'_>, Wanted, Option<Instant>) -> std::result::Result<Ready, Failure> + Send + Sync,
{
    fn wait(
        &self,
        fd: BorrowedFd<'_>,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> std::result::Result<Ready, Failure> {
        self(fd, wanted, deadline)
    }
}

/// Waits in `poll(2)`, and looks for an interrupt.
#[derive(Debug, Clone, Default)]
pub struct WaitPoll {
    interrupt: Option<Arc<AtomicBool>>,
    limit: Option<Duration>,
}

/// How long a wait goes without looking for an interrupt: a signal that another thread takes doesn't end `poll(2)`.
const LOOK: Duration = Duration::from_millis(100);

impl WaitPoll {
    /// Waits as long as it takes.
    pub fn new() -> WaitPoll {
        WaitPoll::default()
    }

    /// Fails when this becomes true, and makes it false again: within 100 ms, at once if a signal of this thread set it.
    #[must_use]
    pub fn interrupted_by(mut self, flag: Arc<AtomicBool>) -> WaitPoll {
        self.interrupt = Some(flag);
        self
    }

    /// Fails when the server is silent for so long, which one that has nothing to notify of is too: not for connections
    /// that wait for notifications or for the changes of a replication stream longer than that. (A deadline for each
    /// call is `set_deadline` of a session.)
    #[must_use]
    pub fn silent_for(mut self, limit: Duration) -> WaitPoll {
        self.limit = Some(limit);
        self
    }
}

impl Wait for WaitPoll {
    fn wait(
        &self,
        fd: BorrowedFd<'_>,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> std::result::Result<Ready, Failure> {
        let limit = self.limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            if self.interrupt.as_ref().is_some_and(|flag| flag.swap(false, Ordering::SeqCst)) {
                return Err("the flag was set".into());
            }
            let look = self.interrupt.as_ref().map(|_| Instant::now() + LOOK);
            let until = [deadline, limit, look].into_iter().flatten().min();
            match socket::poll_once(fd, wanted == Wanted::Write, until)? {
                Some(Ready::TimedOut) | None => {}
                Some(ready) => return Ok(ready),
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Ready::TimedOut);
            }
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                return Err("the server was silent for too long".into());
            }
        }
    }
}

static DEFAULT: RwLock<Option<Arc<dyn Wait>>> = RwLock::new(None);

/// Says how connections wait that this process opens from now on; `None`: in the system's read.
pub fn set_default(strategy: Option<Arc<dyn Wait>>) {
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = strategy;
}

/// How connections wait that this process opens.
pub fn default() -> Option<Arc<dyn Wait>> {
    DEFAULT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets time pass as that strategy waits, so that what interrupts it ends this too.
pub(crate) fn pause(strategy: Option<&dyn Wait>, time: Duration) -> Result<()> {
    let Some(strategy) = strategy else {
        std::thread::sleep(time);
        return Ok(());
    };
    let io = |e| Error::io("waiting before connecting again", e);
    // Nothing ever comes here.
    let (silent, _other) = UnixStream::pair().map_err(io)?;
    let until = Instant::now().checked_add(time);
    while until.is_none_or(|until| Instant::now() < until) {
        strategy.wait(silent.as_fd(), Wanted::Read, until).map_err(socket::interrupted)?;
    }
    Ok(())
}

/// Connects under a strategy: all waits of connecting go through it, and all that come after.
///
/// # Errors
/// Those of connecting; of kind `Interrupted` if the strategy failed.
pub fn connect(config: &Config<Connect>, strategy: Arc<dyn Wait>) -> Result<Client> {
    connect_by(config.settings(), strategy)
}

pub(crate) fn connect_by(settings: &Settings, strategy: Arc<dyn Wait>) -> Result<Client> {
    let mut connecting = nonblocking::connect_by(settings);
    let client = loop {
        let wanted = match connecting.poll()? {
            nonblocking::Polled::Ready(client) => break client,
            nonblocking::Polled::Read => Wanted::Read,
            nonblocking::Polled::Write => Wanted::Write,
        };
        strategy.wait(connecting.as_fd(), wanted, connecting.deadline()).map_err(socket::interrupted)?;
    };
    let mut client = client.into_blocking()?;
    client.get_mut().set_wait(Some(strategy));
    Ok(client)
}

impl Raw {
    /// Says how this connection waits from now on; `None`: in the system's read. (Of a [`Client`]: `client.get_mut()`.)
    pub fn set_wait(&mut self, strategy: Option<Arc<dyn Wait>>) {
        self.link.socket.set_strategy(strategy);
    }
}
