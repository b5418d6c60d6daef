//! Intervals that are a fixed time, and types that hold only those: `std::time::Duration` and those of the integrations.
//!
//! An interval of months or days is an error for them: how long those are depends on when they begin. So is what is finer
//! than a microsecond when it is written: nothing is rounded.

use super::super::through::{infinite, travels_as, unheld};
use super::value::Interval;
use crate::error::{Error, Result};
use std::time::Duration;

impl Interval {
    /// The microseconds of an interval without months and days, for the type `rust`.
    pub(in crate::types) fn fixed(self, rust: &str) -> Result<i64> {
        match self {
            Interval { months: 0, days: 0, microseconds } => Ok(microseconds),
            _ if !self.is_finite() => Err(infinite("interval", self, rust, "interval::Interval")),
            _ => Err(unheld(
                "the interval has months or days, whose length varies",
                rust,
                "interval::Interval",
            )),
        }
    }

    /// An interval of so many nanoseconds, which must be whole microseconds.
    pub(in crate::types) fn of_nanos(nanos: i128) -> Result<Interval> {
        let microseconds = match (i64::try_from(nanos / 1000), nanos % 1000) {
            (Ok(microseconds), 0) => microseconds,
            (Err(_), _) => {
                return Err(Error::encode("the duration is longer than an interval's 292,471 years"));
            }
            _ => {
                return Err(Error::encode(
                    "the duration is finer than a microsecond, which interval can't hold",
                )
                .hint("round it before it is sent"));
            }
        };
        Ok(Interval { microseconds, ..Interval::ZERO })
    }
}

impl TryFrom<Duration> for Interval {
    type Error = Error;

    /// Microseconds alone. What is finer, or longer than 292,471 years, is an error.
    fn try_from(duration: Duration) -> Result<Interval> {
        // 64 bits of seconds are far from 128 of nanoseconds.
        Interval::of_nanos(i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX))
    }
}

impl TryFrom<Interval> for Duration {
    type Error = Error;

    /// Months and days, whose length varies, and what is negative, are errors.
    fn try_from(interval: Interval) -> Result<Duration> {
        let micros = interval.fixed("Duration")?;
        u64::try_from(micros)
            .map(Duration::from_micros)
            .map_err(|_| unheld("the interval is negative", "Duration", "interval::Interval"))
    }
}

travels_as!(Duration, Interval);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, garbage};
    use postgres_types::Type;

    #[test]
    fn durations_are_intervals_without_months_and_days() {
        Cases::of(&Type::INTERVAL).case(Duration::ZERO, "00000000000000000000000000000000", "00:00:00").case(
            Duration::from_micros(90_000_000_001),
            "00000014f46b04010000000000000000",
            "25:00:00.000001",
        );
        garbage::<Duration>(&Type::INTERVAL);
    }

    #[test]
    fn what_one_of_the_two_cannot_hold_is_an_error() {
        for (interval, why) in [
            ("1 mon", "months or days"),
            ("1 day", "months or days"),
            ("-00:00:00.000001", "is negative"),
            ("infinity", "is infinity"),
        ] {
            let error = Duration::try_from(interval.parse::<Interval>().unwrap()).unwrap_err();
            assert!(error.message().contains(why), "{error}");
            assert_eq!(error.kind(), ErrorKind::Decode);
        }
        for (duration, why) in
            [(Duration::from_nanos(1), "finer than a microsecond"), (Duration::MAX, "longer")]
        {
            let error = Interval::try_from(duration).unwrap_err();
            assert!(error.message().contains(why), "{error}");
            assert_eq!(error.kind(), ErrorKind::Encode);
        }
    }
}
