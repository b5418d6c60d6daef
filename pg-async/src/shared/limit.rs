//! How long a call may take, with the time that it waits for others.

use super::super::runtime::Instant;
use pg_core::error::{Error, Result};
use std::time::Duration;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    whole: Option<Duration>,
    until: Option<Instant>,
}

impl Limit {
    /// So long from now on; `None`: as long as it takes.
    pub(super) fn of(whole: Option<Duration>) -> Limit {
        Limit { whole, until: whole.and_then(|whole| Instant::now().checked_add(whole)) }
    }

    /// Refuses what comes too late.
    pub(super) fn check(self) -> Result<()> {
        match (self.whole, self.until) {
            (Some(whole), Some(until)) if Instant::now() >= until => Err(Error::late(whole, None)),
            _ => Ok(()),
        }
    }

    /// What is left of it.
    pub(super) fn left(self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Its end, or that of `time` from now on, if that comes first.
    pub(super) fn or_after(self, time: Duration) -> Option<Instant> {
        Instant::now().checked_add(time).into_iter().chain(self.until).min()
    }
}
