//! The text forms of `interval`: printed in the style `postgres`, read in each.

use super::super::time::calendar::{HOUR, MINUTE, SECOND};
use super::super::time::text::{Cursor, fraction};
use super::value::Interval;
use crate::error::{Error, Result};
use std::fmt::{self, Write};
use std::str::FromStr;

/// `IntervalStyle`, as far as it must be known: all but one tell themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Style {
    /// `1 year 2 mons -3 days +04:05:06.5` (postgres), `@ 1 year 2 mons -3 days 4 hours 5 mins 6.5 secs`, with `ago`
    /// behind to turn all signs round (postgres_verbose), `P1Y2M-3DT4H5M6.5S` (iso_8601).
    Telling,
    /// `+1-2 -3 +4:05:06.5`, `-3 4:05:06.5`, `1-2`: in sql_standard one sign may be that of all parts.
    Sql,
}

/// A text that isn't in the session's style.
#[cold]
pub(super) fn not_in(style: &str) -> Error {
    let style = if style.is_empty() { "postgres" } else { style };
    Error::decode(format!("not an interval in the IntervalStyle {style}"))
}

impl Style {
    /// What the setting says. A session that has reported none is taken at the server's default.
    pub(super) fn of(setting: &str) -> Result<Style> {
        Ok(match setting {
            "" | "postgres" | "postgres_verbose" | "iso_8601" => Style::Telling,
            "sql_standard" => Style::Sql,
            _ => {
                return Err(Error::decode(format!(
                    "an interval came as text in the IntervalStyle {setting:?}, which is not known"
                ))
                .hint("`set intervalstyle = 'postgres'`"));
            }
        })
    }

    pub(super) fn read(self, text: &str) -> Option<Interval> {
        match (text.as_bytes(), self) {
            (b"infinity", _) => Some(Interval::INFINITY),
            (b"-infinity", _) => Some(Interval::NEG_INFINITY),
            ([b'P', ..], _) => read_iso(text),
            ([b'@', ..], _) => read_verbose(text),
            (_, Style::Telling) => read_postgres(text),
            (_, Style::Sql) => read_sql(text),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        postgres(self, f)
    }
}

impl FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Interval> {
        Style::Telling.read(text).ok_or_else(|| Error::decode("not an interval"))
    }
}

/// Prints the style `postgres`. After a negative part the next one has its sign, so that in any style the server reads
/// each part by itself.
fn postgres(interval: &Interval, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *interval {
        Interval::INFINITY => return f.write_str("infinity"),
        Interval::NEG_INFINITY => return f.write_str("-infinity"),
        _ => {}
    }
    let (mut space, mut signed) = ("", false);
    for (number, unit) in
        [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")]
    {
        if number != 0 {
            let sign = if signed && number > 0 { "+" } else { "" };
            let plural = if number == 1 { "" } else { "s" };
            write!(f, "{space}{sign}{number} {unit}{plural}")?;
            (space, signed) = (" ", number < 0);
        }
    }
    if interval.microseconds != 0 || space.is_empty() {
        let sign = match (interval.microseconds < 0, signed) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        f.write_str(space)?;
        f.write_str(sign)?;
        clock(f, interval.microseconds.unsigned_abs())?;
    }
    Ok(())
}

/// `04:05:06.5`, of any number of hours.
fn clock(f: &mut impl Write, micros: u64) -> fmt::Result {
    let (hour, minute, second) = (HOUR.unsigned_abs(), MINUTE.unsigned_abs(), SECOND.unsigned_abs());
    write!(f, "{:02}:{:02}:{:02}", micros / hour, micros / minute % 60, micros / second % 60)?;
    fraction(f, i64::try_from(micros % second).unwrap_or(0))
}

/// The parts of an interval as they are read, wide enough that only the whole can be out of range.
#[derive(Default)]
struct Parts {
    months: i64,
    days: i64,
    micros: i128,
}

impl Parts {
    fn add(&mut self, number: i64, months: i64, days: i64, micros: i64) -> Option<()> {
        self.months = self.months.checked_add(number.checked_mul(months)?)?;
        self.days = self.days.checked_add(number.checked_mul(days)?)?;
        self.micros = self.micros.checked_add(i128::from(number).checked_mul(micros.into())?)?;
        Some(())
    }

    fn negated(self) -> Parts {
        // All are far from the ends of their types.
        Parts { months: -self.months, days: -self.days, micros: -self.micros }
    }

    fn whole(self) -> Option<Interval> {
        Some(Interval {
            months: self.months.try_into().ok()?,
            days: self.days.try_into().ok()?,
            microseconds: self.micros.try_into().ok()?,
        })
    }
}

/// A sign, which may be missing, and what comes after it.
fn sign(text: &str) -> (Option<i64>, &str) {
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (Some(-1), rest),
        (_, Some(rest)) => (Some(1), rest),
        _ => (None, text),
    }
}

/// Up to ten digits.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn signed(text: &str) -> Option<i64> {
    let (sign, digits) = sign(text);
    Some(sign.unwrap_or(1) * number(digits)?)
}

/// `6.5` in microseconds.
fn seconds(text: &str) -> Option<i64> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let fraction = match decimals {
        Some(decimals) => {
            let mut decimals = Cursor(decimals.as_bytes());
            decimals.fraction().filter(|_| decimals.is_empty())?
        }
        None => 0,
    };
    number(whole)?.checked_mul(SECOND)?.checked_add(fraction)
}

/// `04:05:06.5` without its sign.
fn read_clock(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let (hours, minutes, rest) = (number(parts.next()?)?, number(parts.next()?)?, seconds(parts.next()?)?);
    if parts.next().is_some() || minutes > 59 || rest >= MINUTE {
        return None;
    }
    Some(i128::from(hours) * i128::from(HOUR) + i128::from(minutes * MINUTE + rest))
}

/// The units in the order in which they are printed: what one is in months, days and microseconds.
const UNITS: [(&str, i64, i64, i64); 6] = [
    ("year", 12, 0, 0),
    ("mon", 1, 0, 0),
    ("day", 0, 1, 0),
    ("hour", 0, 0, HOUR),
    ("min", 0, 0, MINUTE),
    ("sec", 0, 0, SECOND),
];

fn read_postgres(text: &str) -> Option<Interval> {
    let mut parts = Parts::default();
    let (mut words, mut units) = (text.split(' '), UNITS.iter().take(3));
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, clock) = sign(word);
            parts.micros = read_clock(clock)? * i128::from(sign.unwrap_or(1));
            return if words.next().is_none() { parts.whole() } else { None };
        }
        let unit = words.next()?;
        let (_, months, days, micros) = units.find(|(name, ..)| is_unit(unit, name))?;
        parts.add(signed(word)?, *months, *days, *micros)?;
    }
    parts.whole()
}

fn is_unit(word: &str, unit: &str) -> bool {
    word.strip_prefix(unit).is_some_and(|plural| plural.is_empty() || plural == "s")
}

fn read_verbose(text: &str) -> Option<Interval> {
    let (text, ago) = match text.strip_suffix(" ago") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut words = text.strip_prefix("@ ")?.split(' ');
    let mut parts = Parts::default();
    let mut units = UNITS.iter();
    while let Some(word) = words.next() {
        let Some(unit) = words.next() else {
            return (text == "@ 0" && !ago).then_some(Interval::ZERO);
        };
        match units.find(|(name, ..)| is_unit(unit, name))? {
            ("sec", ..) => {
                let (sign, digits) = sign(word);
                let micros = sign.unwrap_or(1).checked_mul(seconds(digits)?)?;
                parts.add(micros, 0, 0, 1)?;
            }
            (_, months, days, micros) => parts.add(signed(word)?, *months, *days, *micros)?,
        }
    }
    if ago { parts.negated().whole() } else { parts.whole() }
}

fn read_sql(text: &str) -> Option<Interval> {
    let year_month = |text: &str| {
        let (years, months) = text.split_once('-')?;
        number(years)?.checked_mul(12)?.checked_add(number(months).filter(|months| *months < 12)?)
    };
    let mut words = text.split(' ');
    let parts = match (words.next()?, words.next(), words.next(), words.next()) {
        ("0", None, ..) => Parts::default(),
        // One sign in front is that of all.
        (word, None, ..) => {
            let (sign, word) = sign(word);
            let (months, micros) =
                if word.contains(':') { (0, read_clock(word)?) } else { (year_month(word)?, 0) };
            let parts = Parts { months, days: 0, micros };
            if sign == Some(-1) { parts.negated() } else { parts }
        }
        (days, Some(clock), None, _) => {
            let (sign, days) = sign(days);
            let parts = Parts { months: 0, days: number(days)?, micros: read_clock(clock)? };
            if sign == Some(-1) { parts.negated() } else { parts }
        }
        // Where signs or kinds are mixed, each has its own.
        (months, Some(days), Some(micros), None) => {
            let of = |(sign, word)| Some((sign?, word));
            let ((months_sign, months), (days_sign, days)): ((i64, _), (i64, _)) =
                (of(sign(months))?, of(sign(days))?);
            let (micros_sign, micros) = of(sign(micros))?;
            Parts {
                months: months_sign * year_month(months)?,
                days: days_sign * number(days)?,
                micros: i128::from(micros_sign) * read_clock(micros)?,
            }
        }
        _ => return None,
    };
    parts.whole()
}

fn read_iso(text: &str) -> Option<Interval> {
    let mut rest = text.strip_prefix('P')?;
    let mut parts = Parts::default();
    // The first unit that may still come.
    let mut next = 0;
    let mut in_time = false;
    while !rest.is_empty() {
        if let (false, Some(after)) = (in_time, rest.strip_prefix('T')) {
            (rest, in_time) = (after, true);
            if rest.is_empty() {
                return None;
            }
        }
        let (value, after) = rest.split_at_checked(rest.find(|c: char| c.is_ascii_uppercase())?)?;
        let letter = after.chars().next()?;
        let at = if in_time { "HMS".find(letter)?.saturating_add(3) } else { "YMD".find(letter)? };
        if at < next {
            return None;
        }
        next = at.saturating_add(1);
        let (_, months, days, micros) = UNITS.get(at)?;
        if letter == 'S' {
            let (sign, digits) = sign(value);
            parts.add(sign.unwrap_or(1).checked_mul(seconds(digits)?)?, 0, 0, 1)?;
        } else {
            parts.add(signed(value)?, *months, *days, *micros)?;
        }
        rest = after.strip_prefix(letter)?;
    }
    (text != "P").then(|| parts.whole())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line as a server prints it in the styles `postgres`, `postgres_verbose`, `sql_standard` and `iso_8601`.
    const PRINTED: &[[&str; 4]] = &[
        ["00:00:00", "@ 0", "0", "PT0S"],
        ["1 year 2 mons", "@ 1 year 2 mons", "1-2", "P1Y2M"],
        ["-1 years -2 mons", "@ 1 year 2 mons ago", "-1-2", "P-1Y-2M"],
        ["3 days 04:05:06.789", "@ 3 days 4 hours 5 mins 6.789 secs", "3 4:05:06.789", "P3DT4H5M6.789S"],
        ["-3 days -04:05:06", "@ 3 days 4 hours 5 mins 6 secs ago", "-3 4:05:06", "P-3DT-4H-5M-6S"],
        ["-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"],
        ["1 mon -1 days", "@ 1 mon -1 days", "+0-1 -1 +0:00:00", "P1M-1D"],
        ["-1 mons +1 day -00:00:01", "@ 1 mon -1 days 1 sec ago", "-0-1 +1 -0:00:01", "P-1M1DT-1S"],
        ["1 day -00:00:00.5", "@ 1 day -0.5 secs", "+0-0 +1 -0:00:00.5", "P1DT-0.5S"],
        ["100:00:00", "@ 100 hours", "100:00:00", "PT100H"],
    ];

    #[test]
    fn every_style_is_read() {
        let styles = [Style::Telling, Style::Telling, Style::Sql, Style::Telling];
        for line in PRINTED {
            let value: Interval = line[0].parse().unwrap();
            assert_eq!(value.to_string(), line[0]);
            for (style, text) in styles.into_iter().zip(line) {
                assert_eq!(style.read(text), Some(value), "{text} in {style:?}");
            }
        }
    }

    #[test]
    fn settings_that_are_not_known_are_named() {
        assert_eq!(Style::of("sql_standard").unwrap(), Style::Sql);
        assert!(Style::of("roman").unwrap_err().message().contains("IntervalStyle \"roman\""));
        assert_eq!(not_in("iso_8601").message(), "not an interval in the IntervalStyle iso_8601");
    }

    #[test]
    fn what_is_in_no_style_is_refused() {
        for (style, text) in [
            (Style::Telling, "1-2"),
            (Style::Sql, "1 year"),
            (Style::Sql, "1 2 3"),
            (Style::Sql, "1-12"),
            (Style::Sql, "-1-2 3 4:05:06"),
            (Style::Telling, "@"),
            (Style::Telling, "@ 1"),
            (Style::Telling, "@ 0 ago"),
            (Style::Telling, "P"),
            (Style::Telling, "PT"),
            (Style::Telling, "P1DT"),
            (Style::Telling, "P1H"),
            (Style::Telling, "P1D2M"),
            (Style::Telling, "P1.5D"),
            (Style::Telling, "PT1S2S"),
            (Style::Telling, "P1"),
            (Style::Telling, "1D"),
            (Style::Telling, "-1 2:03:04"),
        ] {
            assert_eq!(style.read(text), None, "{text} in {style:?}");
        }
    }
}
