//! [`Date`] <-> `date`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::calendar::{self, FIRST_DAY, LAST_DAY};
use super::text::{Day, Style};
use crate::error::{Error, Result};
use crate::message::Format;
use std::fmt;
use std::str::FromStr;

/// A `date`, without loss: 4714-11-24 BC to 5874897-12-31, `infinity` and `-infinity`.
///
/// It is ordered as on the server, shown and parsed as `DateStyle = ISO` has it: `2024-02-29`, `0044-03-15 BC`.
///
/// ```
/// use pg_core::types::time::Date;
/// let date = Date::new(2024, 2, 29)?;
/// assert_eq!(date.ymd(), Some((2024, 2, 29)));
/// assert_eq!("0044-03-15 BC".parse::<Date>()?.ymd(), Some((-43, 3, 15)));
/// assert!(date < Date::INFINITY && Date::INFINITY.ymd().is_none());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// `infinity`: after all dates.
    pub const INFINITY: Date = Date(i32::MAX);
    /// `-infinity`: before all dates.
    pub const NEG_INFINITY: Date = Date(i32::MIN);
    /// 4714-11-24 BC, the first date.
    pub const MIN: Date = Date(FIRST_DAY);
    /// 5874897-12-31, the last date.
    pub const MAX: Date = Date(LAST_DAY);

    /// A date of the proleptic Gregorian calendar; year 0 is 1 BC.
    ///
    /// # Errors
    /// An encode error if there is no such date, or if it is outside of PostgreSQL's range.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Date> {
        let days = calendar::days(year, month, day).ok_or_else(|| {
            Error::encode(format!("there is no date of year {year}, month {month}, day {day}"))
        })?;
        Date::of_range(days).ok_or_else(out_of_range)
    }

    /// The date that is `days` after 2000-01-01, as in the binary form: [`i32::MAX`] is `infinity`, [`i32::MIN`]
    /// `-infinity`.
    ///
    /// # Errors
    /// An encode error outside of PostgreSQL's range.
    pub fn from_days(days: i32) -> Result<Date> {
        Date::of_wire(days).ok_or_else(out_of_range)
    }

    fn of_range(days: i32) -> Option<Date> {
        (FIRST_DAY..=LAST_DAY).contains(&days).then_some(Date(days))
    }

    fn of_wire(days: i32) -> Option<Date> {
        match days {
            i32::MIN | i32::MAX => Some(Date(days)),
            days => Date::of_range(days),
        }
    }

    /// Days since 2000-01-01; [`i32::MAX`] for `infinity`, [`i32::MIN`] for `-infinity`.
    #[inline]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Whether this is a day, not an infinity.
    #[inline]
    pub const fn is_finite(self) -> bool {
        self.0 != i32::MIN && self.0 != i32::MAX
    }

    /// Year, month (1 to 12) and day (1 to 31); year 0 is 1 BC. `None` for the infinities.
    pub fn ymd(self) -> Option<(i32, u8, u8)> {
        self.is_finite().then(|| calendar::date(self.0))
    }
}

#[cold]
fn out_of_range() -> Error {
    Error::encode("the date is out of PostgreSQL's range, 4714-11-24 BC to 5874897-12-31")
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Date::INFINITY => f.write_str("infinity"),
            Date::NEG_INFINITY => f.write_str("-infinity"),
            Date(days) => Day(days, "").fmt(f),
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Date> {
        read(text.as_bytes(), || Ok(Style::ISO))
    }
}

fn read<'s>(text: &[u8], style: impl FnOnce() -> Result<Style<'s>>) -> Result<Date> {
    match text {
        b"infinity" => Ok(Date::INFINITY),
        b"-infinity" => Ok(Date::NEG_INFINITY),
        _ => {
            let style = style()?;
            Date::of_range(style.date(text)?).ok_or_else(|| style.not("date"))
        }
    }
}

impl Adapter for Date {
    const TYPE: TypeName = TypeName::Oid(1082);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&self.0.to_be_bytes()),
            Format::Text => to.text(self),
        }
    }
}

impl<'a> Typecaster<'a> for Date {
    const TYPE: TypeName = TypeName::Oid(1082);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => Date::of_wire(i32::from_be_bytes(raw.exactly()?))
                .ok_or_else(|| Error::decode("not a date: it is out of PostgreSQL's range")),
            Format::Text => read(raw.bytes, || Style::of(&raw.context.settings)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::in_style;
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        Cases::of(&Type::DATE)
            .case(date("2000-01-01"), "00000000", "2000-01-01")
            .case(date("1999-12-31"), "ffffffff", "1999-12-31")
            .case(date("2024-02-29"), "00002279", "2024-02-29")
            .case(date("0001-12-31 BC"), "fff4dbf8", "0001-12-31 BC")
            .case(date("10000-01-01"), "002c95d4", "10000-01-01")
            .case(Date::MIN, "ffda97a7", "4714-11-24 BC")
            .case(Date::MAX, "7fda970c", "5874897-12-31")
            .case(Date::INFINITY, "7fffffff", "infinity")
            .case(Date::NEG_INFINITY, "80000000", "-infinity");
    }

    #[test]
    fn every_date_style_is_read() {
        let ides = Date::new(-43, 3, 15).unwrap();
        for (style, text) in [
            ("ISO, MDY", "0044-03-15 BC"),
            ("SQL, MDY", "03/15/0044 BC"),
            ("SQL, YMD", "03/15/0044 BC"),
            ("SQL, DMY", "15/03/0044 BC"),
            ("Postgres, MDY", "03-15-0044 BC"),
            ("Postgres, DMY", "15-03-0044 BC"),
            ("German, DMY", "15.03.0044 BC"),
        ] {
            assert_eq!(in_style::<Date>(text, &Type::DATE, style, "UTC").unwrap(), ides, "{style}");
            assert_eq!(in_style::<Date>("-infinity", &Type::DATE, style, "").unwrap(), Date::NEG_INFINITY);
        }
        let error = in_style::<Date>("2024-02-29", &Type::DATE, "SQL, DMY", "UTC").unwrap_err();
        assert_eq!(error.message(), "not a date in the DateStyle SQL, DMY");
        let error = in_style::<Date>("2024-02-29", &Type::DATE, "Lunar", "UTC").unwrap_err();
        assert!(error.message().contains("DateStyle \"Lunar\""), "{error}");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "2024-02-30",
            "2024-1-1",
            "24-01-01",
            "2024-01-01 AD",
            "0000-01-01",
            "5874898-01-01",
            "4714-11-23 BC",
            "epoch",
            " 2024-01-01",
        ] {
            refused::<Date>(&Type::DATE, "7fda970d", bad);
        }
        refused::<Date>(&Type::DATE, "ffda97a6", "");
        refused::<Date>(&Type::DATE, "000000", "");
        garbage::<Date>(&Type::DATE);
        for (year, month, day) in [(2023, 2, 29), (-4713, 11, 23), (5_874_898, 1, 1), (i32::MAX, 12, 31)] {
            assert!(Date::new(year, month, day).unwrap_err().message().contains("date"));
        }
        assert!(Date::from_days(LAST_DAY + 1).is_err());
    }
}
