//! How a TCP link finds out that the other end is gone, by libpq's keywords. The client crates apply it to their sockets.

use std::time::Duration;

/// Options of a TCP socket; `None`: as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Whether the system probes a link on which nothing comes.
    pub keepalives: bool,
    /// After how much silence, in seconds.
    pub idle: Option<Duration>,
    /// How long it waits between two probes, in seconds.
    pub interval: Option<Duration>,
    /// After how many lost probes the link is given up.
    pub count: Option<u32>,
    /// How long what was sent may stay unacknowledged, in milliseconds.
    pub user_timeout: Option<Duration>,
}

impl Default for Tcp {
    fn default() -> Tcp {
        Tcp { keepalives: true, idle: None, interval: None, count: None, user_timeout: None }
    }
}
