//! `()` <- `void`: what a function returns that returns nothing. Both forms are empty.

use super::super::name::TypeName;
use super::super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};

impl<'a> Typecaster<'a> for () {
    const TYPE: TypeName = TypeName::Oid(2278);

    fn decode(raw: RawValue<'a, '_>) -> Result<()> {
        match raw.bytes {
            [] => Ok(()),
            _ => Err(Error::decode("not a void: it has no bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::message::Format;
    use crate::types::cases::{decode, refused};
    use postgres_types::Type;

    #[test]
    fn nothing_is_read_from_nothing() {
        for format in [Format::Binary, Format::Text] {
            decode::<()>(b"", &Type::VOID, format).unwrap();
        }
        refused::<()>(&Type::VOID, "00", "x");
    }
}
