//! The fake clock: time passes only when nothing else can happen.

use std::ops::Add;

/// A moment, in microseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Moment(pub(super) u64);

impl Add<u64> for Moment {
    type Output = Moment;

    fn add(self, micros: u64) -> Moment {
        Moment(self.0.saturating_add(micros))
    }
}

/// A millisecond.
pub(super) const MILLISECOND: u64 = 1_000;
/// A second.
pub(super) const SECOND: u64 = 1_000_000;
