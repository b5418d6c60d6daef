//! Feature `with-time-0_3`: the types of the crate time.
//!
//! | PostgreSQL | time | what it can't hold |
//! |---|---|---|
//! | `date` | `Date` | the infinities, years after 9999 |
//! | `time` | `Time` | 24:00:00 |
//! | `timestamp` | `PrimitiveDateTime` | the infinities, years after 9999 |
//! | `timestamptz` | `OffsetDateTime` | as `timestamp`; an offset isn't kept, and what is read has that of UTC |
//! | `interval` | `Duration` | months and days, whose length varies; the infinities |
//!
//! (With time's feature `large-dates` the last year is 999999.) The other way round what is before 4714-11-24 BC and a
//! `Duration` finer than a microsecond are errors. A time is cut off to the microsecond, towards the past.

use super::interval::Interval;
use super::through::{travels_as, unheld, unheld_date};
use super::time::calendar::{FIRST_DAY, UNIX_EPOCH};
use super::time::{Date, Time, Timestamp, TimestampTz};
use crate::error::{Error, Result};
use ::time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// 2000-01-01 in Julian days, of which PostgreSQL's first date is number 0.
const EPOCH_FROM_JULIAN: i32 = -FIRST_DAY;

impl TryFrom<::time::Date> for Date {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error.
    fn try_from(date: ::time::Date) -> Result<Date> {
        // Years have at most six digits, so that nothing overflows.
        Date::from_days(date.to_julian_day().saturating_sub(EPOCH_FROM_JULIAN))
    }
}

fn civil_date(date: Date) -> Option<::time::Date> {
    let days = date.days().checked_add(EPOCH_FROM_JULIAN).filter(|_| date.is_finite())?;
    ::time::Date::from_julian_day(days).ok()
}

impl TryFrom<Date> for ::time::Date {
    type Error = Error;

    /// The infinities and years after 9999 are errors.
    fn try_from(date: Date) -> Result<::time::Date> {
        civil_date(date).ok_or_else(|| unheld_date("date", date, "time::Date", "time::Date"))
    }
}

impl TryFrom<::time::Time> for Time {
    type Error = Error;

    /// What is finer than a microsecond is cut off.
    fn try_from(time: ::time::Time) -> Result<Time> {
        let (hour, minute, second, micro) = time.as_hms_micro();
        Time::new(hour, minute, second, micro)
    }
}

impl TryFrom<Time> for ::time::Time {
    type Error = Error;

    /// 24:00:00 is an error.
    fn try_from(time: Time) -> Result<::time::Time> {
        let (hour, minute, second, micro) = time.hms();
        ::time::Time::from_hms_micro(hour, minute, second, micro)
            .map_err(|_| unheld("the time is 24:00:00", "time::Time", "time::Time"))
    }
}

impl TryFrom<PrimitiveDateTime> for Timestamp {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error. What is finer than a microsecond is cut off towards the past.
    fn try_from(at: PrimitiveDateTime) -> Result<Timestamp> {
        Timestamp::new(at.date().try_into()?, at.time().try_into()?)
    }
}

impl TryFrom<Timestamp> for PrimitiveDateTime {
    type Error = Error;

    /// The infinities and years after 9999 are errors.
    fn try_from(at: Timestamp) -> Result<PrimitiveDateTime> {
        let time = at.time().and_then(|time| time.try_into().ok());
        civil_date(at.date())
            .zip(time)
            .map(|(date, time)| PrimitiveDateTime::new(date, time))
            .ok_or_else(|| unheld_date("timestamp", at.date(), "PrimitiveDateTime", "time::Timestamp"))
    }
}

impl TryFrom<OffsetDateTime> for TimestampTz {
    type Error = Error;

    /// The instant, without its offset. What is before 4714-11-24 BC is an error. What is finer than a microsecond is cut
    /// off towards the past.
    fn try_from(at: OffsetDateTime) -> Result<TimestampTz> {
        TimestampTz::from_unix(at.unix_timestamp(), at.microsecond())
    }
}

impl TryFrom<TimestampTz> for OffsetDateTime {
    type Error = Error;

    /// With the offset of UTC. The infinities and years after 9999 are errors.
    fn try_from(at: TimestampTz) -> Result<OffsetDateTime> {
        let nanos = (i128::from(at.micros()) - i128::from(UNIX_EPOCH)) * 1000;
        match OffsetDateTime::from_unix_timestamp_nanos(nanos) {
            Ok(time) if at.is_finite() => Ok(time),
            _ => Err(unheld_date("timestamptz", at.in_utc().date(), "OffsetDateTime", "time::TimestampTz")),
        }
    }
}

impl TryFrom<Duration> for Interval {
    type Error = Error;

    /// Microseconds alone. What is finer, or longer than 292,471 years, is an error.
    fn try_from(duration: Duration) -> Result<Interval> {
        Interval::of_nanos(duration.whole_nanoseconds())
    }
}

impl TryFrom<Interval> for Duration {
    type Error = Error;

    /// Months and days, whose length varies, are errors.
    fn try_from(interval: Interval) -> Result<Duration> {
        interval.fixed("time::Duration").map(Duration::microseconds)
    }
}

travels_as!(::time::Date, Date);
travels_as!(::time::Time, Time);
travels_as!(PrimitiveDateTime, Timestamp);
travels_as!(OffsetDateTime, TimestampTz);
travels_as!(Duration, Interval);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, garbage};
    use ::time::{Month, UtcOffset};
    use postgres_types::Type;
    use std::fmt::Debug;

    fn date(year: i32, month: Month, day: u8) -> ::time::Date {
        ::time::Date::from_calendar_date(year, month, day).unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::DATE).case(date(2024, Month::February, 29), "00002279", "2024-02-29").case(
            date(-43, Month::March, 15),
            "fff49d7b",
            "0044-03-15 BC",
        );
        Cases::of(&Type::TIME).case(
            ::time::Time::from_hms_milli(1, 2, 3, 500).unwrap(),
            "00000000ddf019e0",
            "01:02:03.5",
        );
        let at = date(2024, Month::February, 29).with_hms_micro(12, 34, 56, 123_456).unwrap();
        Cases::of(&Type::TIMESTAMP).case(at, "0002b58341685e40", "2024-02-29 12:34:56.123456");
        Cases::of(&Type::TIMESTAMPTZ).case(
            at.assume_utc(),
            "0002b58341685e40",
            "2024-02-29 12:34:56.123456+00",
        );
        Cases::of(&Type::INTERVAL).case(
            Duration::milliseconds(-500),
            "fffffffffff85ee00000000000000000",
            "-00:00:00.5",
        );
        garbage::<::time::Date>(&Type::DATE);
        garbage::<::time::Time>(&Type::TIME);
        garbage::<PrimitiveDateTime>(&Type::TIMESTAMP);
        garbage::<OffsetDateTime>(&Type::TIMESTAMPTZ);
        garbage::<Duration>(&Type::INTERVAL);
    }

    fn unread<T: TryFrom<V, Error = Error> + Debug, V>(value: V, why: &str) {
        let error = T::try_from(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.message().contains(why) && error.cure().is_some(), "{error}");
    }

    #[test]
    fn what_time_cannot_hold_is_an_error() {
        unread::<::time::Date, _>(Date::INFINITY, "the date is infinity");
        unread::<::time::Date, _>(Date::MAX, "in the year 5874897");
        unread::<::time::Date, _>(Date::new(1_000_000, 1, 1).unwrap(), "the date is in the year 1000000");
        unread::<::time::Time, _>(Time::END_OF_DAY, "the time is 24:00:00");
        unread::<PrimitiveDateTime, _>(Timestamp::NEG_INFINITY, "is -infinity");
        unread::<OffsetDateTime, _>(TimestampTz::INFINITY, "the timestamptz is infinity");
        unread::<OffsetDateTime, _>(TimestampTz::NEG_INFINITY, "the timestamptz is -infinity");
        unread::<Duration, _>("1 day".parse::<Interval>().unwrap(), "has months or days");
        unread::<Duration, _>(Interval::NEG_INFINITY, "is -infinity");
        // The last year is the application's choice, by a feature of time.
        if ::time::Date::MAX.year() == 9999 {
            unread::<::time::Date, _>(Date::new(10_000, 1, 1).unwrap(), "in the year 10000");
            unread::<PrimitiveDateTime, _>(Timestamp::MAX, "in the year 294276");
            unread::<OffsetDateTime, _>(TimestampTz::MAX, "in the year 294276");
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_no_panic() {
        let last = ::time::Date::MAX.with_time(::time::Time::MAX);
        let ours = Timestamp::try_from(last.replace_nanosecond(999_999_000).unwrap());
        if let Ok(ours) = ours {
            assert_eq!(PrimitiveDateTime::try_from(ours).unwrap().date(), ::time::Date::MAX);
        }
        for offset in [
            UtcOffset::UTC,
            UtcOffset::from_hms(25, 59, 59).unwrap(),
            UtcOffset::from_hms(-25, 0, 0).unwrap(),
        ] {
            // Beyond the year 9999 in UTC, which the type itself can't show.
            let _ = TimestampTz::try_from(last.assume_offset(offset));
            let first = ::time::Date::MIN.midnight().assume_offset(offset);
            assert!(TimestampTz::try_from(first).unwrap_err().message().contains("PostgreSQL's range"));
        }
        for at in [Timestamp::MIN, Timestamp::from_micros(-1).unwrap()] {
            assert_eq!(Timestamp::try_from(PrimitiveDateTime::try_from(at).unwrap()).unwrap(), at);
            let zoned = OffsetDateTime::try_from(at.at_utc()).unwrap();
            assert_eq!(TimestampTz::try_from(zoned).unwrap(), at.at_utc());
        }
    }

    #[test]
    fn what_postgresql_cannot_hold_is_an_error() {
        assert!(Date::try_from(date(-4713, Month::November, 23)).unwrap_err().message().contains("range"));
        let error = Interval::try_from(Duration::nanoseconds(1)).unwrap_err();
        assert!(error.message().contains("finer than a microsecond"), "{error}");
        assert!(Interval::try_from(Duration::MAX).is_err() && Interval::try_from(Duration::MIN).is_err());
    }

    #[test]
    fn times_are_cut_off_to_the_microsecond_towards_the_past() {
        let at =
            |nanos| date(1969, Month::December, 31).with_hms_nano(23, 59, 59, nanos).unwrap().assume_utc();
        assert_eq!(
            TimestampTz::try_from(at(999_999_999)).unwrap(),
            TimestampTz::try_from(at(999_999_000)).unwrap()
        );
    }
}
