//! Feature `with-rust_decimal-1`: `Decimal` <-> `numeric`.
//!
//! A `Decimal` has 96 bits (28 digits) and at most 28 decimals. What it can't hold exactly is an error: NaN, the
//! infinities, more digits. Zeros behind the last decimal are kept as far as they fit in.

use super::numeric::Numeric;
use super::through::{travels_as, unheld};
use crate::error::{Error, Result};
use ::rust_decimal::Decimal;

impl TryFrom<Decimal> for Numeric {
    type Error = Error;

    /// Exactly, with the same decimals; -0 is 0.
    fn try_from(decimal: Decimal) -> Result<Numeric> {
        Numeric::from_mantissa(decimal.mantissa(), u16::try_from(decimal.scale()).unwrap_or(u16::MAX))
    }
}

fn exact(number: &Numeric) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(number.mantissa()?, number.scale().into()).ok()
}

impl TryFrom<Numeric> for Decimal {
    type Error = Error;

    /// NaN, the infinities, and what needs more than 28 decimals or 96 bits are errors.
    fn try_from(number: Numeric) -> Result<Decimal> {
        if !number.is_finite() {
            return Err(unheld(format_args!("the numeric is {number}"), "Decimal", "numeric::Numeric"));
        }
        // Zeros at the end are no part of the value, and go where there is no room for them.
        exact(&number)
            .or_else(|| exact(&number.trim_scale()))
            .ok_or_else(|| unheld("the numeric has too many digits", "Decimal", "numeric::Numeric"))
    }
}

travels_as!(Decimal, Numeric);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, garbage};
    use postgres_types::Type;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::NUMERIC)
            .case(decimal("0"), "0000000000000000", "0")
            .case(decimal("1.00"), "00010000000000020001", "1.00")
            .case(decimal("-12345.678"), "0003000140000003000109291a7c", "-12345.678")
            .case(
                Decimal::MAX,
                "00080007000000000007240c0659059210f1172f112b014f",
                "79228162514264337593543950335",
            );
        garbage::<Decimal>(&Type::NUMERIC);
    }

    #[test]
    fn decimals_are_kept() {
        for text in ["1.00", "0.0000000000000000000000000001", "-7.9228162514264337593543950335", "0.000"] {
            let number = Numeric::try_from(decimal(text)).unwrap();
            assert_eq!(number.to_string(), text);
            assert_eq!(Decimal::try_from(number).unwrap().to_string(), text);
        }
        let minus_zero = -Decimal::new(0, 2);
        assert_eq!(Numeric::try_from(minus_zero).unwrap().to_string(), "0.00");
    }

    #[test]
    fn zeros_for_which_there_is_no_room_are_no_digits() {
        for (text, held) in [
            ("1.500000000000000000000000000000000000", "1.5"),
            ("79228162514264337593543950335.0", "79228162514264337593543950335"),
        ] {
            assert_eq!(Decimal::try_from(text.parse::<Numeric>().unwrap()).unwrap(), decimal(held));
        }
    }

    #[test]
    fn what_a_decimal_cannot_hold_is_an_error() {
        for (text, why) in [
            ("NaN", "the numeric is NaN, which Decimal"),
            ("Infinity", "is Infinity"),
            ("-Infinity", "is -Infinity"),
            ("79228162514264337593543950336", "too many digits"),
            ("0.00000000000000000000000000001", "too many digits"),
            ("1.0000000000000000000000000000000000001", "too many digits"),
            ("1e131071", "too many digits"),
        ] {
            let error = Decimal::try_from(text.parse::<Numeric>().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.message().contains(why) && error.cure().is_some(), "{error}");
        }
    }
}
