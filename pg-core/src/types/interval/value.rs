//! The interval itself, and its order.

use std::cmp::Ordering;

/// An `interval`, without loss: months, days and microseconds, each with a sign of its own.
///
/// `Display` is the server's text in `IntervalStyle = postgres`: `1 year 2 mons -3 days +04:05:06.5`. `FromStr` reads
/// that, `postgres_verbose` and `iso_8601`. (Of `sql_standard` a server reads `-1 2:03:04` as two values, depending on its
/// own style.)
///
/// Two are equal if all three numbers are. The server takes a month for 30 days and a day for 24 hours when it compares:
/// see [`Interval::compare`].
///
/// ```
/// use pg_core::types::interval::Interval;
/// let interval = Interval { months: 14, days: -3, microseconds: 14_706_500_000 };
/// assert_eq!(interval.to_string(), "1 year 2 mons -3 days +04:05:06.5");
/// assert_eq!("P1Y2M-3DT4H5M6.5S".parse::<Interval>()?, interval);
/// assert_eq!(Interval::try_from(std::time::Duration::from_millis(1500))?.to_string(), "00:00:01.5");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; a year has 12.
    pub months: i32,
    /// Days; a week has 7.
    pub days: i32,
    /// Microseconds; an hour has 3,600,000,000.
    pub microseconds: i64,
}

impl Interval {
    /// `infinity`, from PostgreSQL 17 on.
    pub const INFINITY: Interval = Interval { months: i32::MAX, days: i32::MAX, microseconds: i64::MAX };
    /// `-infinity`, from PostgreSQL 17 on.
    pub const NEG_INFINITY: Interval = Interval { months: i32::MIN, days: i32::MIN, microseconds: i64::MIN };
    /// Nothing.
    pub const ZERO: Interval = Interval { months: 0, days: 0, microseconds: 0 };

    /// Whether this is neither `infinity` nor `-infinity`.
    pub fn is_finite(self) -> bool {
        self != Interval::INFINITY && self != Interval::NEG_INFINITY
    }

    /// How the server compares and sorts: a month as 30 days, a day as 24 hours. Intervals that are not the same may be
    /// equal in it: `1 mon` and `30 days`.
    pub fn compare(&self, other: &Interval) -> Ordering {
        let micros = |interval: &Interval| {
            let days = i128::from(interval.months) * 30 + i128::from(interval.days);
            days * 86_400_000_000 + i128::from(interval.microseconds)
        };
        micros(self).cmp(&micros(other))
    }
}
