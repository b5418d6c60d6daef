//! [`Timestamp`] <-> `timestamp` and [`TimestampTz`] <-> `timestamptz`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::calendar::{self, END, FIRST, SECOND, UNIX_EPOCH};
use super::date::Date;
use super::of_day::Time;
use super::text::{Clock, Day, Style, Zone};
use crate::error::{Error, Result};
use crate::message::Format;
use std::fmt;
use std::str::FromStr;

/// A `timestamp`: a date and a time of no zone, in microseconds, 4714-11-24 BC to 294276-12-31; `infinity` and
/// `-infinity`.
///
/// It is ordered as on the server, shown and parsed as `DateStyle = ISO` has it: `2024-02-29 12:34:56.5`.
///
/// ```
/// use pg_core::types::time::{Date, Time, Timestamp};
/// let at = Timestamp::new(Date::new(2024, 2, 29)?, Time::new(12, 34, 56, 500_000)?)?;
/// assert_eq!(at.to_string(), "2024-02-29 12:34:56.5");
/// assert_eq!(at.date().ymd(), Some((2024, 2, 29)));
/// assert!(at < Timestamp::INFINITY && Timestamp::INFINITY.time().is_none());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A `timestamptz`: an instant, in microseconds, 4714-11-24 BC to 294276-12-31; `infinity` and `-infinity`.
///
/// PostgreSQL keeps no zone with it. It is ordered as on the server and shown in UTC: `2024-02-29 12:34:56.5+00`; text
/// with any offset is parsed, text without one is not, since only the session would know what it means.
///
/// ```
/// use pg_core::types::time::TimestampTz;
/// use std::time::SystemTime;
/// let at: TimestampTz = "2024-02-29 12:34:56.5+05:30".parse()?;
/// assert_eq!(at.to_string(), "2024-02-29 07:04:56.5+00");
/// assert_eq!(at.unix(), Some((1_709_190_296, 500_000)));
/// assert_eq!(TimestampTz::try_from(SystemTime::try_from(at)?)?, at);
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampTz(i64);

macro_rules! counted {
    ($rust:ident, $oid:literal, $name:literal, $zone:expr, $suffix:literal) => {
        impl $rust {
            /// `infinity`: after all others.
            pub const INFINITY: $rust = $rust(i64::MAX);
            /// `-infinity`: before all others.
            pub const NEG_INFINITY: $rust = $rust(i64::MIN);
            /// 4714-11-24 00:00:00 BC, the first.
            pub const MIN: $rust = $rust(FIRST);
            /// 294276-12-31 23:59:59.999999, the last.
            pub const MAX: $rust = $rust(END - 1);

            /// So many microseconds after 2000-01-01 00:00:00, as in the binary form: [`i64::MAX`] is `infinity`,
            /// [`i64::MIN`] `-infinity`.
            ///
            /// # Errors
            /// An encode error outside of PostgreSQL's range.
            pub fn from_micros(micros: i64) -> Result<$rust> {
                Self::of_wire(micros).ok_or_else(out_of_range)
            }

            fn of_wire(micros: i64) -> Option<$rust> {
                matches!(micros, FIRST..END | i64::MIN | i64::MAX).then_some($rust(micros))
            }

            /// Microseconds since 2000-01-01 00:00:00; [`i64::MAX`] for `infinity`, [`i64::MIN`] for `-infinity`.
            #[inline]
            pub const fn micros(self) -> i64 {
                self.0
            }

            /// Whether this is a time, not an infinity.
            #[inline]
            pub const fn is_finite(self) -> bool {
                self.0 != i64::MIN && self.0 != i64::MAX
            }

            fn read<'s>(text: &[u8], style: impl FnOnce() -> Result<Style<'s>>) -> Result<$rust> {
                match text {
                    b"infinity" => Ok($rust::INFINITY),
                    b"-infinity" => Ok($rust::NEG_INFINITY),
                    _ => style()?.timestamp(text, $zone).map($rust),
                }
            }
        }

        impl fmt::Display for $rust {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $rust::INFINITY => f.write_str("infinity"),
                    $rust::NEG_INFINITY => f.write_str("-infinity"),
                    $rust(micros) => {
                        let (days, of_day) = calendar::split(micros);
                        Day(days, format_args!(concat!(" {}", $suffix), Clock(of_day))).fmt(f)
                    }
                }
            }
        }

        impl fmt::Debug for $rust {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($rust), "({})"), self)
            }
        }

        impl FromStr for $rust {
            type Err = Error;

            fn from_str(text: &str) -> Result<$rust> {
                Self::read(text.as_bytes(), || Ok(Style::ISO))
            }
        }

        impl Adapter for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                match to.format() {
                    Format::Binary => to.bytes(&self.0.to_be_bytes()),
                    Format::Text => to.text(self),
                }
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                match raw.format() {
                    Format::Binary => Self::of_wire(i64::from_be_bytes(raw.exactly()?)).ok_or_else(|| {
                        Error::decode(concat!("not a ", $name, ": it is out of PostgreSQL's range"))
                    }),
                    Format::Text => Self::read(raw.bytes, || Style::of(&raw.context.settings)),
                }
            }
        }
    };
}

counted!(Timestamp, 1114, "timestamp", Zone::Without, "");
counted!(TimestampTz, 1184, "timestamptz", Zone::With, "+00");

#[cold]
fn out_of_range() -> Error {
    Error::encode("the timestamp is out of PostgreSQL's range, 4714-11-24 BC to 294276-12-31")
}

impl Timestamp {
    /// A date at a time of day; 24:00:00 is the next day's midnight, and an infinite date an infinity.
    ///
    /// # Errors
    /// An encode error outside of PostgreSQL's range, which for timestamps ends earlier than for dates.
    pub fn new(date: Date, time: Time) -> Result<Timestamp> {
        match date {
            Date::INFINITY => Ok(Timestamp::INFINITY),
            Date::NEG_INFINITY => Ok(Timestamp::NEG_INFINITY),
            date => calendar::join(date.days(), time.micros()).map(Timestamp).ok_or_else(out_of_range),
        }
    }

    /// The date; of an infinity the infinite one.
    pub fn date(self) -> Date {
        match self {
            Timestamp::INFINITY => Date::INFINITY,
            Timestamp::NEG_INFINITY => Date::NEG_INFINITY,
            // Each timestamp's day is a date.
            Timestamp(micros) => Date::from_days(calendar::split(micros).0).unwrap_or(Date::MIN),
        }
    }

    /// The time of day, below 24:00:00; `None` for the infinities.
    pub fn time(self) -> Option<Time> {
        if self.is_finite() { Time::from_micros(calendar::split(self.0).1).ok() } else { None }
    }

    /// The instant at which a clock in UTC shows this.
    #[inline]
    pub const fn at_utc(self) -> TimestampTz {
        TimestampTz(self.0)
    }
}

impl TimestampTz {
    /// What a clock in UTC shows.
    #[inline]
    pub const fn in_utc(self) -> Timestamp {
        Timestamp(self.0)
    }

    /// The instant so many seconds, and microseconds of the next one, after 1970-01-01 00:00:00 UTC.
    ///
    /// # Errors
    /// An encode error outside of PostgreSQL's range, or if the microseconds are a second or more.
    pub fn from_unix(seconds: i64, microseconds: u32) -> Result<TimestampTz> {
        let micros = i64::from(microseconds);
        seconds
            .checked_add(UNIX_EPOCH / SECOND)
            .and_then(|since_2000| since_2000.checked_mul(SECOND)?.checked_add(micros))
            .filter(|since_2000| micros < SECOND && (FIRST..END).contains(since_2000))
            .map(TimestampTz)
            .ok_or_else(out_of_range)
    }

    /// Seconds since 1970-01-01 00:00:00 UTC, and the microseconds of the next one; `None` for the infinities.
    pub fn unix(self) -> Option<(i64, u32)> {
        let seconds = self.0.div_euclid(SECOND).checked_sub(UNIX_EPOCH / SECOND)?;
        let micros = u32::try_from(self.0.rem_euclid(SECOND)).ok()?;
        self.is_finite().then_some((seconds, micros))
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::in_style;
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use crate::types::typecaster::TypecasterOwned;
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        Cases::of(&Type::TIMESTAMP)
            .case(at("2000-01-01 00:00:00"), "0000000000000000", "2000-01-01 00:00:00")
            .case(at("2024-02-29 12:34:56.123456"), "0002b58341685e40", "2024-02-29 12:34:56.123456")
            .case(at("0001-12-31 00:00:00 BC"), "ff1fe2eba7c50000", "0001-12-31 00:00:00 BC")
            .case(Timestamp::MIN, "fd0f7cc1411fa000", "4714-11-24 00:00:00 BC")
            .case(Timestamp::MAX, "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999")
            .case(Timestamp::INFINITY, "7fffffffffffffff", "infinity")
            .case(Timestamp::NEG_INFINITY, "8000000000000000", "-infinity");
        let at = |text: &str| text.parse::<TimestampTz>().unwrap();
        Cases::of(&Type::TIMESTAMPTZ)
            .case(at("2024-02-29 12:34:56.12+00"), "0002b583416850c0", "2024-02-29 12:34:56.12+00")
            .case(TimestampTz::MIN, "fd0f7cc1411fa000", "4714-11-24 00:00:00+00 BC")
            .case(TimestampTz::MAX, "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999+00")
            .case(TimestampTz::INFINITY, "7fffffffffffffff", "infinity")
            .case(TimestampTz::NEG_INFINITY, "8000000000000000", "-infinity");
    }

    #[test]
    fn offsets_of_any_zone_are_read() {
        let read = |text: &str| text.parse::<TimestampTz>().unwrap();
        // In the zones America/St_Johns and Asia/Kolkata.
        assert_eq!(read("1899-12-31 20:29:08-03:30:52"), read("1900-01-01 00:00:00+00"));
        assert_eq!(read("2024-06-30 21:30:00-02:30"), read("2024-07-01 00:00:00+00"));
        assert_eq!(read("1850-07-01 05:53:28+05:53:28"), read("1850-07-01 00:00:00+00"));
        // The ends of the range are on days of their own elsewhere.
        assert_eq!(read("4714-11-23 20:00:00-04 BC"), TimestampTz::MIN);
        assert_eq!(read("294277-01-01 05:29:59.999999+05:30"), TimestampTz::MAX);
    }

    fn holds<T: TypecasterOwned + PartialEq + fmt::Debug>(type_: &Type, value: T, forms: &[(&str, &str)]) {
        for (style, text) in forms {
            assert_eq!(in_style::<T>(text, type_, style, "Etc/UTC").unwrap(), value, "{style}");
        }
    }

    #[test]
    fn every_date_style_is_read() {
        let at: Timestamp = "0044-03-15 01:02:03.5 BC".parse().unwrap();
        holds(
            &Type::TIMESTAMP,
            at,
            &[
                ("ISO, DMY", "0044-03-15 01:02:03.5 BC"),
                ("SQL, MDY", "03/15/0044 01:02:03.5 BC"),
                ("SQL, DMY", "15/03/0044 01:02:03.5 BC"),
                ("Postgres, YMD", "Fri Mar 15 01:02:03.5 0044 BC"),
                ("Postgres, DMY", "Fri 15 Mar 01:02:03.5 0044 BC"),
                ("German, DMY", "15.03.0044 01:02:03.5 BC"),
            ],
        );
        holds(
            &Type::TIMESTAMPTZ,
            at.at_utc(),
            &[
                ("ISO, DMY", "0044-03-15 01:02:03.5+00 BC"),
                ("SQL, MDY", "03/15/0044 01:02:03.5 UTC BC"),
                ("SQL, DMY", "15/03/0044 01:02:03.5 UTC BC"),
                ("Postgres, MDY", "Fri Mar 15 01:02:03.5 0044 UTC BC"),
                ("Postgres, DMY", "Fri 15 Mar 01:02:03.5 0044 GMT BC"),
                ("German, DMY", "15.03.0044 01:02:03.5 UTC BC"),
            ],
        );
    }

    #[test]
    fn an_abbreviation_is_no_offset_and_the_error_names_the_settings() {
        // `set timezone = 'UTC+3'` is three hours west and calls itself UTC.
        for (zone, text) in [
            ("UTC+3", "07/01/2024 00:00:00 UTC"),
            ("Europe/Paris", "07/01/2024 00:00:00 CEST"),
            ("America/Sao_Paulo", "07/01/2024 00:00:00 -03"),
            ("UTC", "07/01/2024 00:00:00"),
        ] {
            let error = in_style::<TimestampTz>(text, &Type::TIMESTAMPTZ, "SQL, MDY", zone).unwrap_err();
            assert!(error.message().contains("DateStyle SQL, MDY and the TimeZone"), "{error}");
            assert!(error.cure().unwrap().contains("set datestyle = 'ISO'"), "{error}");
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
            refused::<TimestampTz>(&Type::TIMESTAMPTZ, "00", bad);
        }
        refused::<Timestamp>(&Type::TIMESTAMP, "7fffff5bb3b2a000", "2024-01-01 00:00:00+00");
        garbage::<Timestamp>(&Type::TIMESTAMP);
        garbage::<TimestampTz>(&Type::TIMESTAMPTZ);
        for bad in [
            "Xyz Mar 15 01:02:03 2044",
            "Fri Foo 15 01:02:03 2044",
            "Fri Mar 15 01:02:03",
            "Fri Mar 15 24:00:00 2044",
        ] {
            in_style::<Timestamp>(bad, &Type::TIMESTAMP, "Postgres, MDY", "UTC").unwrap_err();
        }
    }

    #[test]
    fn dates_and_times_make_timestamps_and_back() {
        let noon = Time::new(12, 0, 0, 1).unwrap();
        for date in [Date::MIN, Date::new(1999, 12, 31).unwrap(), Date::new(294_276, 12, 31).unwrap()] {
            let at = Timestamp::new(date, noon).unwrap();
            assert_eq!((at.date(), at.time()), (date, Some(noon)));
        }
        let new_year = Timestamp::new(Date::new(1999, 12, 31).unwrap(), Time::END_OF_DAY).unwrap();
        assert_eq!(new_year.micros(), 0);
        assert_eq!(Timestamp::new(Date::INFINITY, noon).unwrap(), Timestamp::INFINITY);
        assert_eq!(Timestamp::NEG_INFINITY.date(), Date::NEG_INFINITY);
        assert!(Timestamp::new(Date::MAX, noon).is_err() && Timestamp::from_micros(END).is_err());
        assert_eq!(TimestampTz::from_unix(0, 1).unwrap().to_string(), "1970-01-01 00:00:00.000001+00");
        for at in [TimestampTz::MIN, TimestampTz::MAX, TimestampTz::from_micros(-1).unwrap()] {
            let (seconds, micros) = at.unix().unwrap();
            assert_eq!(TimestampTz::from_unix(seconds, micros).unwrap(), at);
        }
        assert!(
            TimestampTz::from_unix(i64::MIN, 0).is_err() && TimestampTz::from_unix(0, 1_000_000).is_err()
        );
        assert!(TimestampTz::INFINITY.unix().is_none());
    }
}
