//! [`Numeric`] from integers and back, and to and from floats.

use super::value::{Numeric, Sign};
use crate::error::{Error, Result};

fn from_integer(negative: bool, mut magnitude: u128) -> Numeric {
    let mut digits = Vec::with_capacity(10);
    while magnitude > 0 {
        digits.push(u16::try_from(magnitude % 10_000).unwrap_or(0));
        magnitude /= 10_000;
    }
    digits.reverse();
    // 128 bits are at most ten digits.
    let weight = i32::try_from(digits.len()).unwrap_or(0) - 1;
    Numeric::finite(negative, weight, 0, digits).unwrap_or_default()
}

/// The sign and the magnitude of an integer; `None` for all other numbers, and from 2 to the power of 128 on.
fn integer(number: &Numeric) -> Option<(bool, u128)> {
    let whole = usize::try_from(i32::from(number.weight) + 1).ok()?;
    if !number.is_finite() || number.digits.len() > whole || whole > 10 {
        return None;
    }
    let magnitude = (0..=i32::from(number.weight)).rev().try_fold(0_u128, |magnitude, place| {
        magnitude.checked_mul(10_000)?.checked_add(u128::from(number.digit(place)))
    })?;
    Some((number.sign == Sign::Negative, magnitude))
}

#[cold]
fn unheld(number: &Numeric, rust: &str) -> Error {
    let why = match number.sign {
        Sign::NaN | Sign::Infinity | Sign::NegInfinity => format!("is {number}"),
        _ if number.min_scale() > 0 => "has a fraction".to_owned(),
        _ => "is out of range".to_owned(),
    };
    Error::decode(format!("the numeric {why}, which {rust} can't hold"))
        .hint("keep it as a Numeric, or round it in the query")
}

macro_rules! integers {
    ($($rust:ident),+) => { $(
        impl From<$rust> for Numeric {
            #[allow(unused_comparisons, reason = "unsigned ones are never below 0")]
            fn from(number: $rust) -> Numeric {
                integers!(@magnitude $rust number)
            }
        }

        impl TryFrom<&Numeric> for $rust {
            type Error = Error;

            /// A fraction, NaN, an infinity and what is out of range are errors; zeros behind the point are none.
            fn try_from(number: &Numeric) -> Result<$rust> {
                let held = integer(number).and_then(|(negative, magnitude)| match negative {
                    true => 0_i128.checked_sub_unsigned(magnitude).and_then(|number| number.try_into().ok()),
                    false => magnitude.try_into().ok(),
                });
                held.ok_or_else(|| unheld(number, stringify!($rust)))
            }
        }

        impl TryFrom<Numeric> for $rust {
            type Error = Error;

            /// As for a reference.
            fn try_from(number: Numeric) -> Result<$rust> {
                <$rust>::try_from(&number)
            }
        }
    )+ };
    (@magnitude u8 $number:ident) => { from_integer(false, $number.into()) };
    (@magnitude u16 $number:ident) => { from_integer(false, $number.into()) };
    (@magnitude u32 $number:ident) => { from_integer(false, $number.into()) };
    (@magnitude u64 $number:ident) => { from_integer(false, $number.into()) };
    (@magnitude u128 $number:ident) => { from_integer(false, $number) };
    (@magnitude i128 $number:ident) => { from_integer($number < 0, $number.unsigned_abs()) };
    (@magnitude $rust:ident $number:ident) => { from_integer($number < 0, $number.unsigned_abs().into()) };
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl Numeric {
    /// The nearest `f64`: most decimals are none, and what is too great is an infinity.
    pub fn to_f64_lossy(&self) -> f64 {
        // Correctly rounded, by the standard library.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The shortest decimal number that gives the same `f64` back; seldom the exact value of its bits. NaN and the
    /// infinities are themselves, and -0 is 0. (The server's cast keeps 15 digits.)
    pub fn from_f64_lossy(number: f64) -> Numeric {
        // With an exponent, so that there are no zeros to count; 324 decimals at most.
        format!("{number:e}").parse().unwrap_or(Numeric::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::random;
    use std::hash::{BuildHasher, RandomState};

    fn numeric(text: &str) -> Numeric {
        text.parse().unwrap()
    }

    #[test]
    fn integers_go_in_and_come_back() {
        let mut random = random();
        for _ in 0..2000 {
            let number = i128::from(random().cast_signed() >> (random() % 64))
                * i128::from(random() >> (random() % 64));
            assert_eq!(Numeric::from(number).to_string(), number.to_string());
            assert_eq!(i128::try_from(numeric(&number.to_string())).unwrap(), number);
            assert_eq!(Numeric::from(number).mantissa(), Some(number));
        }
        for number in [i128::MIN, i128::MAX, 0, 9999, 10_000, -10_000] {
            assert_eq!(i128::try_from(Numeric::from(number)).unwrap(), number);
            assert_eq!(Numeric::from(number).mantissa(), Some(number));
        }
        assert_eq!(u128::try_from(Numeric::from(u128::MAX)).unwrap(), u128::MAX);
        assert_eq!(
            (i64::try_from(numeric("-7.000")).unwrap(), u8::try_from(numeric("255")).unwrap()),
            (-7, 255)
        );
    }

    #[test]
    fn what_an_integer_cannot_hold_is_an_error_that_says_why() {
        for (text, why) in [
            ("0.5", "has a fraction"),
            ("1e30", "is out of range"),
            ("1e131071", "is out of range"),
            ("9223372036854775808", "is out of range"),
            ("NaN", "is NaN"),
            ("-Infinity", "is -Infinity"),
        ] {
            let error = i64::try_from(numeric(text)).unwrap_err();
            assert_eq!(error.message(), format!("the numeric {why}, which i64 can't hold"));
        }
        assert!(u8::try_from(numeric("-1")).is_err() && u8::try_from(numeric("256")).is_err());
        assert!(u128::try_from(numeric("340282366920938463463374607431768211456")).is_err());
        assert!(i128::try_from(numeric("0.0000000000000000000000000000000000001")).is_err());
    }

    #[test]
    fn the_mantissa_is_the_number_at_its_display_scale() {
        for (text, mantissa, scale) in [
            ("19.90", 1990, 2),
            ("-0.00001", -1, 5),
            ("10000.0", 100_000, 1),
            ("0.000", 0, 3),
            ("123456789.12345", 12_345_678_912_345, 5),
            ("-170141183460469231731687303715884105.728", i128::MIN, 3),
        ] {
            let number = numeric(text);
            assert_eq!((number.mantissa(), number.scale()), (Some(mantissa), scale), "{text}");
            assert_eq!(Numeric::from_mantissa(mantissa, scale).unwrap().to_string(), text);
        }
        assert_eq!(
            (numeric("1e40").mantissa(), numeric("1e131071").mantissa(), Numeric::NAN.mantissa()),
            (None, None, None)
        );
        assert_eq!(numeric("170141183460469231731687303715884105728").mantissa(), None);
        assert!(Numeric::from_mantissa(1, 16_384).is_err());
        assert_eq!(numeric("1.2300").trim_scale().to_string(), "1.23");
        assert_eq!(numeric("1200.00").trim_scale().to_string(), "1200");
        assert_eq!(numeric("0.00").trim_scale().to_string(), "0");
    }

    #[test]
    fn floats_are_the_nearest() {
        let mut random = random();
        for _ in 0..5000 {
            let float = f64::from_bits(random());
            let back = Numeric::from_f64_lossy(float).to_f64_lossy();
            assert!(back == float || back.is_nan() && float.is_nan(), "{float:e}");
        }
        assert_eq!(Numeric::from_f64_lossy(-0.0).to_string(), "0");
        assert_eq!(Numeric::from_f64_lossy(0.1).to_string(), "0.1");
        assert_eq!(Numeric::from_f64_lossy(f64::NEG_INFINITY), Numeric::NEG_INFINITY);
        assert_eq!(numeric("1e400").to_f64_lossy(), f64::INFINITY);
    }

    #[test]
    fn the_order_is_the_servers() {
        let sorted = [
            "-Infinity",
            "-1e9",
            "-10000",
            "-1.5",
            "-0.0001",
            "0",
            "0.00001",
            "0.5",
            "0.51",
            "1",
            "1.0001",
            "9999",
            "10000",
            "10000.5",
            "1e9",
            "Infinity",
            "NaN",
        ];
        for pair in sorted.windows(2) {
            assert!(numeric(pair[0]) < numeric(pair[1]), "{pair:?}");
        }
        let hasher = RandomState::new();
        for (one, other) in [("1.0", "1.00"), ("0", "-0.000"), ("NaN", "nan"), ("100", "1e2")] {
            assert_eq!(numeric(one), numeric(other));
            assert_eq!(hasher.hash_one(numeric(one)), hasher.hash_one(numeric(other)));
        }
    }
}
