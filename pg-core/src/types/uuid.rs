//! `uuid::Uuid` <-> `uuid`. Binary form: its sixteen bytes. Text form: hyphenated, in lower case.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use uuid::Uuid;

impl Adapter for Uuid {
    const TYPE: TypeName = TypeName::Oid(2950);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(self.as_bytes()),
            Format::Text => to.text(self.as_hyphenated()),
        }
    }
}

impl<'a> Typecaster<'a> for Uuid {
    const TYPE: TypeName = TypeName::Oid(2950);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => raw.exactly().map(Uuid::from_bytes),
            Format::Text => {
                Uuid::try_parse_ascii(raw.bytes).map_err(|e| Error::decode("not a uuid").with_source(e))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let value = Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11);
        Cases::of(&Type::UUID)
            .case(value, "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
            .case(Uuid::nil(), "00000000000000000000000000000000", "00000000-0000-0000-0000-000000000000");
        Cases::of(&Type::UUID_ARRAY).case(
            vec![value],
            "000000010000000000000b86000000010000000100000010a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        );
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Uuid>(&Type::UUID, "a0eebc99", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1");
        garbage::<Uuid>(&Type::UUID);
    }
}
