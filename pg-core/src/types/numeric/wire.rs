//! The binary form of `numeric`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use super::value::{Numeric, Sign};
use crate::error::{Error, Result};
use crate::message::Format;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEG_INFINITY: u16 = 0xf000;

/// What the server sends as the scale of an infinity; it means nothing.
const SCALE_OF_INFINITY: u16 = 0x20;

impl Adapter for Numeric {
    const TYPE: TypeName = TypeName::Oid(1700);

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        if to.format() == Format::Text {
            return to.text(self);
        }
        let (sign, scale) = match self.sign {
            Sign::Positive => (POSITIVE, self.scale),
            Sign::Negative => (NEGATIVE, self.scale),
            Sign::NaN => (NAN, 0),
            Sign::Infinity => (INFINITY, SCALE_OF_INFINITY),
            Sign::NegInfinity => (NEG_INFINITY, SCALE_OF_INFINITY),
        };
        // The limits leave room for 36,864 digits.
        let count = u16::try_from(self.digits.len())
            .map_err(|_| Error::encode("a numeric of more digits than PostgreSQL takes"))?;
        to.out.reserve(self.digits.len().saturating_mul(2).saturating_add(8));
        to.out.extend_from_slice(&count.to_be_bytes());
        to.out.extend_from_slice(&self.weight.to_be_bytes());
        to.out.extend_from_slice(&sign.to_be_bytes());
        to.out.extend_from_slice(&scale.to_be_bytes());
        to.out.extend(self.digits.iter().flat_map(|digit| digit.to_be_bytes()));
        Ok(IsNull::No)
    }
}

impl<'a> Typecaster<'a> for Numeric {
    const TYPE: TypeName = TypeName::Oid(1700);

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => read(raw.bytes).ok_or_else(|| Error::decode("not a binary numeric")),
            Format::Text => raw.text()?.parse(),
        }
    }
}

fn read(bytes: &[u8]) -> Option<Numeric> {
    let (&[n, n2, w, w2, s, s2, d, d2], digits) = bytes.split_first_chunk::<8>()?;
    let count = u16::from_be_bytes([n, n2]);
    // What came decides how much memory is taken, not what was promised.
    let (digits, []) = digits.as_chunks::<2>() else { return None };
    if digits.len() != usize::from(count) {
        return None;
    }
    let negative = match u16::from_be_bytes([s, s2]) {
        POSITIVE => false,
        NEGATIVE => true,
        NAN if count == 0 => return Some(Numeric::NAN),
        INFINITY if count == 0 => return Some(Numeric::INFINITY),
        NEG_INFINITY if count == 0 => return Some(Numeric::NEG_INFINITY),
        _ => return None,
    };
    let digits: Vec<u16> = digits.iter().map(|digit| u16::from_be_bytes(*digit)).collect();
    if digits.iter().any(|digit| *digit > 9999) {
        return None;
    }
    Numeric::finite(negative, i16::from_be_bytes([w, w2]).into(), u16::from_be_bytes([d, d2]), digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, encode, from_hex, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let numeric = |text: &str| text.parse::<Numeric>().unwrap();
        Cases::of(&Type::NUMERIC)
            .case(Numeric::ZERO, "0000000000000000", "0")
            .case(numeric("0.00"), "0000000000000002", "0.00")
            .case(numeric("1.00"), "00010000000000020001", "1.00")
            .case(numeric("-12345.678"), "0003000140000003000109291a7c", "-12345.678")
            .case(numeric("100000000"), "00010002000000000001", "100000000")
            .case(numeric("0.0000001"), "0001fffe00000007000a", "0.0000001")
            .case(Numeric::NAN, "00000000c0000000", "NaN")
            .case(Numeric::INFINITY, "00000000d0000020", "Infinity")
            .case(Numeric::NEG_INFINITY, "00000000f0000020", "-Infinity");
    }

    #[test]
    fn the_display_scale_is_kept() {
        for text in ["1", "1.0", "1.0000", "0.00000", "-7.10000000"] {
            for format in [Format::Binary, Format::Text] {
                let form = encode(&text.parse::<Numeric>().unwrap(), &Type::NUMERIC, format).unwrap();
                let back: Numeric = decode(&form, &Type::NUMERIC, format).unwrap();
                assert_eq!(back.to_string(), text);
            }
        }
    }

    #[test]
    fn zeros_around_the_digits_are_no_part_of_the_number() {
        let read = |hex: &str| decode::<Numeric>(&from_hex(hex), &Type::NUMERIC, Format::Binary).unwrap();
        assert_eq!(read("0003000100000000000000070000"), Numeric::from(7));
        assert_eq!(read("00010005400000000000"), Numeric::ZERO);
    }

    #[test]
    fn what_is_no_numeric_is_refused() {
        // A digit, a sign, a scale, a count, a special value with digits, a decimal beyond the scale.
        refused::<Numeric>(&Type::NUMERIC, "00010000000000002710", "1,5");
        refused::<Numeric>(&Type::NUMERIC, "00010000800000000001", "one");
        refused::<Numeric>(&Type::NUMERIC, "00010000000040000001", "");
        refused::<Numeric>(&Type::NUMERIC, "ffff0000000000000001", "");
        refused::<Numeric>(&Type::NUMERIC, "00010000c00000000001", "");
        refused::<Numeric>(&Type::NUMERIC, "00010000d00000200001", "");
        refused::<Numeric>(&Type::NUMERIC, "0001ffff000000030001", "");
        refused::<Numeric>(&Type::NUMERIC, "000000000000", "");
        refused::<Numeric>(&Type::NUMERIC, "000100000000000000", "");
        garbage::<Numeric>(&Type::NUMERIC);
    }
}
