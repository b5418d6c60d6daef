//! The calendar and the units, counted from 2000-01-01, as PostgreSQL counts. The only place that converts.

/// Microseconds.
pub(in crate::types) const SECOND: i64 = 1_000_000;
pub(in crate::types) const MINUTE: i64 = 60 * SECOND;
pub(in crate::types) const HOUR: i64 = 60 * MINUTE;
pub(in crate::types) const DAY: i64 = 24 * HOUR;

/// 1970-01-01, in microseconds.
pub(in crate::types) const UNIX_EPOCH: i64 = -10_957 * DAY;

/// 4714-11-24 BC, day 0 of the Julian calendar, in days: the first day of all types.
pub(in crate::types) const FIRST_DAY: i32 = -2_451_545;
/// 5874897-12-31, in days: the last of `date`.
pub(super) const LAST_DAY: i32 = 2_145_031_948;

/// The first microsecond of timestamps, 4714-11-24 00:00:00 BC, and the first after the last, 294277-01-01.
pub(super) const FIRST: i64 = -211_813_488_000_000_000;
pub(super) const END: i64 = 9_223_371_331_200_000_000;

/// A date of the proleptic Gregorian calendar, `days` after 2000-01-01: year, month, day. Year 0 is 1 BC.
pub(super) fn date(days: i32) -> (i32, u8, u8) {
    // Years are counted from March, so that leap days come last; eras of 400 years all have the same days.
    let days = i64::from(days) + 730_425; // since 0000-03-01
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // 32 bits of days are 24 bits of years; a month and a day are small by construction.
    let small = |number: i64| u8::try_from(number).unwrap_or(0);
    (i32::try_from(year).unwrap_or(0), small(month), small(day))
}

/// Days from 2000-01-01 to a date, which may be outside of a type's range; `None` if there is no such date.
pub(super) fn days(year: i32, month: u8, day: u8) -> Option<i32> {
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
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 730_425;
    i32::try_from(days).ok()
}

/// Microseconds since 2000-01-01 as the day and the microseconds of the day.
pub(super) fn split(micros: i64) -> (i32, i64) {
    // 64 bits of microseconds are 27 bits of days.
    (i32::try_from(micros.div_euclid(DAY)).unwrap_or(0), micros.rem_euclid(DAY))
}

/// A day and the microseconds of the day as microseconds since 2000-01-01; `None` out of the range of timestamps.
pub(super) fn join(days: i32, of_day: i64) -> Option<i64> {
    let micros = i64::from(days).checked_mul(DAY)?.checked_add(of_day)?;
    (FIRST..END).contains(&micros).then_some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::random;

    #[test]
    fn every_day_has_a_date_and_back() {
        let mut random = random();
        let span = u64::from(LAST_DAY.abs_diff(FIRST_DAY));
        let some = (0..50_000).map(|_| FIRST_DAY + i32::try_from(random() % span).unwrap());
        for day in
            (FIRST_DAY..FIRST_DAY + 1000).chain(-1000..1000).chain(LAST_DAY - 1000..=LAST_DAY).chain(some)
        {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), Some(day), "{year}-{month}-{of_month}");
        }
        assert_eq!((date(0), date(59), date(FIRST_DAY)), ((2000, 1, 1), (2000, 2, 29), (-4713, 11, 24)));
        assert_eq!((date(LAST_DAY), date(-730_425)), ((5_874_897, 12, 31), (0, 3, 1)));
    }

    #[test]
    fn dates_that_are_none_have_no_day() {
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0)]
        {
            assert_eq!(days(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!((days(i32::MAX, 1, 1), days(i32::MIN, 1, 1)), (None, None));
    }

    #[test]
    fn the_day_and_its_microseconds_are_split_towards_the_past() {
        assert_eq!((split(-1), split(DAY)), ((-1, DAY - 1), (1, 0)));
        assert_eq!((join(-1, DAY - 1), join(LAST_DAY, 0)), (Some(-1), None));
        assert_eq!((split(i64::MIN).0, split(i64::MAX).0), (-106_751_992, 106_751_991));
    }
}
