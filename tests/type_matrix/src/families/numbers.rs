//! Numbers of a fixed size, and `"char"`.

use super::shown;
use crate::{AnyRow, Row};
use pg_core::types::numeric::Numeric;
use pg_tests::seed::Rng;
use rust_decimal::Decimal;
use std::convert::identity;

/// Half of the numbers are small, so that all lengths of digits come up.
fn bits(rng: &mut Rng) -> u64 {
    let number = rng.number();
    let shift = rng.below(64);
    number >> shift
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    macro_rules! number {
        ($sql:literal, $rust:ty, $make:expr, [$($edge:expr => $text:literal),+ $(,)?]) => {
            Box::new(
                Row::new($sql, stringify!($rust), |rng| {
                    let value: $rust = $make(bits(rng));
                    (value, value.to_string())
                })
                .edges([$(($edge, $text)),+]),
            )
        };
    }
    vec![
        number!("smallint", i16, |n| n as i16, [i16::MIN => "-32768", i16::MAX => "32767", 0 => "0", -1 => "-1"]),
        number!("integer", i32, |n| n as i32, [i32::MIN => "-2147483648", i32::MAX => "2147483647", 0 => "0"]),
        number!("bigint", i64, |n| n as i64, [
            i64::MIN => "-9223372036854775808",
            i64::MAX => "9223372036854775807",
            0 => "0",
        ]),
        number!("oid", u32, |n| n as u32, [u32::MAX => "4294967295", 0 => "0"]),
        number!("real", f32, |n| f32::from_bits(n as u32), [
            f32::NAN => "NaN",
            f32::INFINITY => "Infinity",
            f32::NEG_INFINITY => "-Infinity",
            f32::MAX => "3.4028235e+38",
            f32::MIN_POSITIVE => "1.1754944e-38",
            f32::from_bits(1) => "1e-45",
            0.0 => "0",
            -0.0 => "-0",
            0.1 => "0.1",
            1e6 => "1e+06",
        ]),
        number!("double precision", f64, f64::from_bits, [
            f64::NAN => "NaN",
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            f64::MAX => "1.7976931348623157e+308",
            f64::MIN_POSITIVE => "2.2250738585072014e-308",
            f64::from_bits(1) => "5e-324",
            0.0 => "0",
            -0.0 => "-0",
            0.1 => "0.1",
            1e15 => "1e+15",
        ]),
        Box::new(
            Row::new("numeric", "Numeric", |rng| shown(numeric(rng)))
                .edges(
                    ["NaN", "0", "0.000", "-0.0001", "10000", "123456789012345678901234567890.10"].map(exact),
                )
                .edges_since(14, ["Infinity", "-Infinity"].map(exact))
                .written_as("rust_decimal::Decimal", |number| {
                    Decimal::try_from(number.clone())
                        .ok()
                        .filter(|held| scale_of(held) == number.scale())
                        .map(|held| Box::new(held) as _)
                })
                .read_as("rust_decimal::Decimal", |row| {
                    let number: Numeric = row.get()?;
                    let held = Decimal::try_from(number.clone()).is_ok();
                    let decimal = row.get::<Decimal>();
                    assert_eq!(decimal.is_ok(), held, "{number:?} as Decimal");
                    // With more zeros at its end than there is room for, it is the same number shown in another way.
                    Ok(decimal
                        .ok()
                        .filter(|held| scale_of(held) == number.scale())
                        .and_then(|held| held.try_into().ok()))
                }),
        ),
        // A cast from text to "char" takes the first byte, so that only what is one character can be random.
        Box::new(
            Row::new("\"char\"", "i8", |rng| {
                let byte = 1 + rng.below(127) as u8;
                (byte as i8, char::from(byte).to_string())
            })
            .edges([(0, ""), (32, " "), (39, "'"), (92, "\\"), (127, "\x7f")])
            .edges_since(
                15,
                [(-128, "\\200"), (-1, "\\377")].map(|(byte, text)| (identity::<i8>(byte), text)),
            ),
        ),
    ]
}

fn scale_of(decimal: &Decimal) -> u16 {
    decimal.scale().try_into().expect("at most 28")
}

fn exact(text: &'static str) -> (Numeric, &'static str) {
    (text.parse().expect("a numeric"), text)
}

/// Any number of digits, some with a long way to the decimal point.
fn numeric(rng: &mut Rng) -> Numeric {
    let some = ["0", "0000", "1", "5", "42", "9999", "8070605"];
    let mut digits = String::from(rng.pick(&["", "-"]));
    for _ in 0..1 + rng.below(10) {
        digits.push_str(rng.pick(&some));
    }
    let exponent = i64::try_from(rng.below(60)).expect("small") - 40;
    format!("{digits}e{exponent}").parse().expect("a numeric")
}
