//! `std::time::SystemTime` <-> `timestamptz`, and `timestamp` taken as UTC.
//!
//! - **Resolution.** PostgreSQL keeps microseconds. What is finer is cut off towards the past, so a time that was
//!   written is never later than it was. Reading loses nothing.
//! - **Range.** From 4714-11-24 BC to 294276-12-31; outside, writing is an error.
//! - **Infinity.** `infinity` and `-infinity` are no `SystemTime`: reading one is an error.
//! - **`timestamp`** has no time zone. Taking it as UTC is this library's decision; where the application means
//!   another zone, `column at time zone '..'` in the query says so.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::plan::{Plan, Planner, base_type};
use super::super::through::infinite;
use super::super::typecaster::{RawValue, Typecaster};
use super::calendar::{SECOND, UNIX_EPOCH as UNIX_EPOCH_MICROS};
use super::timestamp::{Timestamp, TimestampTz};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The instant, cut off towards the past; `None` out of PostgreSQL's range.
#[inline]
fn to_instant(time: SystemTime) -> Option<TimestampTz> {
    let (seconds, micros) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_micros()),
        Err(before) => {
            let micros = i64::try_from(before.duration().as_nanos().div_ceil(1000)).ok()?.checked_neg()?;
            (micros.div_euclid(SECOND), u32::try_from(micros.rem_euclid(SECOND)).ok()?)
        }
    };
    TimestampTz::from_unix(seconds, micros).ok()
}

/// The system's time at an instant.
#[inline]
fn from_instant(at: TimestampTz) -> Result<SystemTime> {
    if !at.is_finite() {
        return Err(infinite("timestamp", at, "SystemTime", "time::TimestampTz"));
    }
    // One addition in the usual case: PostgreSQL counts from 2000, SystemTime's epoch is 1970.
    const EPOCH_MICROS: u64 = UNIX_EPOCH_MICROS.unsigned_abs();
    let micros = at.micros();
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

impl TryFrom<SystemTime> for TimestampTz {
    type Error = Error;

    /// What is finer than a microsecond is cut off towards the past. Outside of PostgreSQL's range it is an error.
    fn try_from(time: SystemTime) -> Result<TimestampTz> {
        to_instant(time).ok_or_else(|| {
            Error::encode("the time is out of PostgreSQL's range, 4714-11-24 BC to 294276-12-31")
        })
    }
}

impl TryFrom<TimestampTz> for SystemTime {
    type Error = Error;

    /// The infinities are errors.
    fn try_from(at: TimestampTz) -> Result<SystemTime> {
        from_instant(at)
    }
}

impl Adapter for SystemTime {
    const TYPE: TypeName = TypeName::Oid(1184);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if *base_type(type_) == Type::TIMESTAMP {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        planner.encode_leaf::<Self>(<Self as Adapter>::TYPE, false, type_)
    }

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let at = TimestampTz::try_from(*self)?;
        // The binary forms are the same. In text a timestamp is read as UTC whether the offset is there or not; the
        // server prints it without.
        match to.format() == Format::Text && *base_type(&to.plan.type_) == Type::TIMESTAMP {
            true => at.in_utc().encode(to),
            false => at.encode(to),
        }
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
        // The binary forms are the same.
        if raw.format() == Format::Text && *base_type(&raw.plan.type_) == Type::TIMESTAMP {
            return from_instant(Timestamp::decode(raw)?.at_utc());
        }
        from_instant(TimestampTz::decode(raw)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::in_style;
    use super::*;
    use crate::types::cases::{Cases, decode, encode, garbage, refused};

    fn at(micros: i64) -> SystemTime {
        from_instant(TimestampTz::from_micros(micros).unwrap()).unwrap()
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
            .case(at(TimestampTz::MAX.micros()), "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999+00")
            .case(at(-63_082_281_600_000_000), "ff1fe2ffc59c6000", "0001-01-01 00:00:00+00")
            .case(at(-63_082_368_000_000_000), "ff1fe2eba7c50000", "0001-12-31 00:00:00+00 BC")
            .case(at(TimestampTz::MIN.micros()), "fd0f7cc1411fa000", "4714-11-24 00:00:00+00 BC");
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
        let micros = |time| TimestampTz::try_from(time).unwrap().micros();
        let first = TimestampTz::MIN.micros();
        for (base, nanos, wanted) in [(0, 1999, 1), (-1, 999, -1), (first, 1, first)] {
            assert_eq!(micros(at(base) + Duration::from_nanos(nanos)), wanted);
        }
        assert_eq!(micros(UNIX_EPOCH - Duration::from_nanos(1)), UNIX_EPOCH_MICROS - 1);
    }

    #[test]
    fn times_out_of_range_are_not_written() {
        let (first, last) = (at(TimestampTz::MIN.micros()), at(TimestampTz::MAX.micros()));
        for time in [first - Duration::from_nanos(1), last + Duration::from_micros(1)] {
            for format in [Format::Binary, Format::Text] {
                assert!(encode(&time, &Type::TIMESTAMPTZ, format).unwrap_err().message().contains("range"));
            }
        }
    }

    #[test]
    fn a_timestamp_is_read_as_utc_in_any_style_and_zone() {
        let midsummer = at(0x0002_bfd8_1899_e000);
        for (text, type_, style, zone) in [
            ("2024-07-10 00:00:00+00", Type::TIMESTAMPTZ, "ISO, DMY", "Asia/Tokyo"),
            ("2024-07-10 09:00:00+09", Type::TIMESTAMPTZ, "ISO, DMY", "Asia/Tokyo"),
            ("10/07/2024 00:00:00 UTC", Type::TIMESTAMPTZ, "SQL, DMY", "UTC"),
            ("10/07/2024 00:00:00", Type::TIMESTAMP, "SQL, DMY", "Asia/Tokyo"),
        ] {
            assert_eq!(in_style::<SystemTime>(text, &type_, style, zone).unwrap(), midsummer, "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        refused::<SystemTime>(&Type::TIMESTAMPTZ, "00", "2024-01-01 00:00:00");
        refused::<SystemTime>(&Type::TIMESTAMP, "000000000000000000", "2024-01-01 00:00:00+00");
        garbage::<SystemTime>(&Type::TIMESTAMPTZ);
    }
}
