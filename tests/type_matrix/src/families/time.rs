//! Dates and times.

use super::{any_number, shown, shown_as};
use crate::{AnyRow, Row};
use pg_core::types::interval::Interval;
use pg_core::types::time::{Date, Time, TimeTz, Timestamp, TimestampTz};
use pg_tests::seed::Rng;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So many microseconds after 2000-01-01, and its text in UTC.
fn at(micros: i64) -> (SystemTime, String) {
    let (distance, epoch) = (Duration::from_micros(micros.unsigned_abs()), Duration::from_secs(946_684_800));
    let time = if micros < 0 { UNIX_EPOCH + epoch - distance } else { UNIX_EPOCH + epoch + distance };
    let (second, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let (year, month, day) = civil(day + 10_957);
    let (era, year) = if year > 0 { ("", year) } else { (" BC", 1 - year) };
    let fraction = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:06}").trim_end_matches('0').to_owned(),
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (time, format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}+00{era}"))
}

/// Year, month and day of the day that is so many after 1970-01-01: years are counted from March, in eras of 400.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn random(rng: &mut Rng) -> (SystemTime, String) {
    let year: u64 = 366 * 86_400 * 1_000_000;
    let reach = rng.pick(&[1_000_000, 100 * year, 6_000 * year, 250_000 * year]);
    let distance = i64::try_from(rng.below(reach)).expect("below 63 bits");
    let micros = if rng.below(2) == 0 { distance } else { -distance };
    at(micros.max(-211_813_488_000_000_000))
}

/// The same SQL type written and read by types of other crates, as far as they hold its values.
macro_rules! also {
    ($row:expr, $ours:ident, [$($name:literal => $other:ty),+ $(,)?]) => {
        $row$(.written_as($name, |ours: &$ours| {
            let other = <$other>::try_from(*ours).ok()?;
            // What is held is held exactly.
            assert_eq!($ours::try_from(other).expect("what was held"), *ours);
            Some(Box::new(other))
        })
        .read_as($name, |row| {
            let ours: $ours = row.get()?;
            let held = <$other>::try_from(ours).is_ok();
            let other = row.get::<$other>();
            assert_eq!(other.is_ok(), held, "{ours:?} as {}", $name);
            Ok(other.ok().and_then(|other| other.try_into().ok()))
        }))+
    };
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let edges = || {
        [at(0), at(-1), at(-946_684_800_000_000), at(-211_813_488_000_000_000), at(9_223_371_331_199_999_999)]
    };
    let without_zone = |(time, text): (SystemTime, String)| (time, text.replacen("+00", "", 1));
    let dates = Row::new("date", "Date", |rng| shown(date(rng))).edges([
        (Date::MIN, "4714-11-24 BC"),
        (Date::MAX, "5874897-12-31"),
        (Date::INFINITY, "infinity"),
        (Date::NEG_INFINITY, "-infinity"),
    ]);
    let times = Row::new("time", "Time", |rng| shown(time(rng)))
        .edges([(Time::MIDNIGHT, "00:00:00"), (Time::END_OF_DAY, "24:00:00")]);
    let times_with_zones = Row::new("timetz", "TimeTz", |rng| shown(timetz(rng))).edges(
        ["24:00:00-15:59:59", "00:00:00+15:59:59", "01:02:03.5-03:30"]
            .map(|text| (text.parse::<TimeTz>().expect("a timetz"), text)),
    );
    let timestamps = Row::new("timestamp", "Timestamp", |rng| shown(timestamp(rng))).edges([
        (Timestamp::MIN, "4714-11-24 00:00:00 BC"),
        (Timestamp::MAX, "294276-12-31 23:59:59.999999"),
        (Timestamp::INFINITY, "infinity"),
        (Timestamp::NEG_INFINITY, "-infinity"),
    ]);
    let instants = Row::new("timestamptz", "TimestampTz", |rng| shown(timestamp(rng).at_utc()))
        .edges([
            (TimestampTz::MIN, "4714-11-24 00:00:00+00 BC"),
            (TimestampTz::MAX, "294276-12-31 23:59:59.999999+00"),
            (TimestampTz::INFINITY, "infinity"),
            (TimestampTz::NEG_INFINITY, "-infinity"),
        ])
        .written_as("jiff::Zoned", |ours| {
            let at = jiff::Timestamp::try_from(*ours).ok()?;
            Some(Box::new(at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(5)))))
        });
    let intervals = Row::new("interval", "Interval", |rng| shown(interval(rng)))
        .edges([
            (span(0, 0, 0), "00:00:00"),
            (span(-1, 1, -1), "-1 mons +1 day -00:00:00.000001"),
            (span(i32::MAX, i32::MAX, 0), "178956970 years 7 mons 2147483647 days"),
            (span(i32::MIN, i32::MIN, 0), "-178956970 years -8 mons -2147483648 days"),
        ])
        // Before, the server couldn't print more than 2,147,483,647 hours.
        .edges_since(15, [(span(1, 0, i64::MAX), "1 mon 2562047788:00:54.775807")])
        .edges_since(17, [(Interval::INFINITY, "infinity"), (Interval::NEG_INFINITY, "-infinity")]);
    let durations = Row::new("interval", "Duration", |rng| {
        shown_as::<Interval, _>(Duration::from_micros(any_number(rng).unsigned_abs() / 2))
    })
    .edges([(Duration::ZERO, "00:00:00"), (Duration::from_secs(90_000), "25:00:00")]);
    vec![
        Box::new(also!(dates, Date, [
            "chrono::NaiveDate" => chrono::NaiveDate,
            "time::Date" => ::time::Date,
            "jiff::civil::Date" => jiff::civil::Date,
        ])),
        Box::new(also!(times, Time, [
            "chrono::NaiveTime" => chrono::NaiveTime,
            "time::Time" => ::time::Time,
            "jiff::civil::Time" => jiff::civil::Time,
        ])),
        Box::new(times_with_zones),
        Box::new(also!(timestamps, Timestamp, [
            "chrono::NaiveDateTime" => chrono::NaiveDateTime,
            "time::PrimitiveDateTime" => ::time::PrimitiveDateTime,
            "jiff::civil::DateTime" => jiff::civil::DateTime,
        ])),
        Box::new(also!(instants, TimestampTz, [
            "chrono::DateTime<Utc>" => chrono::DateTime<chrono::Utc>,
            "chrono::DateTime<Local>" => chrono::DateTime<chrono::Local>,
            "chrono::DateTime<FixedOffset>" => chrono::DateTime<chrono::FixedOffset>,
            "time::OffsetDateTime" => ::time::OffsetDateTime,
            "jiff::Timestamp" => jiff::Timestamp,
        ])),
        Box::new(also!(intervals, Interval, [
            "chrono::TimeDelta" => chrono::TimeDelta,
            "time::Duration" => ::time::Duration,
            "jiff::Span" => jiff::Span,
            "jiff::SignedDuration" => jiff::SignedDuration,
        ])),
        Box::new(durations),
        Box::new(Row::new("timestamptz", "SystemTime", random).edges(edges())),
        Box::new(Row::new("timestamp", "SystemTime", random).edges(edges().map(without_zone))),
    ]
}

/// The first value that there is, of as many numbers as it takes.
fn first<T>(rng: &mut Rng, make: impl Fn(i64) -> Option<T>) -> T {
    loop {
        if let Some(value) = make(any_number(rng)) {
            return value;
        }
    }
}

fn date(rng: &mut Rng) -> Date {
    first(rng, |number| Date::from_days(i32::try_from(number).ok()?).ok())
}

fn time(rng: &mut Rng) -> Time {
    first(rng, |number| Time::from_micros(number).ok())
}

fn timetz(rng: &mut Rng) -> TimeTz {
    let time = time(rng);
    first(rng, |number| TimeTz::new(time, i32::try_from(number).ok()?).ok())
}

fn span(months: i32, days: i32, microseconds: i64) -> Interval {
    Interval { months, days, microseconds }
}

/// With a number of hours that every server prints.
fn interval(rng: &mut Rng) -> Interval {
    let half = |rng: &mut Rng| i32::try_from(any_number(rng) >> 32).expect("32 bits");
    // Types that hold a fixed time hold neither months nor days.
    let (months, days) = if rng.below(3) == 0 { (0, 0) } else { (half(rng), half(rng)) };
    span(months, days, any_number(rng) / 2)
}

fn timestamp(rng: &mut Rng) -> Timestamp {
    first(rng, |number| Timestamp::from_micros(number).ok())
}
