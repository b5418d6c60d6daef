//! (being written)

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;

impl Adapter for i64 {
    const TYPE: TypeName = TypeName::Oid(20);

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&self.to_be_bytes()),
            Format::Text => to.text(self),
        }
    }
}

impl<'a> Typecaster<'a> for i64 {
    const TYPE: TypeName = TypeName::Oid(20);

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => raw.exactly().map(i64::from_be_bytes),
            Format::Text => raw.text()?.parse().map_err(|e| Error::decode("not a bigint").with_source(e)),
        }
    }
}
