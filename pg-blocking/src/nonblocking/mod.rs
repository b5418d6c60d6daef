//! Connections that never wait: an event loop of yours asks them what they wait for, and goes on when that has come.
//!
//! Two ways to use one, both polled alike:
//!
//! - **Exchanges**: [`Client::start`] gives an [`Operation`], which borrows nothing and can be kept in a struct beside its
//!   connection; [`Client::poll`] goes on with it. Several may be started: they travel as a pipeline, and are polled
//!   in the order in which they were started.
//! - **Tasks**: [`Client::task`] takes ordinary async code over [`Session`](crate::Session): transactions, COPY, streams,
//!   whatever there is. No runtime is needed, for the code awaits nothing but its connection.
//!
//! Connecting is a [`Task`] too: names are resolved in a thread beside (or not at all, where addresses are given), TCP, TLS
//! and SCRAM never wait.
//!
//! ```no_run
//! use pg_blocking::nonblocking::{self, Polled};
//! use pg_blocking::pg_core::exchange::{collect::All, query::Request};
//! use pg_blocking::Config;
//!
//! # fn wait_for(fd: std::os::fd::BorrowedFd<'_>, writing: bool) {}
//! let mut connecting = nonblocking::connect(&Config::new("postgres://app@localhost/shop")?);
//! let mut client = loop {
//!     match connecting.poll()? {
//!         Polled::Ready(client) => break client,
//!         other => wait_for(connecting.as_fd(), other.is_write()), // poll(2), epoll, a crate: yours
//!     }
//! };
//! let mut query = client.start(Request::new("select 1 + 1", (), All::<(i32,)>::default()));
//! let rows = loop {
//!     match client.poll(&mut query)? {
//!         Polled::Ready(rows) => break rows,
//!         other => wait_for(client.as_fd(), other.is_write()),
//!     }
//! };
//! assert_eq!(rows, [(2,)]);
//! # Ok::<(), pg_blocking::Error>(())
//! ```
//!
//! # What to wait for
//!
//! [`Polled::Read`]: until there is something to read. [`Polled::Write`]: until there is room to send **or** something to
//! read; whoever waits for room alone may wait for ever, while the server waits for us to read. In both cases no longer
//! than until the `deadline()` of what was polled, if it has one. Polling when nothing has come is harmless, so that
//! level-triggered and edge-triggered loops both work.

mod client;
mod connect;
mod descriptor;
mod socket;
mod task;

pub use client::{Client, Operation};
pub use connect::connect;
pub(crate) use connect::connect_by;
pub use task::Task;

/// What polling came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what is to be waited for"]
pub enum Polled<T> {
    /// It is complete.
    Ready(T),
    /// Poll again when there is something to read.
    Read,
    /// Poll again when there is room to send, or something to read.
    Write,
}

impl<T> Polled<T> {
    /// What came out, if it is complete.
    pub fn ready(self) -> Option<T> {
        match self {
            Polled::Ready(output) => Some(output),
            Polled::Read | Polled::Write => None,
        }
    }

    /// Whether room to send is waited for.
    pub fn is_write(&self) -> bool {
        matches!(self, Polled::Write)
    }
}

impl<T> From<crate::socket::Ready> for Polled<T> {
    fn from(wanted: crate::socket::Ready) -> Polled<T> {
        match wanted {
            crate::socket::Ready::Write => Polled::Write,
            crate::socket::Ready::Read | crate::socket::Ready::TimedOut => Polled::Read,
        }
    }
}
