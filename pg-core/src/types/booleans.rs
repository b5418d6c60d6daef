//! `bool` <-> `boolean`. Binary form: one byte, 0 or 1. Text form: `t` or `f`.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;

impl Adapter for bool {
    const TYPE: TypeName = TypeName::Oid(16);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match (to.format(), self) {
            (Format::Binary, _) => to.bytes(&[u8::from(*self)]),
            (Format::Text, true) => to.bytes(b"t"),
            (Format::Text, false) => to.bytes(b"f"),
        }
    }
}

impl<'a> Typecaster<'a> for bool {
    const TYPE: TypeName = TypeName::Oid(16);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match (raw.format(), raw.bytes) {
            (Format::Binary, [0]) | (Format::Text, b"f") => Ok(false),
            (Format::Binary, [1]) | (Format::Text, b"t") => Ok(true),
            _ => Err(not_a_boolean()),
        }
    }
}

#[cold]
fn not_a_boolean() -> Error {
    Error::decode("not a boolean: neither 0 nor 1, neither t nor f")
}

#[cfg(test)]
mod tests {
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::BOOL).case(true, "01", "t").case(false, "00", "f");
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<bool>(&Type::BOOL, "02", "maybe");
        refused::<bool>(&Type::BOOL, "", "");
        refused::<bool>(&Type::BOOL, "0001", "tt");
        garbage::<bool>(&Type::BOOL);
    }
}
