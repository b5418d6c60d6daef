//! Strings of bits: [`Bits`] <-> `bit varying`, and `bit(n)`.
//!
//! Binary form: the number of bits (32 bits), then the bits, eight to a byte, the first the most significant; what is
//! left of the last byte is zero. Text form: `0` and `1`.
//!
//! A parameter on its own is a `bit varying`, which the server takes for a `bit(n)` too: of exactly `n` bits, or it is
//! an error there.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use std::fmt::{self, Write};
use std::str::FromStr;

/// A `bit varying` or `bit(n)`: any number of bits, ordered as on the server.
///
/// ```
/// use pg_core::types::bit::Bits;
/// let bits: Bits = [true, false, true].into_iter().collect();
/// assert_eq!((bits.to_string().as_str(), bits.len(), bits.get(1)), ("101", 3, Some(false)));
/// assert_eq!(bits, "101".parse()?);
/// assert_eq!((bits.as_bytes(), Bits::new(vec![0b1010_0000], 3)?), (&[0b1010_0000][..], bits.clone()));
/// # Ok::<(), pg_core::Error>(())
/// ```
// The order of the fields is the server's order: by the bytes, then by the length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// The first `len` bits of `bytes`, eight to a byte, the most significant first.
    ///
    /// # Errors
    /// An encode error unless `bytes` are just as many as `len` bits take, and zero after the last of them.
    pub fn new(bytes: Vec<u8>, len: usize) -> Result<Bits> {
        Bits::of(&bytes, len).then_some(Bits { bytes, len }).ok_or_else(|| {
            Error::encode(format!("{len} bits are as many bytes as hold them, with zeros after the last"))
        })
    }

    /// Whether these are the bytes of so many bits.
    fn of(bytes: &[u8], len: usize) -> bool {
        let unused = 0xff_u8.checked_shr(u32::try_from(len % 8).unwrap_or(0)).unwrap_or(0);
        bytes.len() == len.div_ceil(8)
            && (len.is_multiple_of(8) || bytes.last().is_some_and(|last| last & unused == 0))
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bit at `index`, from the left; `None` behind the last.
    pub fn get(&self, index: usize) -> Option<bool> {
        if index >= self.len {
            return None;
        }
        self.bytes.get(index / 8).map(|byte| byte & (0x80 >> (index % 8)) != 0)
    }

    /// The bits from the left.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.len).map_while(|index| self.get(index))
    }

    /// The bits, eight to a byte, the first the most significant; zero after the last.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of [`Bits::as_bytes`].
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let (true, Some(last)) = (bit, self.bytes.last_mut()) {
            *last |= 0x80 >> (self.len % 8);
        }
        self.len += 1;
    }
}

impl Extend<bool> for Bits {
    fn extend<I: IntoIterator<Item = bool>>(&mut self, bits: I) {
        for bit in bits {
            self.push(bit);
        }
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Bits {
        let mut all = Bits::default();
        all.extend(bits);
        all
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|bit| f.write_char(if bit { '1' } else { '0' }))
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits({self})")
    }
}

impl FromStr for Bits {
    type Err = Error;

    fn from_str(text: &str) -> Result<Bits> {
        read(text.as_bytes())
    }
}

fn read(text: &[u8]) -> Result<Bits> {
    let bit = |digit: &u8| match digit {
        b'0' => Ok(false),
        b'1' => Ok(true),
        _ => Err(Error::decode("not a string of bits: it has other digits than 0 and 1")),
    };
    text.iter().map(bit).collect()
}

/// The type that a value has: `bit varying`, or `bit` where that is what stands there.
fn plan(type_: &Type, otherwise: impl FnOnce() -> Result<Plan>) -> Result<Plan> {
    if *base_type(type_) == Type::BIT { Ok(Plan::leaf(type_, Format::Binary)) } else { otherwise() }
}

impl Adapter for Bits {
    const TYPE: TypeName = TypeName::Oid(1562);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        plan(type_, || planner.encode_leaf::<Self>(<Self as Adapter>::TYPE, false, type_))
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        if to.format() == Format::Text {
            return to.text(self);
        }
        let len = i32::try_from(self.len)
            .map_err(|_| Error::encode(format!("{} bits: PostgreSQL takes at most 2147483640", self.len)))?;
        to.bytes(&len.to_be_bytes())?;
        to.bytes(&self.bytes)
    }
}

impl<'a> Typecaster<'a> for Bits {
    const TYPE: TypeName = TypeName::Oid(1562);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        plan(type_, || planner.leaf::<Self>(<Self as Typecaster<'_>>::TYPE, false, type_))
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        if raw.format() == Format::Text {
            return read(raw.bytes);
        }
        let bits = raw.bytes.split_first_chunk().and_then(|(len, bytes)| {
            let len = usize::try_from(i32::from_be_bytes(*len)).ok()?;
            Bits::of(bytes, len).then(|| Bits { bytes: bytes.to_vec(), len })
        });
        bits.ok_or_else(|| Error::decode("not a binary string of bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};

    #[test]
    fn both_forms_are_the_servers() {
        let bits = |text: &str| text.parse::<Bits>().unwrap();
        for type_ in [Type::VARBIT, Type::BIT] {
            Cases::of(&type_)
                .case(Bits::default(), "00000000", "")
                .case(bits("101"), "00000003a0", "101")
                .case(bits("00000000"), "0000000800", "00000000")
                .case(bits("111111111111"), "0000000cfff0", "111111111111");
        }
    }

    #[test]
    fn bits_are_counted_from_the_left() {
        let bits: Bits = "1000000001".parse().unwrap();
        assert_eq!(
            (bits.get(0), bits.get(8), bits.get(9), bits.get(10)),
            (Some(true), Some(false), Some(true), None)
        );
        assert_eq!(bits.as_bytes(), [0x80, 0x40]);
        assert_eq!(bits.iter().collect::<Bits>(), bits);
        assert_eq!(Bits::new(bits.clone().into_bytes(), 10).unwrap(), bits);
    }

    #[test]
    fn the_order_is_the_servers() {
        let sorted = ["", "0", "00", "000000000", "01", "1", "10", "11"];
        for pair in sorted.windows(2) {
            assert!(pair[0].parse::<Bits>().unwrap() < pair[1].parse().unwrap(), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_string_of_bits_is_refused() {
        refused::<Bits>(&Type::VARBIT, "00000003a1", "102");
        refused::<Bits>(&Type::VARBIT, "00000003", "B101");
        refused::<Bits>(&Type::VARBIT, "00000003a000", "1 0");
        refused::<Bits>(&Type::VARBIT, "7fffffffff", "");
        refused::<Bits>(&Type::BIT, "ffffffff", "");
        refused::<Bits>(&Type::BIT, "000000", "");
        garbage::<Bits>(&Type::VARBIT);
        assert!(Bits::new(vec![0xff], 7).is_err() && Bits::new(vec![0xff, 0], 8).is_err());
    }
}
