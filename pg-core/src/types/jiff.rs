//! Feature `with-jiff-0_2`: jiff's types.
//!
//! | PostgreSQL | jiff | what it can't hold |
//! |---|---|---|
//! | `date` | `civil::Date` | the infinities, years after 9999 |
//! | `time` | `civil::Time` | 24:00:00 |
//! | `timestamp` | `civil::DateTime` | the infinities, years after 9999 |
//! | `timestamptz` | `Timestamp`; written from a `Zoned` too, whose zone isn't kept | as `timestamp` |
//! | `interval` | `Span` | the infinities, parts of different signs, more than 19,998 years |
//! | `interval` | `SignedDuration` | months and days, whose length varies; the infinities |
//!
//! The other way round what is before 4714-11-24 BC is an error, as is a span or duration finer than a microsecond. A time
//! is cut off to the microsecond, towards the past.
//!
//! A `Span` is read with the units that the server prints: years and months, days, hours, minutes, seconds, microseconds.
//! It is written as months, days and microseconds, so that `90 minutes` comes back as `1 hour 30 minutes`.

use super::adapter::{Adapter, Encode, IsNull};
use super::interval::Interval;
use super::name::TypeName;
use super::through::{infinite, travels_as, unheld, unheld_date};
use super::time::calendar::{HOUR, MINUTE, SECOND};
use super::time::{Date, Time, TimestampTz};
use crate::error::{Error, Result};
use ::jiff::civil;
use ::jiff::{SignedDuration, Span, Timestamp, Zoned};

/// Months, days and the like, which jiff's getters give with a sign that they never have.
fn unsigned(number: i8) -> u8 {
    number.unsigned_abs()
}

impl TryFrom<civil::Date> for Date {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error.
    fn try_from(date: civil::Date) -> Result<Date> {
        Date::new(date.year().into(), unsigned(date.month()), unsigned(date.day()))
    }
}

fn civil_date(date: Date) -> Option<civil::Date> {
    let (year, month, day) = date.ymd()?;
    civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

impl TryFrom<Date> for civil::Date {
    type Error = Error;

    /// The infinities and years after 9999 are errors.
    fn try_from(date: Date) -> Result<civil::Date> {
        civil_date(date).ok_or_else(|| unheld_date("date", date, "civil::Date", "time::Date"))
    }
}

impl TryFrom<civil::Time> for Time {
    type Error = Error;

    /// What is finer than a microsecond is cut off.
    fn try_from(time: civil::Time) -> Result<Time> {
        let micros = time.subsec_nanosecond().unsigned_abs() / 1000;
        Time::new(unsigned(time.hour()), unsigned(time.minute()), unsigned(time.second()), micros)
    }
}

fn civil_time(time: Time) -> Option<civil::Time> {
    let (hour, minute, second, micro) = time.hms();
    let nanos = i32::try_from(micro).ok()?.checked_mul(1000)?;
    civil::Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanos).ok()
}

impl TryFrom<Time> for civil::Time {
    type Error = Error;

    /// 24:00:00 is an error.
    fn try_from(time: Time) -> Result<civil::Time> {
        civil_time(time).ok_or_else(|| unheld("the time is 24:00:00", "civil::Time", "time::Time"))
    }
}

impl TryFrom<civil::DateTime> for super::time::Timestamp {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error. What is finer than a microsecond is cut off towards the past.
    fn try_from(at: civil::DateTime) -> Result<super::time::Timestamp> {
        super::time::Timestamp::new(at.date().try_into()?, at.time().try_into()?)
    }
}

impl TryFrom<super::time::Timestamp> for civil::DateTime {
    type Error = Error;

    /// The infinities and years after 9999 are errors.
    fn try_from(at: super::time::Timestamp) -> Result<civil::DateTime> {
        civil_date(at.date())
            .zip(at.time().and_then(civil_time))
            .map(|(date, time)| civil::DateTime::from_parts(date, time))
            .ok_or_else(|| unheld_date("timestamp", at.date(), "civil::DateTime", "time::Timestamp"))
    }
}

impl TryFrom<Timestamp> for TimestampTz {
    type Error = Error;

    /// What is before 4714-11-24 BC is an error. What is finer than a microsecond is cut off towards the past.
    fn try_from(at: Timestamp) -> Result<TimestampTz> {
        let nanos = at.as_nanosecond();
        let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        // jiff's range is within that of both types.
        TimestampTz::from_unix(
            i64::try_from(seconds).unwrap_or(i64::MIN),
            u32::try_from(rest / 1000).unwrap_or(u32::MAX),
        )
    }
}

impl TryFrom<TimestampTz> for Timestamp {
    type Error = Error;

    /// The infinities and years after 9999 are errors.
    fn try_from(at: TimestampTz) -> Result<Timestamp> {
        at.unix()
            .and_then(|(seconds, micros)| Timestamp::new(seconds, i32::try_from(micros).ok()? * 1000).ok())
            .ok_or_else(|| {
                unheld_date("timestamptz", at.in_utc().date(), "jiff::Timestamp", "time::TimestampTz")
            })
    }
}

impl TryFrom<&Zoned> for TimestampTz {
    type Error = Error;

    /// The instant, without its zone; as for a [`Timestamp`].
    fn try_from(at: &Zoned) -> Result<TimestampTz> {
        at.timestamp().try_into()
    }
}

impl TryFrom<SignedDuration> for Interval {
    type Error = Error;

    /// Microseconds alone. What is finer, or longer than 292,471 years, is an error.
    fn try_from(duration: SignedDuration) -> Result<Interval> {
        Interval::of_nanos(duration.as_nanos())
    }
}

impl TryFrom<Interval> for SignedDuration {
    type Error = Error;

    /// Months and days, whose length varies, are errors.
    fn try_from(interval: Interval) -> Result<SignedDuration> {
        interval.fixed("SignedDuration").map(SignedDuration::from_micros)
    }
}

impl TryFrom<Span> for Interval {
    type Error = Error;

    /// Years become months, weeks days, and all that is shorter microseconds. What is finer is an error.
    fn try_from(span: Span) -> Result<Interval> {
        // Within jiff's limits, no sum is near the ends of these types.
        let months = i32::from(span.get_years()) * 12 + span.get_months();
        let days = span.get_weeks() * 7 + span.get_days();
        let nanos = [
            (i64::from(span.get_hours()), i128::from(HOUR) * 1000),
            (span.get_minutes(), i128::from(MINUTE) * 1000),
            (span.get_seconds(), i128::from(SECOND) * 1000),
            (span.get_milliseconds(), 1_000_000),
            (span.get_microseconds(), 1000),
            (span.get_nanoseconds(), 1),
        ];
        let nanos = nanos.into_iter().map(|(number, unit)| i128::from(number) * unit).sum();
        Ok(Interval { months, days, ..Interval::of_nanos(nanos)? })
    }
}

impl TryFrom<Interval> for Span {
    type Error = Error;

    /// The infinities, parts of different signs, and more than 19,998 years are errors.
    fn try_from(interval: Interval) -> Result<Span> {
        if !interval.is_finite() {
            return Err(infinite("interval", interval, "Span", "interval::Interval"));
        }
        let Interval { months, days, microseconds } = interval;
        let signs = [months.signum().into(), days.signum().into(), microseconds.signum()];
        if signs.contains(&1) && signs.contains(&-1) {
            return Err(unheld("the interval's parts have different signs", "Span", "interval::Interval"));
        }
        let span = || {
            Span::new()
                .try_years(months / 12)?
                .try_months(months % 12)?
                .try_days(days)?
                .try_hours(microseconds / HOUR)?
                .try_minutes(microseconds / MINUTE % 60)?
                .try_seconds(microseconds / SECOND % 60)?
                .try_microseconds(microseconds % SECOND)
        };
        span().map_err(|_: ::jiff::Error| unheld("the interval is too long", "Span", "interval::Interval"))
    }
}

travels_as!(civil::Date, Date);
travels_as!(civil::Time, Time);
travels_as!(civil::DateTime, super::time::Timestamp);
travels_as!(Timestamp, TimestampTz);
travels_as!(SignedDuration, Interval);
travels_as!(Span, Interval);

impl Adapter for Zoned {
    const TYPE: TypeName = <TimestampTz as Adapter>::TYPE;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        TimestampTz::try_from(self)?.encode(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::message::Format;
    use crate::types::cases::{Cases, decode, encode, garbage};
    use ::jiff::ToSpan;
    use postgres_types::Type;
    use std::fmt::Debug;

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::DATE).case(civil::date(2024, 2, 29), "00002279", "2024-02-29").case(
            civil::date(-43, 3, 15),
            "fff49d7b",
            "0044-03-15 BC",
        );
        Cases::of(&Type::TIME).case(civil::time(1, 2, 3, 500_000_000), "00000000ddf019e0", "01:02:03.5");
        let at = civil::date(2024, 2, 29).at(12, 34, 56, 123_456_000);
        let instant = at.to_zoned(::jiff::tz::TimeZone::UTC).unwrap();
        Cases::of(&Type::TIMESTAMP).case(at, "0002b58341685e40", "2024-02-29 12:34:56.123456");
        Cases::of(&Type::TIMESTAMPTZ).case(
            instant.timestamp(),
            "0002b58341685e40",
            "2024-02-29 12:34:56.123456+00",
        );
        let written = encode(&instant, &Type::TIMESTAMPTZ, Format::Text).unwrap();
        assert_eq!(written, b"2024-02-29 12:34:56.123456+00");
        Cases::of(&Type::INTERVAL).case(
            SignedDuration::from_millis(-500),
            "fffffffffff85ee00000000000000000",
            "-00:00:00.5",
        );
        garbage::<civil::Date>(&Type::DATE);
        garbage::<civil::Time>(&Type::TIME);
        garbage::<civil::DateTime>(&Type::TIMESTAMP);
        garbage::<Timestamp>(&Type::TIMESTAMPTZ);
        garbage::<SignedDuration>(&Type::INTERVAL);
        garbage::<Span>(&Type::INTERVAL);
    }

    #[test]
    fn spans_have_the_units_that_the_server_prints() {
        for (span, text) in [
            (
                1.year().months(2).days(3).hours(4).minutes(5).seconds(6).microseconds(500_000),
                "1 year 2 mons 3 days 04:05:06.5",
            ),
            ((-1).months().days(-3).seconds(-1), "-1 mons -3 days -00:00:01"),
            (Span::new(), "00:00:00"),
        ] {
            assert_eq!(encode(&span, &Type::INTERVAL, Format::Text).unwrap(), text.as_bytes());
            let read: Span = decode(text.as_bytes(), &Type::INTERVAL, Format::Text).unwrap();
            assert_eq!(read.fieldwise(), span.fieldwise());
        }
        let other_units = 2.weeks().minutes(90).milliseconds(1).nanoseconds(2000);
        assert_eq!(Interval::try_from(other_units).unwrap().to_string(), "14 days 01:30:00.001002");
    }

    fn unread<T: TryFrom<V, Error = Error> + Debug, V>(value: V, why: &str) {
        let error = T::try_from(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.message().contains(why) && error.cure().is_some(), "{error}");
    }

    #[test]
    fn what_jiff_cannot_hold_is_an_error() {
        use crate::types::time::Timestamp as Ours;
        let interval = |text: &str| text.parse::<Interval>().unwrap();
        unread::<civil::Date, _>(Date::INFINITY, "the date is infinity");
        unread::<civil::Date, _>(Date::new(10_000, 1, 1).unwrap(), "the date is in the year 10000");
        unread::<civil::Date, _>(Date::MAX, "in the year 5874897");
        unread::<civil::Time, _>(Time::END_OF_DAY, "the time is 24:00:00");
        unread::<civil::DateTime, _>(Ours::NEG_INFINITY, "is -infinity");
        unread::<civil::DateTime, _>(Ours::MAX, "in the year 294276");
        unread::<Timestamp, _>(TimestampTz::INFINITY, "the timestamptz is infinity");
        unread::<Timestamp, _>(TimestampTz::MAX, "in the year 294276");
        // jiff leaves room at the ends for every offset.
        unread::<Timestamp, _>("9999-12-31 23:59:59+00".parse::<TimestampTz>().unwrap(), "in the year 9999");
        unread::<SignedDuration, _>(interval("1 day"), "has months or days");
        unread::<Span, _>(interval("infinity"), "is infinity");
        unread::<Span, _>(interval("1 mon -1 days"), "different signs");
        unread::<Span, _>(interval("1 day -00:00:01"), "different signs");
        unread::<Span, _>(interval("20000 years"), "too long");
        unread::<Span, _>(interval("8000000 days"), "too long");
        unread::<Span, _>(interval("200000000:00:00"), "too long");
    }

    #[test]
    fn the_ends_of_the_ranges_are_no_panic() {
        for at in [Timestamp::MIN, Timestamp::MAX] {
            let ours = TimestampTz::try_from(at);
            assert_eq!(ours.is_ok(), at == Timestamp::MAX, "{ours:?}");
        }
        assert!(Date::try_from(civil::Date::MIN).unwrap_err().message().contains("PostgreSQL's range"));
        assert!(Date::try_from(civil::Date::MAX).is_ok());
        let first = Timestamp::try_from(TimestampTz::MIN).unwrap();
        assert_eq!(TimestampTz::try_from(first).unwrap(), TimestampTz::MIN);
        let least = Interval { microseconds: i64::MIN, ..Interval::ZERO };
        assert_eq!(Interval::try_from(SignedDuration::try_from(least).unwrap()).unwrap(), least);
        unread::<Span, _>(least, "too long");
    }

    #[test]
    fn what_postgresql_cannot_hold_is_an_error() {
        for error in [
            Interval::try_from(1.nanosecond()).unwrap_err(),
            Interval::try_from(SignedDuration::from_nanos(-1)).unwrap_err(),
        ] {
            assert!(error.kind() == ErrorKind::Encode && error.message().contains("finer"), "{error}");
        }
        assert!(Interval::try_from(SignedDuration::MAX).unwrap_err().message().contains("longer"));
    }

    #[test]
    fn times_are_cut_off_to_the_microsecond_towards_the_past() {
        let before = TimestampTz::try_from(Timestamp::new(0, -1).unwrap()).unwrap();
        assert_eq!(before.to_string(), "1969-12-31 23:59:59.999999+00");
    }
}
