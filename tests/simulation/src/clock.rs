//! The fake clock: time passes only when nothing else can happen. Each run has a thread for itself, and so a clock.

use std::cell::{Cell, RefCell};
use std::ops::Add;
use std::time::Duration;

/// A moment, in microseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[allow(unreachable_pub, reason = "the clients' links say it in public")]
pub struct Moment(pub(super) u64);

thread_local! {
    static NOW: Cell<Moment> = const { Cell::new(Moment(0)) };
    static TIMERS: RefCell<Vec<Moment>> = const { RefCell::new(Vec::new()) };
}

impl Moment {
    pub(crate) fn now() -> Moment {
        NOW.get()
    }

    pub(crate) fn elapsed(self) -> Duration {
        Moment::now().saturating_duration_since(self)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn checked_add(self, duration: Duration) -> Option<Moment> {
        self.0.checked_add(u64::try_from(duration.as_micros()).ok()?).map(Moment)
    }
}

impl Add<u64> for Moment {
    type Output = Moment;

    fn add(self, micros: u64) -> Moment {
        Moment(self.0.saturating_add(micros))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        self.checked_add(duration).unwrap_or(Moment(u64::MAX))
    }
}

/// It is now that moment.
pub(super) fn set(now: Moment) {
    NOW.set(now);
    TIMERS.with_borrow_mut(
        |timers| if now == Moment(0) { timers.clear() } else { timers.retain(|at| *at > now) },
    );
}

/// Someone wants to be asked again at that moment.
pub(super) fn wake_at(moment: Moment) {
    TIMERS.with_borrow_mut(|timers| {
        if moment > NOW.get() && !timers.contains(&moment) {
            timers.push(moment);
        }
    });
}

/// When someone wants to be asked again.
pub(super) fn next_timer() -> Option<Moment> {
    TIMERS.with_borrow(|timers| timers.iter().copied().min())
}

/// A millisecond.
pub(super) const MILLISECOND: u64 = 1_000;
/// A second.
pub(super) const SECOND: u64 = 1_000_000;
