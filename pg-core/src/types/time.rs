//! `std::time::SystemTime` <-> `timestamptz`, and `timestamp` taken as UTC.
//!
//! Binary form: microseconds since 2000-01-01 00:00:00 UTC, signed, 64 bits. Text form: that of `DateStyle = ISO`,
//! `2024-02-29 12:34:56.123456+00`, with `BC` behind before year 1.
//!
//! - **Resolution.** PostgreSQL keeps microseconds. What is finer is cut off towards the past, so a time that was
//!   written is never later than it was. Reading loses nothing.
//! - **Range.** From 4714-11-24 BC to 294276-12-31; outside, writing is an error.
//! - **Infinity.** `infinity` and `-infinity` are no `SystemTime`: reading one is an error.
//! - **`timestamp`** has no time zone. Taking it as UTC is this library's decision; where the application means
//!   another zone, `column at time zone '..'` in the query says so.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2000-01-01 in seconds since 1970-01-01.
const EPOCH: i64 = 946_684_800;
/// 4714-11-24 BC, and the first that is out of range at the other end: 294277-01-01.
const MIN: i64 = -211_813_488_000_000_000;
const END: i64 = 9_223_371_331_200_000_000;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Microseconds since 2000-01-01, cut off towards the past; `None` out of PostgreSQL's range.
fn to_micros(time: SystemTime) -> Option<i64> {
    let since_1970 = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_micros()).ok()?,
        Err(before) => i128::try_from(before.duration().as_nanos().div_ceil(1000)).ok()?.checked_neg()?,
    };
    let micros = i64::try_from(since_1970.checked_sub(i128::from(EPOCH) * i128::from(SECOND))?).ok()?;
    (MIN..END).contains(&micros).then_some(micros)
}

/// The time `micros` after 2000-01-01.
#[inline]
fn from_micros(micros: i64) -> Result<SystemTime> {
    match micros {
        i64::MAX => return Err(infinite("infinity")),
        i64::MIN => return Err(infinite("-infinity")),
        MIN..END => {}
        _ => return Err(Error::decode("not a timestamp: it is out of PostgreSQL's range")),
    }
    // One addition in the usual case: PostgreSQL counts from 2000, SystemTime's epoch is 1970.
    const EPOCH_MICROS: u64 = EPOCH.unsigned_abs() * SECOND.unsigned_abs();
    let time = match u64::try_from(micros) {
        Ok(since_2000) => {
            UNIX_EPOCH.checked_add(Duration::from_micros(since_2000.saturating_add(EPOCH_MICROS)))
        }
        Err(_) => match EPOCH_MICROS.checked_sub(micros.unsigned_abs()) {
            Some(since_1970) => UNIX_EPOCH.checked_add(Duration::from_micros(since_1970)),
            None => UNIX_EPOCH
                .checked_sub(Duration::from_micros(micros.unsigned_abs().saturating_sub(EPOCH_MICROS))),
        },
    };
    time.ok_or_else(|| Error::decode("the timestamp is out of the range of SystemTime on this platform"))
}

#[cold]
fn infinite(which: &str) -> Error {
    Error::decode(format!("the timestamp is {which}, which SystemTime can't hold"))
        .hint(format!("`nullif(column, '{which}')` for an Option, or `column::text` for a String"))
}

impl Adapter for SystemTime {
    const TYPE: TypeName = TypeName::Oid(1184);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if *base_type(type_) == Type::TIMESTAMP {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        planner.encode_leaf::<Self>(<Self as Adapter>::TYPE, false, type_)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let micros = to_micros(*self).ok_or_else(|| {
            Error::encode("the time is out of PostgreSQL's range, 4714-11-24 BC to 294276-12-31")
        })?;
        if to.format() == Format::Binary {
            return to.bytes(&micros.to_be_bytes());
        }
        let (year, month, day) = date(micros.div_euclid(DAY));
        let (bc, year) = if year > 0 { ("", year) } else { (" BC", 1 - year) };
        let of_day = micros.rem_euclid(DAY);
        let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
        to.text(format_args!(
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ))?;
        if fraction > 0 {
            // The server prints no zeros at the end.
            let digits = format!("{fraction:06}");
            to.text(format_args!(".{}", digits.trim_end_matches('0')))?;
        }
        // A timestamp is read as UTC whether the offset is there or not; the server prints it without.
        let zone = if *base_type(&to.plan.type_) == Type::TIMESTAMP { "" } else { "+00" };
        to.text(format_args!("{zone}{bc}"))
    }
}

impl<'a> Typecaster<'a> for SystemTime {
    const TYPE: TypeName = TypeName::Oid(1184);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if *base_type(type_) == Type::TIMESTAMP {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        planner.leaf::<Self>(<Self as Typecaster<'_>>::TYPE, false, type_)
    }

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        if raw.format() == Format::Binary {
            return from_micros(i64::from_be_bytes(raw.exactly()?));
        }
        match raw.bytes {
            b"infinity" => return Err(infinite("infinity")),
            b"-infinity" => return Err(infinite("-infinity")),
            _ => {}
        }
        let style = &raw.context.settings.date_style;
        if !style.is_empty() && !style.starts_with("ISO") {
            return Err(Error::decode(format!(
                "a timestamp came as text in the DateStyle {style:?}, and only ISO is read"
            ))
            .hint("`set datestyle = 'ISO'`"));
        }
        let zoned = *base_type(&raw.plan.type_) != Type::TIMESTAMP;
        from_micros(
            parse(raw.bytes, zoned).ok_or_else(|| Error::decode("not a timestamp in the DateStyle ISO"))?,
        )
    }
}

/// A date of the proleptic Gregorian calendar, `days` after 2000-01-01. Year 0 is 1 BC.
/// `days` is bounded by the type's range, so no step overflows.
fn date(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that leap days come last; eras of 400 years all have the same days.
    let days = days + 730_425; // since 0000-03-01
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from 2000-01-01 to a date; `None` if there is no such date. `year` has six digits at most.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 730_425)
}

/// `2024-02-29 12:34:56.123456-03:30:52 BC` in microseconds since 2000-01-01.
fn parse(text: &[u8], zoned: bool) -> Option<i64> {
    let mut text = Digits(text);
    let year = text.number(4, 6)?;
    let (month, day) = (text.after(b'-')?, text.after(b'-')?);
    let (hour, minute, second) = (text.after(b' ')?, text.after(b':')?, text.after(b':')?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = if text.take(b'.') { text.fraction()? } else { 0 };
    let sign = match zoned {
        true if text.take(b'+') => 1,
        true if text.take(b'-') => -1,
        true => return None,
        false => 0,
    };
    let mut offset = 0;
    if sign != 0 {
        offset = text.number(2, 2)? * 3600;
        for unit in [60, 1] {
            if !text.take(b':') {
                break;
            }
            offset += text.number(2, 2)? * unit;
        }
    }
    let year = match text.0 {
        b"" if year > 0 => year,
        b" BC" if year > 0 => 1 - year,
        _ => return None,
    };
    // At most 10^6 years and 100 hours, which fits some nine times less than once over: so checked.
    let seconds = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second - sign * offset;
    let micros = seconds.checked_mul(SECOND)?.checked_add(fraction)?;
    (MIN..END).contains(&micros).then_some(micros)
}

/// A cursor over digits and what stands between them.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn take(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// A number of `least` to `most` digits, six at the most.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.0.iter().take(most).take_while(|c| c.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        (count >= least).then(|| digits.iter().fold(0, |n, c| n * 10 + i64::from(c & 15)))
    }

    /// `byte`, and a number of two digits.
    fn after(&mut self, byte: u8) -> Option<i64> {
        if self.take(byte) { self.number(2, 2) } else { None }
    }

    /// One to six digits of a second, in microseconds.
    fn fraction(&mut self) -> Option<i64> {
        let before = self.0.len();
        let mut fraction = self.number(1, 6)?;
        for _ in before.saturating_sub(self.0.len())..6 {
            fraction *= 10;
        }
        Some(fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, decode_in, encode, garbage, random, refused};
    use crate::types::context::Context;

    fn at(micros: i64) -> SystemTime {
        from_micros(micros).unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::TIMESTAMPTZ)
            .case(at(0), "0000000000000000", "2000-01-01 00:00:00+00")
            .case(UNIX_EPOCH, "fffca2fec4c82000", "1970-01-01 00:00:00+00")
            .case(at(-1), "ffffffffffffffff", "1999-12-31 23:59:59.999999+00")
            .case(at(1), "0000000000000001", "2000-01-01 00:00:00.000001+00")
            .case(at(0x0002_b583_4168_5e40), "0002b58341685e40", "2024-02-29 12:34:56.123456+00")
            .case(at(0x0002_b583_4168_50c0), "0002b583416850c0", "2024-02-29 12:34:56.12+00")
            .case(at(0x0380_e70b_913b_8000), "0380e70b913b8000", "10000-01-01 00:00:00+00")
            .case(at(END - 1), "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999+00")
            .case(at(-63_082_281_600_000_000), "ff1fe2ffc59c6000", "0001-01-01 00:00:00+00")
            .case(at(-63_082_368_000_000_000), "ff1fe2eba7c50000", "0001-12-31 00:00:00+00 BC")
            .case(at(MIN), "fd0f7cc1411fa000", "4714-11-24 00:00:00+00 BC");
        Cases::of(&Type::TIMESTAMP).case(at(0), "0000000000000000", "2000-01-01 00:00:00").case(
            at(-63_082_368_000_000_000),
            "ff1fe2eba7c50000",
            "0001-12-31 00:00:00 BC",
        );
        Cases::of(&Type::TIMESTAMPTZ_ARRAY).case(
            vec![at(0)],
            "0000000100000000000004a00000000100000001000000080000000000000000",
            "{\"2000-01-01 00:00:00+00\"}",
        );
    }

    #[test]
    fn offsets_of_any_zone_are_read() {
        let read =
            |text: &str| decode::<SystemTime>(text.as_bytes(), &Type::TIMESTAMPTZ, Format::Text).unwrap();
        // In the zones America/St_Johns and Asia/Kolkata.
        assert_eq!(read("1899-12-31 20:29:08-03:30:52"), read("1900-01-01 00:00:00+00"));
        assert_eq!(read("2024-06-30 21:30:00-02:30"), read("2024-07-01 00:00:00+00"));
        assert_eq!(read("1850-07-01 05:53:28+05:53:28"), read("1850-07-01 00:00:00+00"));
    }

    #[test]
    fn infinities_are_errors_that_name_the_cure() {
        for type_ in [Type::TIMESTAMPTZ, Type::TIMESTAMP] {
            for (binary, text) in [(i64::MAX, "infinity"), (i64::MIN, "-infinity")] {
                let binary = decode::<SystemTime>(&binary.to_be_bytes(), &type_, Format::Binary).unwrap_err();
                let read = decode::<SystemTime>(text.as_bytes(), &type_, Format::Text).unwrap_err();
                for error in [binary, read] {
                    assert_eq!(
                        error.message(),
                        format!("the timestamp is {text}, which SystemTime can't hold")
                    );
                    assert!(error.cure().unwrap().contains("nullif"), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_is_finer_than_a_microsecond_is_cut_off_towards_the_past() {
        for (base, nanos, wanted) in [(0, 1999, 1), (-1, 999, -1), (MIN, 1, MIN)] {
            assert_eq!(to_micros(at(base) + Duration::from_nanos(nanos)), Some(wanted));
        }
        assert_eq!(to_micros(at(-EPOCH * SECOND) - Duration::from_nanos(1)), Some(-EPOCH * SECOND - 1));
    }

    #[test]
    fn times_out_of_range_are_not_written() {
        for time in [at(MIN) - Duration::from_nanos(1), at(END - 1) + Duration::from_micros(1)] {
            for format in [Format::Binary, Format::Text] {
                assert!(encode(&time, &Type::TIMESTAMPTZ, format).unwrap_err().message().contains("range"));
            }
        }
    }

    #[test]
    fn other_date_styles_are_refused_by_name() {
        let mut context = Context::default();
        std::sync::Arc::make_mut(&mut context.settings).date_style = "SQL, DMY".to_owned();
        let error =
            decode_in::<SystemTime>(b"01/07/2024 00:00:00 UTC", &Type::TIMESTAMPTZ, Format::Text, &context)
                .unwrap_err();
        assert!(error.message().contains("SQL, DMY"), "{error}");
        std::sync::Arc::make_mut(&mut context.settings).date_style = "ISO, DMY".to_owned();
        assert!(
            decode_in::<SystemTime>(b"2024-07-01 00:00:00+00", &Type::TIMESTAMPTZ, Format::Text, &context)
                .is_ok()
        );
    }

    #[test]
    fn every_day_has_a_date_and_back() {
        let mut random = random();
        for _ in 0..50_000 {
            let day = (random() % 110_000_000) as i64 - 2_451_545;
            let (year, month, date) = date(day);
            assert_eq!(days(year, month, date), Some(day));
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for bad in [
            "2024-02-30 00:00:00+00",
            "2023-02-29 00:00:00+00",
            "2024-13-01 00:00:00+00",
            "2024-00-01 00:00:00+00",
            "2024-01-01 24:00:00+00",
            "2024-01-01 00:00:00",
            "2024-01-01 00:00:00+00 AD",
            "0000-01-01 00:00:00+00",
            "2024-01-01 00:00:00.+00",
            "2024-01-01 00:00:00.1234567+00",
            "2024-01-01",
            "999999-01-01 00:00:00+00",
            "294277-01-01 00:00:00+00",
            "4714-11-23 23:59:59.999999+00 BC",
            "1234567-01-01 00:00:00+00",
            "24-1-1 0:0:0+0",
        ] {
            refused::<SystemTime>(&Type::TIMESTAMPTZ, "00", bad);
        }
        refused::<SystemTime>(&Type::TIMESTAMP, "000000000000000000", "2024-01-01 00:00:00+00");
        garbage::<SystemTime>(&Type::TIMESTAMPTZ);
    }
}
