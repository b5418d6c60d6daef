//! Bytes: `[u8]`, `Vec<u8>`, `Box<[u8]>`, `Cow<[u8]>`, `[u8; N]` <-> `bytea`.
//!
//! Binary form: the bytes. Text form: `\x` and hexadecimal digits; the older escape form (`bytea_output = escape`) is
//! read too. `&[u8]` and `Cow<[u8]>` borrow from the row. `[u8; N]` reads exactly `N` bytes.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use std::borrow::Cow;

const BYTEA: TypeName = TypeName::Oid(17);

#[inline]
fn write(bytes: &[u8], to: &mut Encode<'_>) -> Result<IsNull> {
    match to.format() {
        Format::Binary => to.bytes(bytes),
        Format::Text => {
            const DIGITS: [u8; 16] = *b"0123456789abcdef";
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
            to.out.reserve(bytes.len().saturating_mul(2).saturating_add(2));
            to.out.extend_from_slice(b"\\x");
            to.out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
            Ok(IsNull::No)
        }
    }
}

/// The bytes of a value; those of a text form are made anew.
#[inline]
fn read<'a>(raw: RawValue<'a, '_>) -> Result<Cow<'a, [u8]>> {
    match raw.format() {
        Format::Binary => Ok(Cow::Borrowed(raw.bytes)),
        Format::Text => unescape(raw.bytes).map(Cow::Owned).ok_or_else(not_bytea),
    }
}

#[cold]
fn not_bytea() -> Error {
    Error::decode("not the text form of a bytea: neither hexadecimal digits after \\x nor the escape format")
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    if let Some(hex) = text.strip_prefix(b"\\x") {
        let (pairs, []) = hex.as_chunks::<2>() else {
            return None;
        };
        let digit = |c: u8| u8::try_from(char::from(c).to_digit(16)?).ok();
        return pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Some(bytes),
            [b'\\', b'\\', after @ ..] => {
                bytes.push(b'\\');
                after
            }
            [b'\\', after @ ..] => {
                let (digits, after) = after.split_at_checked(3)?;
                bytes.push(octal(digits)?);
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
        };
    }
}

/// A byte as three octal digits, as PostgreSQL escapes it.
pub(super) fn octal(digits: &[u8]) -> Option<u8> {
    let [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7'] = digits else {
        return None;
    };
    Some((high & 3) << 6 | (middle & 7) << 3 | (low & 7))
}

macro_rules! written {
    ($rust:ty $(, $n:ident)?) => {
        impl $(<const $n: usize>)? Adapter for $rust {
            const TYPE: TypeName = BYTEA;

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                write(self, to)
            }
        }
    };
}

/// What borrows may live shorter than the row: futures over such types could not be spawned if the two lifetimes had to
/// be equal.
macro_rules! read {
    ([$($generics:tt)*] $rust:ty, |$raw:ident| $value:expr) => {
        impl<$($generics)*> Typecaster<'a> for $rust {
            const TYPE: TypeName = BYTEA;

            #[inline]
            fn decode($raw: RawValue<'a, '_>) -> Result<Self> {
                $value
            }
        }
    };
}

written!([u8]);
written!(Vec<u8>);
written!(Cow<'_, [u8]>);
written!([u8; N], N);

read!(['a] Vec<u8>, |raw| read(raw).map(Cow::into_owned));
read!(['a] Box<[u8]>, |raw| read(raw).map(|bytes| bytes.into_owned().into()));
read!(['a: 's, 's] Cow<'s, [u8]>, |raw| read(raw));
read!(['a: 's, 's] &'s [u8], |raw| match read(raw)? {
    Cow::Borrowed(bytes) => Ok(bytes),
    Cow::Owned(bytes) => Ok(raw.context.scratch.keep(bytes)),
});
read!(['a, const N: usize] [u8; N], |raw| {
    let bytes = read(raw)?;
    Self::try_from(&*bytes).map_err(|_| {
        Error::decode(format!("the bytea has {} bytes, and [u8; {N}] takes exactly {N}", bytes.len()))
            .hint("use Vec<u8>")
    })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::BYTEA)
            .case(Vec::<u8>::new(), "", "\\x")
            .case(vec![0u8, 0xff, 0x41], "00ff41", "\\x00ff41")
            .case([0x5cu8, 0x27], "5c27", "\\x5c27")
            .case(Box::<[u8]>::from([7u8]), "07", "\\x07")
            .case(vec![0xdeu8, 0xad], "dead", "\\xdead");
    }

    #[test]
    fn the_escape_format_is_read_too() {
        let text = |text: &str| decode::<Vec<u8>>(text.as_bytes(), &Type::BYTEA, Format::Text).unwrap();
        assert_eq!(text("\\000\\377A"), [0, 0xff, 0x41]);
        assert_eq!(text("\\\\'"), b"\\'");
        assert_eq!(text("~\\177 "), b"~\x7f ");
        assert_eq!(text("\\xDEADbeef"), [0xde, 0xad, 0xbe, 0xef]);
    }

    #[test]
    fn another_length_or_a_broken_text_is_refused() {
        for bad in ["\\x0", "\\x0g", "\\", "\\00", "\\477", "\\08a", "\\x\u{e9}"] {
            assert!(decode::<Vec<u8>>(bad.as_bytes(), &Type::BYTEA, Format::Text).is_err(), "{bad}");
        }
        refused::<[u8; 2]>(&Type::BYTEA, "010203", "\\x01");
        garbage::<Vec<u8>>(&Type::BYTEA);
        garbage::<[u8; 4]>(&Type::BYTEA);
    }
}
