//! Numbers of a fixed size: `i16`, `i32`, `i64`, `f32`, `f64`, and `i8` for `"char"`.
//!
//! Binary form: big-endian, exactly as many bytes as the type has. No number is widened, narrowed or rounded: an `i32`
//! doesn't read a `bigint`, and the error names the type that does.
//!
//! Text form of floats: the shortest digits that give the same number back, as the server prints with its default
//! `extra_float_digits` (where two are equally short, the last digit may be another); `NaN`, `Infinity`, `-Infinity`.
//! With an `extra_float_digits` below 1 the server rounds what it prints as text; binary is never rounded.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use std::fmt::{Display, Formatter};
use std::num::FpCategory;
use std::str::FromStr;

macro_rules! integer {
    ($rust:ty, $oid:literal, $sql:literal) => {
        impl Adapter for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                match to.format() {
                    Format::Binary => to.bytes(&self.to_be_bytes()),
                    Format::Text => print(self, to),
                }
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                match raw.format() {
                    Format::Binary => raw.exactly().map(<$rust>::from_be_bytes),
                    Format::Text => parse(raw.bytes, $sql),
                }
            }
        }
    };
}

integer!(i16, 21, "a smallint");
integer!(i32, 23, "an integer");
integer!(i64, 20, "a bigint");

/// Kept out of line, so that the binary form stays small enough to be inlined wherever it is read.
#[inline(never)]
pub(super) fn parse<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    text: &[u8],
    what: &str,
) -> Result<T> {
    match std::str::from_utf8(text) {
        Ok(text) => text.parse().map_err(|e| not_a_number(what, e)),
        Err(e) => Err(not_a_number(what, e)),
    }
}

/// Out of line for the same reason.
#[inline(never)]
pub(super) fn print(number: &dyn Display, to: &mut Encode<'_>) -> Result<IsNull> {
    to.text(number)
}

#[cold]
fn not_a_number(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::decode(format!("not {what}")).with_source(source)
}

/// A float as the server prints it.
pub(super) struct Printed<T>(pub(super) T);

/// Prints what `{:e}` printed as the server does: the exponent has a sign and at least two digits.
fn with_exponent(shortest: &str, f: &mut Formatter<'_>) -> std::fmt::Result {
    let (digits, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    match exponent.strip_prefix('-') {
        Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
        None => write!(f, "{digits}e+{exponent:0>2}"),
    }
}

macro_rules! float {
    ($rust:ty, $oid:literal, $sql:literal, $fixed_below:literal) => {
        impl Display for Printed<$rust> {
            fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                let value = self.0;
                match value.classify() {
                    FpCategory::Nan => f.write_str("NaN"),
                    FpCategory::Infinite if value.is_sign_negative() => f.write_str("-Infinity"),
                    FpCategory::Infinite => f.write_str("Infinity"),
                    FpCategory::Zero => write!(f, "{value}"),
                    _ if (1e-4..$fixed_below).contains(&value.abs()) => write!(f, "{value}"),
                    _ => with_exponent(&format!("{value:e}"), f),
                }
            }
        }

        impl Adapter for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                match to.format() {
                    Format::Binary => to.bytes(&self.to_be_bytes()),
                    Format::Text => print(&Printed(*self), to),
                }
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = TypeName::Oid($oid);

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                if raw.format() == Format::Binary {
                    return raw.exactly().map(<$rust>::from_be_bytes);
                }
                let value: $rust = parse(raw.bytes, $sql)?;
                // Digits beyond the type's range are parsed as an infinity, which would be another value.
                if value.is_infinite() && raw.bytes.iter().any(u8::is_ascii_digit) {
                    return Err(Error::decode(concat!("the number is out of the range of ", $sql)));
                }
                Ok(value)
            }
        }
    };
}

// The server prints an exponent from these powers of ten on: 6 and 15 digits are what the types surely hold.
float!(f32, 700, "a real", 1e6);
float!(f64, 701, "a double precision", 1e15);

/// `"char"`: one byte, of no encoding; not to be taken for `char(n)`, which is text. Text form: the byte, from 128 on
/// three octal digits behind a backslash, and nothing at all for 0. Servers before 15 have no text form from 128 on.
impl Adapter for i8 {
    const TYPE: TypeName = TypeName::Oid(18);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let [byte] = self.to_be_bytes();
        match (to.format(), byte) {
            (Format::Binary, _) => to.bytes(&[byte]),
            (Format::Text, 0) => Ok(IsNull::No),
            (Format::Text, 1..=127) => to.bytes(&[byte]),
            (Format::Text, 128..) => {
                let version = &to.settings.server_version;
                if matches!(
                    version.split_once('.').unwrap_or((version, "")).0,
                    "9" | "10" | "11" | "12" | "13" | "14"
                ) {
                    return Err(Error::encode("before PostgreSQL 15 a negative \"char\" has no text form")
                        .hint("send it as a parameter of its own, which goes in binary"));
                }
                to.text(format_args!("\\{byte:03o}"))
            }
        }
    }
}

impl<'a> Typecaster<'a> for i8 {
    const TYPE: TypeName = TypeName::Oid(18);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let byte = match (raw.format(), raw.bytes) {
            (_, [byte]) => Some(*byte),
            (Format::Text, []) => Some(0),
            (Format::Text, [b'\\', octal @ ..]) => super::bytes::octal(octal),
            _ => None,
        };
        match byte {
            Some(byte) => Ok(i8::from_be_bytes([byte])),
            None => Err(Error::decode("not a \"char\": it has one byte")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::message::Format;
    use crate::types::cases::{Cases, encode, garbage, mismatched, random, refused};
    use postgres_types::Type;

    #[test]
    fn integers_have_the_servers_forms() {
        Cases::of(&Type::INT2).case(i16::MIN, "8000", "-32768").case(i16::MAX, "7fff", "32767");
        Cases::of(&Type::INT4).case(-1i32, "ffffffff", "-1").case(i32::MAX, "7fffffff", "2147483647");
        Cases::of(&Type::INT8).case(i64::MIN, "8000000000000000", "-9223372036854775808").case(
            0i64,
            "0000000000000000",
            "0",
        );
    }

    #[test]
    fn char_is_a_byte_of_no_encoding() {
        Cases::of(&Type::CHAR)
            .case(97i8, "61", "a")
            .case(0i8, "00", "")
            .case(-127i8, "81", "\\201")
            .case(92i8, "5c", "\\");
    }

    #[test]
    fn floats_have_the_servers_forms() {
        Cases::of(&Type::FLOAT4)
            .case(0f32, "00000000", "0")
            .case(-0f32, "80000000", "-0")
            .case(1.5f32, "3fc00000", "1.5")
            .case(1e15f32, "58635fa9", "1e+15")
            .case(1.2345679e8f32, "4ceb79a3", "1.2345679e+08")
            .case(1234567f32, "4996b438", "1.234567e+06")
            .case(1e-5f32, "3727c5ac", "1e-05")
            .case(0.0001f32, "38d1b717", "0.0001")
            .case(f32::MAX, "7f7fffff", "3.4028235e+38")
            .case(f32::from_bits(1), "00000001", "1e-45")
            .case(f32::INFINITY, "7f800000", "Infinity")
            .case(f32::NEG_INFINITY, "ff800000", "-Infinity");
        Cases::of(&Type::FLOAT8)
            .case(0f64, "0000000000000000", "0")
            .case(-0f64, "8000000000000000", "-0")
            .case(1.5f64, "3ff8000000000000", "1.5")
            .case(1e15f64, "430c6bf526340000", "1e+15")
            .case(123456789012345678f64, "437b69b4ba630f35", "1.2345678901234568e+17")
            .case(1e-5f64, "3ee4f8b588e368f1", "1e-05")
            .case(0.0001f64, "3f1a36e2eb1c432d", "0.0001")
            .case(f64::MAX, "7fefffffffffffff", "1.7976931348623157e+308")
            .case(f64::from_bits(1), "0000000000000001", "5e-324")
            .case(0.1f64, "3fb999999999999a", "0.1")
            .case(f64::INFINITY, "7ff0000000000000", "Infinity")
            .case(f64::NEG_INFINITY, "fff0000000000000", "-Infinity");
        // NaN equals nothing, so it is compared by its forms.
        assert_eq!(encode(&f64::NAN, &Type::FLOAT8, Format::Text).unwrap(), b"NaN");
        assert_eq!(encode(&f64::NAN, &Type::FLOAT8, Format::Binary).unwrap(), f64::NAN.to_be_bytes());
        assert!(crate::types::cases::decode::<f32>(b"NaN", &Type::FLOAT4, Format::Text).unwrap().is_nan());
    }

    #[test]
    fn floats_come_back_from_their_text_bit_by_bit() {
        let mut random = random();
        for _ in 0..20_000 {
            let (long, short) = (f64::from_bits(random()), f32::from_bits((random() >> 32) as u32));
            let text = encode(&long, &Type::FLOAT8, Format::Text).unwrap();
            let back: f64 = crate::types::cases::decode(&text, &Type::FLOAT8, Format::Text).unwrap();
            assert!(back.to_bits() == long.to_bits() || long.is_nan() && back.is_nan());
            let text = encode(&short, &Type::FLOAT4, Format::Text).unwrap();
            let back: f32 = crate::types::cases::decode(&text, &Type::FLOAT4, Format::Text).unwrap();
            assert!(back.to_bits() == short.to_bits() || short.is_nan() && back.is_nan());
        }
    }

    #[test]
    fn other_sizes_and_other_texts_are_refused() {
        refused::<i16>(&Type::INT2, "000001", "32768");
        refused::<i32>(&Type::INT4, "0000000000000001", "");
        refused::<i64>(&Type::INT8, "00000001", "1.5");
        refused::<f32>(&Type::FLOAT4, "0000000000000000", "1e39");
        refused::<f64>(&Type::FLOAT8, "00000000", "one");
        refused::<i8>(&Type::CHAR, "", "\\477");
        garbage::<i8>(&Type::CHAR);
        garbage::<i16>(&Type::INT2);
        garbage::<i32>(&Type::INT4);
        garbage::<i64>(&Type::INT8);
        garbage::<f32>(&Type::FLOAT4);
        garbage::<f64>(&Type::FLOAT8);
    }

    #[test]
    fn another_type_is_an_error_that_names_the_cure() {
        let (read, written) = mismatched::<i32>(&Type::INT8);
        assert_eq!(read.message(), "the SQL type is int8, but i32 stands for int4");
        assert_eq!(
            read.cure().unwrap(),
            "use i64 in place of i32, or cast the column or field: `... :: int4`"
        );
        assert_eq!(written.message(), "the SQL type is int8, but i32 is written as int4");
        assert_eq!(written.cure().unwrap(), "use i64 in place of i32, or cast the parameter: `$1 :: int4`");
    }
}
