//! Amounts: [`Money`] <-> `money`.
//!
//! Binary form: the amount in the currency's smallest unit (cents), 64 bits. How many of them make one of the currency,
//! and which one it is, is nowhere in the value: both follow the database's `lc_monetary`, and so does the text form.
//!
//! - **Text is read** where it says one thing only: its digits, all in a row, are the number of units, whatever the
//!   separators, and one minus or a pair of parentheses makes it negative. Anything else is refused.
//! - **Text is not written**: `1.23` would be 123 units or 12,300 or 1. A parameter goes in binary and is right; inside
//!   of a
//!   composite or array that travels as text it is an error.
//!
//! The manual itself advises `numeric` for new tables ("Monetary Types").

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;

/// A `money`: an amount in the currency's smallest unit. It is ordered as on the server.
///
/// ```
/// use pg_core::types::money::Money;
/// let price = Money(1999); // 19.99 where a currency has cents
/// assert!(price < Money(2000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Adapter for Money {
    const TYPE: TypeName = TypeName::Oid(790);

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&self.0.to_be_bytes()),
            Format::Text => Err(Error::encode(
                "a money can't be written as text: what the text means follows the server's lc_monetary",
            )
            .hint("send it as a parameter of its own, or send a numeric and cast it: `$1::numeric::money`")),
        }
    }
}

impl<'a> Typecaster<'a> for Money {
    const TYPE: TypeName = TypeName::Oid(790);

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => raw.exactly().map(i64::from_be_bytes).map(Money),
            Format::Text => read(raw.text()?).map(Money).ok_or_else(|| {
                Error::decode("not a money that can be read whatever lc_monetary is")
                    .hint("cast it in the query: `column::numeric`")
            }),
        }
    }
}

fn read(text: &str) -> Option<i64> {
    let (mut units, mut digits, mut minus, mut open, mut close) = (0_i128, 0, 0, 0, 0);
    for c in text.chars() {
        match c {
            '0'..='9' => {
                units = units.checked_mul(10)?.checked_add(c.to_digit(10)?.into())?;
                digits += 1;
            }
            '-' | '\u{2212}' => minus += 1,
            '(' => open += 1,
            ')' => close += 1,
            // A currency, separators and blanks; not what would be another number.
            _ if c.is_numeric() || c == '+' => return None,
            _ => {}
        }
    }
    let negative = match (minus, open, close) {
        (0, 0, 0) => false,
        (1, 0, 0) | (0, 1, 1) => true,
        _ => return None,
    };
    let units = if negative { -units } else { units };
    if digits == 0 { None } else { units.try_into().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{decode, encode, from_hex, refused};
    use postgres_types::Type;

    #[test]
    fn the_binary_form_is_the_units() {
        for (units, hex) in
            [(123, "000000000000007b"), (-123, "ffffffffffffff85"), (i64::MIN, "8000000000000000")]
        {
            assert_eq!(encode(&Money(units), &Type::MONEY, Format::Binary).unwrap(), from_hex(hex));
            assert_eq!(decode::<Money>(&from_hex(hex), &Type::MONEY, Format::Binary).unwrap(), Money(units));
        }
    }

    #[test]
    fn text_of_any_locale_is_its_digits_and_its_sign() {
        for (text, units) in [
            ("$1.23", 123),
            ("-$1,234,567.89", -123_456_789),
            ("($0.05)", -5),
            ("1.234,56 \u{20ac}", 123_456),
            ("\u{2212}1\u{202f}234,56 kr", -123_456),
            ("\u{ffe5}-123", -123),
            ("Rs. 12,34,567.00", 123_456_700),
            ("-$92,233,720,368,547,758.08", i64::MIN),
        ] {
            let read = decode::<Money>(text.as_bytes(), &Type::MONEY, Format::Text).unwrap();
            assert_eq!(read, Money(units), "{text}");
        }
    }

    #[test]
    fn what_says_more_than_one_thing_is_refused() {
        for bad in ["$", "--1", "-(1)", "(1", "+1", "\u{bd}", "92,233,720,368,547,758.08"] {
            refused::<Money>(&Type::MONEY, "00", bad);
        }
        let error = encode(&Money(1), &Type::MONEY, Format::Text).unwrap_err();
        assert!(error.message().contains("lc_monetary") && error.cure().unwrap().contains("numeric::money"));
    }
}
