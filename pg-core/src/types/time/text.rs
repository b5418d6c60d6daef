//! The text forms of dates and times: printed in `DateStyle = ISO`, read in each style.

use super::super::context::Settings;
use super::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::error::{Error, Result};
use std::fmt;

/// How the session prints dates: `DateStyle` and what of `TimeZone` is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'s> {
    order: Order,
    date_style: &'s str,
    time_zone: &'s str,
}

/// The order of a date's parts, and what stands between them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    /// `1997-12-17`
    Iso,
    /// `12/17/1997`, `17/12/1997`
    Sql { day_first: bool },
    /// `12-17-1997`, `17-12-1997`; in timestamps `Wed Dec 17 07:37:16 1997`, `Wed 17 Dec ..`
    Postgres { day_first: bool },
    /// `17.12.1997`
    German,
}

/// What an instant's text is read with: the zone at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Zone {
    /// `timestamp`: none.
    Without,
    /// `timestamptz`.
    With,
}

impl<'s> Style<'s> {
    pub(super) const ISO: Style<'static> = Style { order: Order::Iso, date_style: "ISO", time_zone: "" };

    /// What the settings say. A session that has reported none is taken at the server's default, ISO.
    pub(super) fn of(settings: &'s Settings) -> Result<Style<'s>> {
        let date_style = settings.date_style.as_str();
        let (style, order) = date_style.split_once(", ").unwrap_or((date_style, ""));
        let day_first = order == "DMY";
        let order = match style {
            "" | "ISO" => Order::Iso,
            "SQL" => Order::Sql { day_first },
            "Postgres" => Order::Postgres { day_first },
            "German" => Order::German,
            _ => {
                return Err(Error::decode(format!(
                    "a date or time came as text in the DateStyle {date_style:?}, which is not known"
                ))
                .hint("`set datestyle = 'ISO'`"));
            }
        };
        Ok(Style { order, date_style, time_zone: &settings.time_zone })
    }

    fn name(&self) -> &'s str {
        if self.date_style.is_empty() { "ISO" } else { self.date_style }
    }

    /// The error of a text that isn't in this style.
    #[cold]
    pub(super) fn not(&self, what: &str) -> Error {
        Error::decode(format!("not a {what} in the DateStyle {}", self.name()))
    }

    /// Reads a date, days since 2000-01-01.
    pub(super) fn date(&self, text: &[u8]) -> Result<i32> {
        let read = || {
            let mut text = Cursor(text);
            let date = text.date(self.order)?;
            text.days(date)
        };
        read().ok_or_else(|| self.not("date"))
    }

    /// Reads a timestamp, microseconds since 2000-01-01.
    pub(super) fn timestamp(&self, text: &[u8], zone: Zone) -> Result<i64> {
        let what = if zone == Zone::With { "timestamptz" } else { "timestamp" };
        let mut text = Cursor(text);
        let parts = match self.order {
            Order::Postgres { day_first } => text.spelled_out(day_first),
            order => text.date_and_time(order),
        };
        let (date, of_day) = parts.ok_or_else(|| self.not(what))?;
        let offset = match zone {
            Zone::Without => 0,
            Zone::With if self.order == Order::Iso => text.offset().ok_or_else(|| self.not(what))?,
            Zone::With => self.abbreviation(&mut text)?,
        };
        let read = || calendar::join(text.days(date)?, of_day.checked_sub(offset * SECOND)?);
        read().ok_or_else(|| self.not(what))
    }

    /// The abbreviation of a zone, which tells an offset only where the session's zone is UTC: any zone may call itself
    /// so, and most share theirs.
    fn abbreviation(&self, text: &mut Cursor<'_>) -> Result<i64> {
        const UTC: [&str; 8] = ["UTC", "Etc/UTC", "UCT", "Etc/UCT", "GMT", "Etc/GMT", "Universal", "Zulu"];
        if UTC.iter().any(|utc| self.time_zone.eq_ignore_ascii_case(utc))
            && [&b" UTC"[..], b" GMT"].into_iter().any(|zone| text.word(zone))
        {
            return Ok(0);
        }
        Err(Error::decode(format!(
            "a timestamptz came as text in the DateStyle {} and the TimeZone {:?}: the zone's abbreviation doesn't tell the offset",
            self.name(),
            self.time_zone
        ))
        .hint("`set datestyle = 'ISO'`, or `set timezone = 'UTC'`"))
    }
}

/// `12:34:56.5`, without zeros at the end, as the server prints the microseconds of a day.
pub(super) struct Clock(pub(super) i64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clock(micros) = *self;
        write!(f, "{:02}:{:02}:{:02}", micros / HOUR, micros / MINUTE % 60, micros / SECOND % 60)?;
        fraction(f, micros % SECOND)
    }
}

/// `.5`: microseconds of a second, without zeros at the end.
pub(in crate::types) fn fraction(f: &mut impl fmt::Write, micros: i64) -> fmt::Result {
    if micros == 0 {
        return Ok(());
    }
    let (mut digits, mut width) = (micros, 6);
    while digits % 10 == 0 {
        digits /= 10;
        width -= 1;
    }
    write!(f, ".{digits:0width$}")
}

/// `+05:30`, `-03:30:52`, `+00`: an offset in seconds east of UTC.
pub(super) struct Offset(pub(super) i32);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, seconds) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}", seconds / 3600)?;
        match (seconds / 60 % 60, seconds % 60) {
            (0, 0) => Ok(()),
            (minutes, 0) => write!(f, ":{minutes:02}"),
            (minutes, seconds) => write!(f, ":{minutes:02}:{seconds:02}"),
        }
    }
}

/// Days since 2000-01-01, and what stands between the date and the `BC` of those before year 1.
pub(super) struct Day<T>(pub(super) i32, pub(super) T);

impl<T: fmt::Display> fmt::Display for Day<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = calendar::date(self.0);
        let (era, year) = if year > 0 { ("", year) } else { (" BC", 1 - year) };
        write!(f, "{year:04}-{month:02}-{day:02}{}{era}", self.1)
    }
}

/// Year, month and day as written: the year from 1 on, before it is known whether it is BC.
type Written = (i32, u8, u8);

/// A cursor over digits and what stands between them.
pub(in crate::types) struct Cursor<'a>(pub(in crate::types) &'a [u8]);

impl Cursor<'_> {
    pub(in crate::types) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.word(&[byte])
    }

    pub(super) fn word(&mut self, word: &[u8]) -> bool {
        match self.0.strip_prefix(word) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// A number of `least` to `most` digits, nine at the most.
    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        let count = self.0.iter().take(most).take_while(|c| c.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        (count >= least).then(|| digits.iter().fold(0, |n, c| n * 10 + i32::from(c & 15)))
    }

    fn two(&mut self) -> Option<u8> {
        u8::try_from(self.number(2, 2)?).ok()
    }

    /// `byte`, and a number of two digits.
    fn after(&mut self, byte: u8) -> Option<u8> {
        if self.take(byte) { self.two() } else { None }
    }

    fn year(&mut self) -> Option<i32> {
        self.number(4, 7).filter(|year| *year > 0)
    }

    /// A date in numbers.
    fn date(&mut self, order: Order) -> Option<Written> {
        let (day_first, between) = match order {
            Order::Iso => {
                let year = self.year()?;
                return Some((year, self.after(b'-')?, self.after(b'-')?));
            }
            Order::Sql { day_first } => (day_first, b'/'),
            Order::Postgres { day_first } => (day_first, b'-'),
            Order::German => (true, b'.'),
        };
        let (first, second) = (self.two()?, self.after(between)?);
        if !self.take(between) {
            return None;
        }
        let (month, day) = if day_first { (second, first) } else { (first, second) };
        Some((self.year()?, month, day))
    }

    fn date_and_time(&mut self, order: Order) -> Option<(Written, i64)> {
        let date = self.date(order)?;
        let of_day = if self.take(b' ') { self.clock()? } else { return None };
        (of_day < DAY).then_some((date, of_day))
    }

    /// `Wed Dec 17 07:37:16 1997`, or with the day before the month.
    fn spelled_out(&mut self, day_first: bool) -> Option<(Written, i64)> {
        const DAYS: [&[u8]; 7] = [b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun "];
        const MONTHS: [&[u8]; 12] =
            [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
        if !DAYS.iter().any(|day| self.word(day)) {
            return None;
        }
        let month = |text: &mut Self| {
            MONTHS.iter().zip(1u8..).find_map(|(name, number)| text.word(name).then_some(number))
        };
        let (month, day) = if day_first {
            let day = self.two()?;
            (if self.take(b' ') { month(self)? } else { return None }, day)
        } else {
            (month(self)?, self.after(b' ')?)
        };
        let of_day = if self.take(b' ') { self.clock()? } else { return None };
        let year = if self.take(b' ') { self.year()? } else { return None };
        (of_day < DAY).then_some(((year, month, day), of_day))
    }

    /// `12:34:56.5` in microseconds; up to `24:00:00`, and no leap second.
    pub(super) fn clock(&mut self) -> Option<i64> {
        let (hour, minute, second) = (self.two()?, self.after(b':')?, self.after(b':')?);
        if minute > 59 || second > 59 {
            return None;
        }
        let fraction = if self.take(b'.') { self.fraction()? } else { 0 };
        let of_day =
            i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND + fraction;
        (of_day <= DAY).then_some(of_day)
    }

    /// One to six digits of a second, in microseconds.
    pub(in crate::types) fn fraction(&mut self) -> Option<i64> {
        let before = self.0.len();
        let mut fraction = i64::from(self.number(1, 6)?);
        for _ in before.saturating_sub(self.0.len())..6 {
            fraction *= 10;
        }
        Some(fraction)
    }

    /// `+05:30`, in seconds east of UTC; at most 99 hours.
    pub(super) fn offset(&mut self) -> Option<i64> {
        let sign = match (self.take(b'+'), self.take(b'-')) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return None,
        };
        let mut seconds = i64::from(self.two()?) * 3600;
        for unit in [60, 1] {
            if !self.take(b':') {
                break;
            }
            match self.two()? {
                part @ 0..60 => seconds += i64::from(part) * unit,
                _ => return None,
            }
        }
        Some(sign * seconds)
    }

    /// The day of a date, of whose text nothing but the era is left.
    fn days(&self, (year, month, day): Written) -> Option<i32> {
        let year = match self.0 {
            b"" => year,
            b" BC" => 1 - year,
            _ => return None,
        };
        calendar::days(year, month, day)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::decode_in;
    use crate::types::context::Context;
    use crate::types::typecaster::TypecasterOwned;
    use postgres_types::Type;
    use std::sync::Arc;

    /// Reads text as of a session with these settings.
    pub(in super::super) fn in_style<T: TypecasterOwned>(
        text: &str,
        type_: &Type,
        date_style: &str,
        time_zone: &str,
    ) -> Result<T> {
        let settings = Settings {
            date_style: date_style.to_owned(),
            time_zone: time_zone.to_owned(),
            ..Settings::default()
        };
        let context = Context { settings: Arc::new(settings), ..Context::default() };
        decode_in(text.as_bytes(), type_, Format::Text, &context)
    }

    #[test]
    fn offsets_and_fractions_are_printed_as_short_as_the_server_prints_them() {
        let offset = |seconds| Offset(seconds).to_string();
        assert_eq!(
            [offset(0), offset(-12_600), offset(-12_652), offset(57_599), offset(5)],
            ["+00", "-03:30", "-03:30:52", "+15:59:59", "+00:00:05"]
        );
        assert_eq!(
            [1, 10, 500_000, 0].map(|micros| Clock(micros).to_string()),
            ["00:00:00.000001", "00:00:00.00001", "00:00:00.5", "00:00:00"]
        );
    }
}
