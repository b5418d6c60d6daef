//! What types of our own have in common: a binary form that is appended and taken, and a text form that is `Display` and
//! `FromStr`. A family says those four things; the adapter and the typecaster follow.

use super::adapter::{Encode, IsNull};
use super::typecaster::RawValue;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use crate::wire::writer::Buffer;
use std::fmt::Display;
use std::str::FromStr;

/// A type with both forms. `Display` is the server's output function, `FromStr` reads what its input function reads.
pub(super) trait Forms: Display + FromStr<Err = Error> {
    /// The SQL type with its article, for errors.
    const WHAT: &'static str;

    /// Refuses a value that the SQL type can't hold, before anything of it is written.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Appends the binary form.
    fn write(&self, out: &mut Buffer) -> Result<()>;

    /// Takes the binary form; what it leaves over is an error.
    fn read(from: &mut Reader<'_>) -> Result<Self>;
}

pub(super) fn encode<T: Forms>(value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
    value.check()?;
    match to.format() {
        Format::Binary => value.write(to.out).map(|()| IsNull::No),
        Format::Text => to.text(value),
    }
}

pub(super) fn decode<T: Forms>(raw: RawValue<'_, '_>) -> Result<T> {
    if raw.format() == Format::Text {
        return raw.text()?.parse();
    }
    let mut reader = raw.reader();
    let value = T::read(&mut reader);
    value.and_then(|value| reader.finish().map(|()| value)).map_err(|error| match error.kind() {
        // What the cursor says: bytes are missing or left over.
        ErrorKind::Protocol => not::<T>().with_source(error),
        _ => error,
    })
}

/// Bytes or text that are no value of the type.
#[cold]
pub(super) fn not<T: Forms>() -> Error {
    Error::decode(format!("not {}", T::WHAT))
}

/// Adapter and typecaster of types that have [`Forms`].
macro_rules! codec {
    // Written as text wherever it stands: the server sends an empty one in binary, and takes none.
    (text_in $($rust:ty = $name:expr),+ $(,)?) => { $($crate::types::forms::codec!(@ $rust, $name, true);)+ };
    ($($rust:ty = $name:expr),+ $(,)?) => { $($crate::types::forms::codec!(@ $rust, $name, false);)+ };
    (@ $rust:ty, $name:expr, $text_in:literal) => {
        impl $crate::types::adapter::Adapter for $rust {
            const TYPE: $crate::types::name::TypeName = $name;
            const TEXT_ONLY: bool = $text_in;

            fn encode(
                &self,
                to: &mut $crate::types::adapter::Encode<'_>,
            ) -> $crate::error::Result<$crate::types::adapter::IsNull> {
                $crate::types::forms::encode(self, to)
            }
        }

        impl<'a> $crate::types::typecaster::Typecaster<'a> for $rust {
            const TYPE: $crate::types::name::TypeName = $name;

            fn decode(raw: $crate::types::typecaster::RawValue<'a, '_>) -> $crate::error::Result<Self> {
                $crate::types::forms::decode(raw)
            }
        }
    };
}
pub(super) use codec;

/// What C's `isspace` calls blank.
pub(super) fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Text without the blanks around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_blank))
}
