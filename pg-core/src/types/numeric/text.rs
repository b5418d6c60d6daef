//! The text form of `numeric`.

use super::value::{MAX_SCALE, Numeric, Sign, WIDTH};
use crate::error::{Error, Result};
use std::fmt::{self, Write};
use std::str::FromStr;

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sign {
            Sign::NaN => return f.write_str("NaN"),
            Sign::Infinity => return f.write_str("Infinity"),
            Sign::NegInfinity => return f.write_str("-Infinity"),
            Sign::Negative => f.write_char('-')?,
            Sign::Positive => {}
        }
        let weight = i32::from(self.weight);
        write!(f, "{}", self.digit(weight.max(0)))?;
        for place in (0..weight).rev() {
            write!(f, "{:04}", self.digit(place))?;
        }
        if self.scale > 0 {
            f.write_char('.')?;
        }
        let mut left = usize::from(self.scale);
        for place in 1..=i32::from(self.scale.div_ceil(4)) {
            let (digit, width) = (self.digit(-place), left.min(4));
            // Of the last digit only some decimals may be shown; the others are zero.
            let hidden = [1, 1000, 100, 10].get(width % 4).copied().unwrap_or(1);
            write!(f, "{:0width$}", digit / hidden)?;
            left = left.saturating_sub(width);
        }
        Ok(())
    }
}

impl fmt::Debug for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numeric({self})")
    }
}

impl FromStr for Numeric {
    type Err = Error;

    /// What the server reads: blanks around, a sign, decimals, an exponent, `NaN`, `inf` and `infinity` in any case. Not
    /// the hexadecimal and other integers of PostgreSQL 16.
    fn from_str(text: &str) -> Result<Numeric> {
        parse(text.trim_ascii().as_bytes()).ok_or_else(|| Error::decode("not a numeric"))
    }
}

fn parse(text: &[u8]) -> Option<Numeric> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(Numeric::NAN);
    }
    if unsigned.eq_ignore_ascii_case(b"infinity") || unsigned.eq_ignore_ascii_case(b"inf") {
        return Some(if negative { Numeric::NEG_INFINITY } else { Numeric::INFINITY });
    }
    let (whole, rest) = digits(unsigned)?;
    let (decimals, rest) = match rest {
        [b'.', rest @ ..] => digits(rest)?,
        rest => (&[][..], rest),
    };
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', exponent @ ..] => {
            // As the server, which takes no more than half of 32 bits; and no second sign.
            let exponent: i32 = std::str::from_utf8(exponent).ok()?.parse().ok()?;
            if exponent.unsigned_abs() >= i32::MAX.unsigned_abs() / 2 {
                return None;
            }
            i64::from(exponent)
        }
        _ => return None,
    };
    from_decimal(negative, whole, decimals, exponent)
}

/// Decimal digits, and what comes after them.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(text.iter().take_while(|c| c.is_ascii_digit()).count())
}

impl Numeric {
    /// An integer divided by 10 to the power of `scale`, which becomes the display scale.
    ///
    /// # Errors
    /// An encode error for a scale above 16,383.
    pub fn from_mantissa(mantissa: i128, scale: u16) -> Result<Numeric> {
        let digits = mantissa.unsigned_abs().to_string();
        from_decimal(mantissa < 0, digits.as_bytes(), b"", -i64::from(scale))
            .ok_or_else(|| Error::encode(format!("a scale of {scale}: numeric has 16383 decimals at most")))
    }
}

/// The number `whole.decimals` times 10 to the power of `exponent`; the digits are ASCII's. `None` beyond the limits.
fn from_decimal(negative: bool, whole: &[u8], decimals: &[u8], exponent: i64) -> Option<Numeric> {
    let scale = i64::try_from(decimals.len()).ok()?.checked_sub(exponent)?.max(0);
    let scale = u16::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE)?;
    // Zeros in front say nothing, and may be more than a weight can count.
    let zeros = whole.iter().chain(decimals).take_while(|digit| **digit == b'0').count();
    // So many decimal digits stand before the decimal point.
    let before =
        i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(i64::try_from(zeros).ok()?)?;
    let significant = whole.iter().chain(decimals).skip(zeros);
    let count = whole.len().checked_add(decimals.len())?.checked_sub(zeros)?;
    // The point stands between two of our digits: the first is filled up with zeros in front.
    let width = i64::from(WIDTH);
    let filled = usize::try_from((-before).rem_euclid(width)).ok()?;
    let weight = before.checked_add(width - 1)?.div_euclid(width).checked_sub(1)?;
    let mut digits = Vec::with_capacity(count.div_ceil(4).saturating_add(1));
    let (mut digit, mut taken) = (0, filled);
    for decimal in significant {
        digit = digit * 10 + u16::from(decimal & 15);
        taken += 1;
        if taken == 4 {
            digits.push(digit);
            (digit, taken) = (0, 0);
        }
    }
    if taken > 0 {
        let missing = [1, 1000, 100, 10].get(taken).copied().unwrap_or(1);
        digits.push(digit * missing);
    }
    // Of a number without digits the weight says nothing.
    let weight = if count == 0 { 0 } else { i32::try_from(weight).ok()? };
    Numeric::finite(negative, weight, scale, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_reads_is_read_as_it_reads_it() {
        for (text, shown) in [
            ("-0.00", "0.00"),
            ("  +1.50\n", "1.50"),
            ("1e2", "100"),
            ("1.5e-3", "0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0e5", "0"),
            ("0e100000000", "0"),
            ("1.200E+1", "12.00"),
            ("12345678.90123", "12345678.90123"),
            ("100000000", "100000000"),
            ("0.00012", "0.00012"),
            ("00000000000000000001", "1"),
            ("nan", "NaN"),
            ("INF", "Infinity"),
            ("-inf", "-Infinity"),
            ("+Infinity", "Infinity"),
        ] {
            assert_eq!(text.parse::<Numeric>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn the_limits_are_the_servers() {
        assert_eq!("1e131071".parse::<Numeric>().unwrap().to_string().len(), 131_072);
        assert_eq!("1e-16383".parse::<Numeric>().unwrap().to_string().len(), 16_385);
        for bad in ["1e131072", "1e-16384", "0e-16384", "1e1073741823", "1e9999999999", "1e-9999999999"] {
            assert!(bad.parse::<Numeric>().is_err(), "{bad}");
        }
        // As many zeros in front as there is room for, and behind.
        let zeros = "0".repeat(200_000);
        assert_eq!(format!("{zeros}7").parse::<Numeric>().unwrap(), Numeric::from(7));
        assert!(format!("0.{zeros}").parse::<Numeric>().is_err());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [
            "", " ", ".", "-", "+-1", "--1", "1.2.3", "1e", "1e+", "1e+-1", "e5", "-nan", "infinit", "1 2",
            "0x1f", "1_000", "\u{664}",
        ] {
            assert!(bad.parse::<Numeric>().is_err(), "{bad}");
        }
    }
}
