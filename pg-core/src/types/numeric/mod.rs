//! Exact numbers: [`Numeric`] <-> `numeric`, of any precision and scale, with `NaN`, `Infinity` and `-Infinity`.
//!
//! Binary form: four 16-bit numbers (how many digits, the weight of the first, the sign, the display scale) and the
//! digits, each 0 to 9999: base 10,000. A [`Numeric`] keeps just that, so nothing is converted on the way. Text form:
//! the number with as many decimals as its display scale says, never with an exponent.
//!
//! Limits are the server's: 131,072 digits before the decimal point, 16,383 behind. The infinities came with
//! PostgreSQL 14. See the manual, "Arbitrary Precision Numbers".

mod convert;
mod text;
mod value;
mod wire;

pub use value::Numeric;
