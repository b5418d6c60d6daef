//! [`Time`] <-> `time` and [`TimeTz`] <-> `timetz`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::calendar::{DAY, HOUR, MINUTE, SECOND};
use super::text::{Clock, Cursor, Offset};
use crate::error::{Error, Result};
use crate::message::Format;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A `time` of day, in microseconds: 00:00:00 to 24:00:00, both included.
///
/// ```
/// use pg_core::types::time::Time;
/// let time = Time::new(12, 34, 56, 500_000)?;
/// assert_eq!(time.to_string(), "12:34:56.5");
/// assert!("24:00:00".parse::<Time>()? == Time::END_OF_DAY && Time::new(24, 0, 0, 1).is_err());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// 00:00:00.
    pub const MIDNIGHT: Time = Time(0);
    /// 24:00:00, the end of the day, which is another time than the beginning.
    pub const END_OF_DAY: Time = Time(DAY);

    /// A time of day. There are no leap seconds.
    ///
    /// # Errors
    /// An encode error if there is no such time.
    pub fn new(hour: u8, minute: u8, second: u8, microsecond: u32) -> Result<Time> {
        let micros = i64::from(hour) * HOUR
            + i64::from(minute) * MINUTE
            + i64::from(second) * SECOND
            + i64::from(microsecond);
        if minute > 59 || second > 59 || i64::from(microsecond) >= SECOND || micros > DAY {
            return Err(Error::encode(format!(
                "there is no time {hour:02}:{minute:02}:{second:02} and {microsecond} microseconds"
            )));
        }
        Ok(Time(micros))
    }

    /// The time that is so many microseconds after midnight: at most 86,400,000,000, which is 24:00:00.
    ///
    /// # Errors
    /// An encode error if there are more, or less than none.
    pub fn from_micros(micros: i64) -> Result<Time> {
        Time::of_wire(micros)
            .ok_or_else(|| Error::encode(format!("{micros} microseconds are no time of a day")))
    }

    fn of_wire(micros: i64) -> Option<Time> {
        (0..=DAY).contains(&micros).then_some(Time(micros))
    }

    /// Microseconds since midnight.
    #[inline]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Hour (0 to 24), minute, second and microsecond.
    pub fn hms(self) -> (u8, u8, u8, u32) {
        // Each is small by construction.
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        let Time(micros) = self;
        (
            small(micros / HOUR),
            small(micros / MINUTE % 60),
            small(micros / SECOND % 60),
            u32::try_from(micros % SECOND).unwrap_or(0),
        )
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Clock(self.0).fmt(f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({self})")
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Time> {
        read(text.as_bytes())
    }
}

/// The same in each `DateStyle`.
fn read(text: &[u8]) -> Result<Time> {
    let mut text = Cursor(text);
    let time = text.clock().map(Time).filter(|_| text.is_empty());
    time.ok_or_else(|| Error::decode("not a time"))
}

/// A `timetz`: a time of day, and an offset from UTC in seconds, east positive, less than 16 hours either way.
///
/// Two are equal if both parts are; the order is the server's, by the instant first.
///
/// ```
/// use pg_core::types::time::{Time, TimeTz};
/// let noon = TimeTz::new(Time::new(12, 0, 0, 0)?, -3 * 3600 - 1800)?;
/// assert_eq!(noon.to_string(), "12:00:00-03:30");
/// assert!(noon > "15:00:00+00".parse()?);
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    time: Time,
    offset: i32,
}

/// The server's limit of offsets, in seconds.
const LIMIT: i32 = 16 * 3600;

impl TimeTz {
    /// A time at an offset from UTC, in seconds, east positive.
    ///
    /// # Errors
    /// An encode error if the offset is 16 hours or more.
    pub fn new(time: Time, utc_offset_seconds: i32) -> Result<TimeTz> {
        TimeTz::of_wire(time.0, utc_offset_seconds).ok_or_else(|| {
            Error::encode(format!(
                "an offset of {utc_offset_seconds} seconds: timetz takes less than 16 hours"
            ))
        })
    }

    fn of_wire(micros: i64, offset: i32) -> Option<TimeTz> {
        let time = Time::of_wire(micros)?;
        (-LIMIT < offset && offset < LIMIT).then_some(TimeTz { time, offset })
    }

    /// The time of day, at the offset.
    #[inline]
    pub const fn time(self) -> Time {
        self.time
    }

    /// The offset from UTC in seconds, east positive.
    #[inline]
    pub const fn utc_offset_seconds(self) -> i32 {
        self.offset
    }

    /// What the server compares: the instant in UTC, then the offset, west last.
    fn key(self) -> (i64, i32) {
        (self.time.0 - i64::from(self.offset) * SECOND, -self.offset)
    }
}

impl Ord for TimeTz {
    fn cmp(&self, other: &TimeTz) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for TimeTz {
    fn partial_cmp(&self, other: &TimeTz) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.time, Offset(self.offset))
    }
}

impl fmt::Debug for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeTz({self})")
    }
}

impl FromStr for TimeTz {
    type Err = Error;

    fn from_str(text: &str) -> Result<TimeTz> {
        read_tz(text.as_bytes())
    }
}

/// The same in each `DateStyle`.
fn read_tz(text: &[u8]) -> Result<TimeTz> {
    let read = || {
        let mut text = Cursor(text);
        let (time, offset) = (text.clock()?, i32::try_from(text.offset()?).ok()?);
        TimeTz::of_wire(time, offset).filter(|_| text.is_empty())
    };
    read().ok_or_else(|| Error::decode("not a timetz"))
}

impl Adapter for Time {
    const TYPE: TypeName = TypeName::Oid(1083);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&self.0.to_be_bytes()),
            Format::Text => to.text(self),
        }
    }
}

impl<'a> Typecaster<'a> for Time {
    const TYPE: TypeName = TypeName::Oid(1083);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => Time::of_wire(i64::from_be_bytes(raw.exactly()?))
                .ok_or_else(|| Error::decode("not a time: it is out of a day's range")),
            Format::Text => read(raw.bytes),
        }
    }
}

impl Adapter for TimeTz {
    const TYPE: TypeName = TypeName::Oid(1266);

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => {
                to.bytes(&self.time.0.to_be_bytes())?;
                to.bytes(&(-self.offset).to_be_bytes())
            }
            Format::Text => to.text(self),
        }
    }
}

impl<'a> Typecaster<'a> for TimeTz {
    const TYPE: TypeName = TypeName::Oid(1266);

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        if raw.format() == Format::Text {
            return read_tz(raw.bytes);
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l] = raw.exactly()?;
        let west = i32::from_be_bytes([i, j, k, l]);
        west.checked_neg()
            .and_then(|east| TimeTz::of_wire(i64::from_be_bytes([a, b, c, d, e, f, g, h]), east))
            .ok_or_else(|| Error::decode("not a timetz: it is out of PostgreSQL's range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        Cases::of(&Type::TIME)
            .case(Time::MIDNIGHT, "0000000000000000", "00:00:00")
            .case(time("12:34:56.123456"), "0000000a8bdbfe40", "12:34:56.123456")
            .case(time("00:00:00.000001"), "0000000000000001", "00:00:00.000001")
            .case(time("01:02:03.5"), "00000000ddf019e0", "01:02:03.5")
            .case(time("23:59:59.999999"), "000000141dd75fff", "23:59:59.999999")
            .case(Time::END_OF_DAY, "000000141dd76000", "24:00:00");
        let time = |text: &str| text.parse::<TimeTz>().unwrap();
        Cases::of(&Type::TIMETZ)
            .case(time("00:00:00+00"), "000000000000000000000000", "00:00:00+00")
            .case(time("01:02:03.5+02"), "00000000ddf019e0ffffe3e0", "01:02:03.5+02")
            .case(time("01:02:03.5-03:30:52"), "00000000ddf019e00000316c", "01:02:03.5-03:30:52")
            .case(time("24:00:00-15:59:59"), "000000141dd760000000e0ff", "24:00:00-15:59:59");
    }

    #[test]
    fn the_order_of_timetz_is_by_the_instant_and_then_by_the_zone() {
        let time = |text: &str| text.parse::<TimeTz>().unwrap();
        // As `order by` has them.
        let sorted = [
            "00:00:00+15:59:59",
            "05:00:00+02",
            "04:00:00+01",
            "03:00:00+00",
            "02:00:00-01",
            "24:00:00-15:59:59",
        ];
        for pair in sorted.windows(2) {
            assert!(time(pair[0]) < time(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "24:00:00.000001",
            "12:60:00",
            "12:00:60",
            "1:02:03",
            "12:00",
            "12:00:00.",
            "12:00:00.1234567",
            "12:00:00+00",
            "allballs",
        ] {
            refused::<Time>(&Type::TIME, "000000141dd76001", bad);
        }
        refused::<Time>(&Type::TIME, "ffffffffffffffff", "");
        for bad in [
            "12:00:00",
            "12:00:00+",
            "12:00:00+16",
            "12:00:00-16:00",
            "12:00:00+01:",
            "12:00:00+01:60",
            "12:00:00+-01",
        ] {
            refused::<TimeTz>(&Type::TIMETZ, "00000000000000000000e100", bad);
        }
        refused::<TimeTz>(&Type::TIMETZ, "000000000000000080000000", "");
        garbage::<Time>(&Type::TIME);
        garbage::<TimeTz>(&Type::TIMETZ);
        assert!(Time::new(23, 59, 60, 0).is_err() && Time::new(0, 0, 0, 1_000_000).is_err());
        assert!(TimeTz::new(Time::MIDNIGHT, i32::MIN).is_err());
    }

    #[test]
    fn parts_and_microseconds_are_the_same_time() {
        let time = Time::new(23, 59, 58, 7).unwrap();
        assert_eq!((time.hms(), Time::from_micros(time.micros()).unwrap()), ((23, 59, 58, 7), time));
        assert_eq!(Time::END_OF_DAY.hms(), (24, 0, 0, 0));
    }
}
