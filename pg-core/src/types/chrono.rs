//! Feature `with-chrono-0_4`: chrono's types.
//!
//! | PostgreSQL | chrono | what it can't hold |
//! |---|---|---|
//! | `date` | `NaiveDate` | the infinities, years after 262142 |
//! | `time` | `NaiveTime` | 24:00:00 |
//! | `timestamp` | `NaiveDateTime` | the infinities, years after 262142 |
//! | `timestamptz` | `DateTime<Utc>`, `DateTime<Local>`, `DateTime<FixedOffset>` | as `timestamp`; an offset isn't kept, and what is read has that of UTC |
//! | `interval` | `TimeDelta` | months and days, whose length varies; the infinities |
//!
//! The other way round a leap second, what is before 4714-11-24 BC, and a `TimeDelta` finer than a microsecond are
//! errors. A time is cut off to the microsecond, towards the past.

use super::interval::Interval;
use super::through::{travels_as, unheld, unheld_date};
use super::time::calendar::SECOND;
use super::time::{Date, Time, Timestamp, TimestampTz};
use crate::error::{Error, Result};
use ::chrono::{
    DateTime, Datelike, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Timelike, Utc,
};

/// 2000-01-01 in days, 0001-01-01 being day 1.
const EPOCH_FROM_CE: i32 = 730_120;

impl TryFrom<NaiveDate> for Date {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error.
    fn try_from(date: NaiveDate) -> Result<Date> {
        // chrono's years have 19 bits, so that nothing overflows.
        Date::from_days(date.num_days_from_ce().saturating_sub(EPOCH_FROM_CE))
    }
}

fn naive_date(date: Date) -> Option<NaiveDate> {
    let days = date.days().checked_add(EPOCH_FROM_CE).filter(|_| date.is_finite())?;
    NaiveDate::from_num_days_from_ce_opt(days)
}

impl TryFrom<Date> for NaiveDate {
    type Error = Error;

    /// The infinities and years after 262142 are errors.
    fn try_from(date: Date) -> Result<NaiveDate> {
        naive_date(date).ok_or_else(|| unheld_date("date", date, "NaiveDate", "time::Date"))
    }
}

impl TryFrom<NaiveTime> for Time {
    type Error = Error;

    /// A leap second is an error. What is finer than a microsecond is cut off.
    fn try_from(time: NaiveTime) -> Result<Time> {
        if time.nanosecond() >= 1_000_000_000 {
            return Err(Error::encode("the time is in a leap second, which PostgreSQL can't hold"));
        }
        let seconds = i64::from(time.num_seconds_from_midnight());
        Time::from_micros(seconds * SECOND + i64::from(time.nanosecond() / 1000))
    }
}

impl TryFrom<Time> for NaiveTime {
    type Error = Error;

    /// 24:00:00 is an error.
    fn try_from(time: Time) -> Result<NaiveTime> {
        let (hour, minute, second, micro) = time.hms();
        NaiveTime::from_hms_micro_opt(hour.into(), minute.into(), second.into(), micro)
            .ok_or_else(|| unheld("the time is 24:00:00", "NaiveTime", "time::Time"))
    }
}

impl TryFrom<NaiveDateTime> for Timestamp {
    type Error = Error;

    /// A leap second and what is before 4714-11-24 BC are errors. What is finer than a microsecond is cut off towards the
    /// past.
    fn try_from(at: NaiveDateTime) -> Result<Timestamp> {
        Timestamp::new(at.date().try_into()?, at.time().try_into()?)
    }
}

fn naive(at: Timestamp) -> Option<NaiveDateTime> {
    Some(naive_date(at.date())?.and_time(NaiveTime::try_from(at.time()?).ok()?))
}

impl TryFrom<Timestamp> for NaiveDateTime {
    type Error = Error;

    /// The infinities and years after 262142 are errors.
    fn try_from(at: Timestamp) -> Result<NaiveDateTime> {
        naive(at).ok_or_else(|| unheld_date("timestamp", at.date(), "NaiveDateTime", "time::Timestamp"))
    }
}

impl<Z: TimeZone> TryFrom<DateTime<Z>> for TimestampTz {
    type Error = Error;

    /// The instant, without its offset. A leap second and what is before 4714-11-24 BC are errors. What is finer than a
    /// microsecond is cut off towards the past.
    fn try_from(at: DateTime<Z>) -> Result<TimestampTz> {
        Timestamp::try_from(at.naive_utc()).map(Timestamp::at_utc)
    }
}

fn utc(at: TimestampTz) -> Result<DateTime<Utc>> {
    naive(at.in_utc())
        .map(|at| at.and_utc())
        .ok_or_else(|| unheld_date("timestamptz", at.in_utc().date(), "DateTime", "time::TimestampTz"))
}

impl TryFrom<TimestampTz> for DateTime<Utc> {
    type Error = Error;

    /// The infinities and years after 262142 are errors.
    fn try_from(at: TimestampTz) -> Result<DateTime<Utc>> {
        utc(at)
    }
}

impl TryFrom<TimestampTz> for DateTime<FixedOffset> {
    type Error = Error;

    /// With the offset of UTC. The infinities and years after 262142 are errors.
    fn try_from(at: TimestampTz) -> Result<DateTime<FixedOffset>> {
        utc(at).map(|at| at.fixed_offset())
    }
}

impl TryFrom<TimestampTz> for DateTime<Local> {
    type Error = Error;

    /// In the zone of this machine. The infinities and years after 262142 are errors.
    fn try_from(at: TimestampTz) -> Result<DateTime<Local>> {
        utc(at).map(|at| at.with_timezone(&Local))
    }
}

impl TryFrom<TimeDelta> for Interval {
    type Error = Error;

    /// Microseconds alone. What is finer, or longer than 292,471 years, is an error.
    fn try_from(delta: TimeDelta) -> Result<Interval> {
        let seconds = i128::from(delta.num_seconds());
        Interval::of_nanos(seconds * 1_000_000_000 + i128::from(delta.subsec_nanos()))
    }
}

impl TryFrom<Interval> for TimeDelta {
    type Error = Error;

    /// Months and days, whose length varies, are errors.
    fn try_from(interval: Interval) -> Result<TimeDelta> {
        interval.fixed("TimeDelta").map(TimeDelta::microseconds)
    }
}

travels_as!(NaiveDate, Date);
travels_as!(NaiveTime, Time);
travels_as!(NaiveDateTime, Timestamp);
travels_as!(DateTime<Utc>, TimestampTz);
travels_as!(DateTime<FixedOffset>, TimestampTz);
travels_as!(DateTime<Local>, TimestampTz);
travels_as!(TimeDelta, Interval);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, garbage};
    use postgres_types::Type;
    use std::fmt::Debug;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::DATE)
            .case(date(2024, 2, 29), "00002279", "2024-02-29")
            .case(date(-43, 3, 15), "fff49d7b", "0044-03-15 BC")
            .case(date(10_000, 1, 1), "002c95d4", "10000-01-01");
        Cases::of(&Type::TIME).case(
            NaiveTime::from_hms_milli_opt(1, 2, 3, 500).unwrap(),
            "00000000ddf019e0",
            "01:02:03.5",
        );
        let at = date(2024, 2, 29).and_hms_micro_opt(12, 34, 56, 123_456).unwrap();
        Cases::of(&Type::TIMESTAMP).case(at, "0002b58341685e40", "2024-02-29 12:34:56.123456");
        Cases::of(&Type::TIMESTAMPTZ)
            .case(at.and_utc(), "0002b58341685e40", "2024-02-29 12:34:56.123456+00")
            .case(at.and_utc().fixed_offset(), "0002b58341685e40", "2024-02-29 12:34:56.123456+00")
            .case(at.and_utc().with_timezone(&Local), "0002b58341685e40", "2024-02-29 12:34:56.123456+00");
        Cases::of(&Type::INTERVAL).case(
            TimeDelta::milliseconds(-500),
            "fffffffffff85ee00000000000000000",
            "-00:00:00.5",
        );
        garbage::<NaiveDate>(&Type::DATE);
        garbage::<NaiveTime>(&Type::TIME);
        garbage::<NaiveDateTime>(&Type::TIMESTAMP);
        garbage::<DateTime<Utc>>(&Type::TIMESTAMPTZ);
        garbage::<DateTime<Local>>(&Type::TIMESTAMPTZ);
        garbage::<TimeDelta>(&Type::INTERVAL);
    }

    fn unread<T: TryFrom<V, Error = Error> + Debug, V>(value: V, why: &str) {
        let error = T::try_from(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.message().contains(why) && error.cure().is_some(), "{error}");
    }

    #[test]
    fn what_chrono_cannot_hold_is_an_error() {
        unread::<NaiveDate, _>(Date::INFINITY, "the date is infinity, which NaiveDate");
        unread::<NaiveDate, _>(Date::NEG_INFINITY, "is -infinity");
        unread::<NaiveDate, _>(Date::MAX, "the date is in the year 5874897");
        unread::<NaiveDate, _>(Date::new(262_143, 1, 1).unwrap(), "in the year 262143");
        assert_eq!(NaiveDate::try_from(Date::new(262_142, 12, 31).unwrap()).unwrap(), NaiveDate::MAX);
        unread::<NaiveTime, _>(Time::END_OF_DAY, "the time is 24:00:00");
        unread::<NaiveDateTime, _>(Timestamp::INFINITY, "is infinity");
        unread::<NaiveDateTime, _>(Timestamp::MAX, "in the year 294276");
        unread::<DateTime<Utc>, _>(TimestampTz::NEG_INFINITY, "the timestamptz is -infinity");
        unread::<DateTime<FixedOffset>, _>(TimestampTz::MAX, "in the year 294276");
        unread::<DateTime<Local>, _>(TimestampTz::MAX, "in the year 294276");
        unread::<TimeDelta, _>("1 mon".parse::<Interval>().unwrap(), "has months or days");
        unread::<TimeDelta, _>(Interval::INFINITY, "is infinity");
    }

    #[test]
    fn the_ends_of_the_ranges_are_no_panic() {
        let last = date(262_142, 12, 31).and_hms_micro_opt(23, 59, 59, 999_999).unwrap();
        let ours = Timestamp::try_from(last).unwrap();
        assert_eq!(NaiveDateTime::try_from(ours).unwrap(), last);
        for at in [ours.at_utc(), TimestampTz::MIN] {
            let local = DateTime::<Local>::try_from(at).unwrap();
            assert_eq!(TimestampTz::try_from(local).unwrap(), at);
            assert_eq!(TimestampTz::try_from(DateTime::<FixedOffset>::try_from(at).unwrap()).unwrap(), at);
        }
        assert_eq!(Date::try_from(NaiveDate::try_from(Date::MIN).unwrap()).unwrap(), Date::MIN);
        for micros in [i64::MIN, i64::MAX] {
            let interval = Interval { microseconds: micros, ..Interval::ZERO };
            assert_eq!(Interval::try_from(TimeDelta::try_from(interval).unwrap()).unwrap(), interval);
        }
    }

    #[test]
    fn what_postgresql_cannot_hold_is_an_error() {
        let unwritten = |error: Error, why: &str| {
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.message().contains(why), "{error}");
        };
        unwritten(Date::try_from(NaiveDate::MIN).unwrap_err(), "out of PostgreSQL's range");
        unwritten(Timestamp::try_from(NaiveDateTime::MIN).unwrap_err(), "out of PostgreSQL's range");
        unwritten(TimestampTz::try_from(DateTime::<Utc>::MIN_UTC).unwrap_err(), "out of PostgreSQL's range");
        let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1500).unwrap();
        unwritten(Time::try_from(leap).unwrap_err(), "leap second");
        unwritten(Timestamp::try_from(date(2016, 12, 31).and_time(leap)).unwrap_err(), "leap second");
        unwritten(
            TimestampTz::try_from(date(2016, 12, 31).and_time(leap).and_utc()).unwrap_err(),
            "leap second",
        );
        unwritten(Interval::try_from(TimeDelta::nanoseconds(-1)).unwrap_err(), "finer than a microsecond");
        unwritten(Interval::try_from(TimeDelta::MAX).unwrap_err(), "longer");
    }

    #[test]
    fn times_are_cut_off_to_the_microsecond_towards_the_past() {
        let at = |nanos| date(1969, 12, 31).and_hms_nano_opt(23, 59, 59, nanos).unwrap();
        assert_eq!(
            Timestamp::try_from(at(999_999_999)).unwrap(),
            Timestamp::try_from(at(999_999_000)).unwrap()
        );
    }
}
