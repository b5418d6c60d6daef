//! The adapter and the typecaster of `interval`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::text::{Style, not_in};
use super::value::Interval;
use crate::error::{Error, Result};
use crate::message::Format;

impl Adapter for Interval {
    const TYPE: TypeName = TypeName::Oid(1186);

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        if !self.is_finite() && is_before_17(&to.settings.server_version) {
            return Err(Error::encode(
                "PostgreSQL has infinite intervals from 17 on, and this server is older",
            ));
        }
        match to.format() {
            Format::Binary => {
                to.bytes(&self.microseconds.to_be_bytes())?;
                to.bytes(&self.days.to_be_bytes())?;
                to.bytes(&self.months.to_be_bytes())
            }
            // The server prints this number of hours and doesn't read it, but for this style.
            Format::Text if self.microseconds == i64::MIN && self.is_finite() => {
                to.text(format_args!("P{}M{}DT-2562047788H-54.775808S", self.months, self.days))
            }
            Format::Text => to.text(self),
        }
    }
}

/// Such a server would take an infinity for 178956970 years. What isn't known is believed to be new.
fn is_before_17(server_version: &str) -> bool {
    let major = server_version.split(|c: char| !c.is_ascii_digit()).next();
    major.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major < 17)
}

impl<'a> Typecaster<'a> for Interval {
    const TYPE: TypeName = TypeName::Oid(1186);

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        if raw.format() == Format::Text {
            let name = &raw.context.settings.interval_style;
            let style = Style::of(name)?;
            return style.read(raw.text()?).ok_or_else(|| not_in(name));
        }
        let [m, m2, m3, m4, m5, m6, m7, m8, d, d2, d3, d4, n, n2, n3, n4] = raw.exactly()?;
        Ok(Interval {
            months: i32::from_be_bytes([n, n2, n3, n4]),
            days: i32::from_be_bytes([d, d2, d3, d4]),
            microseconds: i64::from_be_bytes([m, m2, m3, m4, m5, m6, m7, m8]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, encode, garbage, refused};
    use postgres_types::Type;
    use std::cmp::Ordering;

    fn interval(months: i32, days: i32, microseconds: i64) -> Interval {
        Interval { months, days, microseconds }
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INTERVAL)
            .case(Interval::ZERO, "00000000000000000000000000000000", "00:00:00")
            .case(
                interval(14, -3, 14_706_500_000),
                "000000036c9361a0fffffffd0000000e",
                "1 year 2 mons -3 days +04:05:06.5",
            )
            .case(interval(-1, 1, 0), "000000000000000000000001ffffffff", "-1 mons +1 day")
            .case(interval(0, 0, -500_000), "fffffffffff85ee00000000000000000", "-00:00:00.5")
            .case(interval(0, 0, i64::MAX), "7fffffffffffffff0000000000000000", "2562047788:00:54.775807")
            .case(
                interval(i32::MIN, i32::MIN, 0),
                "00000000000000008000000080000000",
                "-178956970 years -8 mons -2147483648 days",
            )
            .case(Interval::INFINITY, "7fffffffffffffff7fffffff7fffffff", "infinity")
            .case(Interval::NEG_INFINITY, "80000000000000008000000080000000", "-infinity");
    }

    #[test]
    fn a_server_without_infinities_is_sent_none() {
        use crate::types::cases::plan_of;
        use crate::types::context::Settings;
        let plan = plan_of::<Interval>(&Type::INTERVAL).unwrap();
        for (server_version, taken) in
            [("15.18", false), ("16rc1", false), ("17.0", true), ("18beta2", true), ("", true)]
        {
            let settings = Settings { server_version: server_version.to_owned(), ..Settings::default() };
            let mut out = Vec::new();
            let written = Interval::NEG_INFINITY.encode(&mut Encode {
                out: &mut out,
                plan: &plan,
                settings: &settings,
            });
            assert_eq!(written.is_ok(), taken, "{server_version}");
        }
    }

    #[test]
    fn the_one_number_that_the_server_prints_and_does_not_read_is_written_as_it_reads_it() {
        let least = interval(5, -1, i64::MIN);
        assert_eq!(least.to_string(), "5 mons -1 days -2562047788:00:54.775808");
        let text = encode(&least, &Type::INTERVAL, Format::Text).unwrap();
        assert_eq!(text, b"P5M-1DT-2562047788H-54.775808S");
        assert_eq!("P5M-1DT-2562047788H-54.775808S".parse::<Interval>().unwrap(), least);
        assert_eq!(least.to_string().parse::<Interval>().unwrap(), least);
    }

    #[test]
    fn a_month_is_compared_as_30_days() {
        let (month, days) = (interval(1, 0, 0), interval(0, 30, 0));
        assert_eq!((month.compare(&days), month == days), (Ordering::Equal, false));
        assert_eq!(interval(0, 0, 86_400_000_001).compare(&interval(0, 1, 0)), Ordering::Greater);
        assert_eq!(Interval::NEG_INFINITY.compare(&interval(i32::MIN, 0, 0)), Ordering::Less);
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for bad in [
            "",
            "1",
            "1 day 1 day",
            "1 day 1 year",
            "1 fortnight",
            "00:00",
            "00:60:00",
            "00:00:00.1234567",
            "1 day 00:00:00 x",
            "2147483648 days",
            "200000000 years",
            "9999999999:00:00",
            "+-1 day",
            "1  day",
        ] {
            refused::<Interval>(&Type::INTERVAL, "00", bad);
        }
        garbage::<Interval>(&Type::INTERVAL);
        assert!(decode::<Interval>(&[0; 17], &Type::INTERVAL, Format::Binary).is_err());
    }
}
