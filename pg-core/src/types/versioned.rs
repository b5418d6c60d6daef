//! Types whose binary form is a byte, the version of the form, and then their text: `jsonb`, `jsonpath`, and the types of
//! the extension ltree. There is one version, 1.

use super::typecaster::RawValue;
use crate::error::{Error, Result};
use crate::message::Format;
use crate::wire::writer::Buffer;

/// Begins the binary form; the text follows.
pub(super) fn begin(out: &mut Buffer) {
    out.push(VERSION);
}

const VERSION: u8 = 1;

/// The text of a value in either form.
///
/// # Errors
/// Another version, and text that is not UTF-8.
pub(super) fn text<'a>(raw: RawValue<'a, '_>) -> Result<&'a str> {
    if raw.format() == Format::Text {
        return raw.text();
    }
    match raw.bytes.split_first() {
        Some((&VERSION, bytes)) => RawValue { bytes, ..raw }.text(),
        Some((version, _)) => Err(Error::decode(format!(
            "a binary {} of version {version}, and only version {VERSION} is known",
            raw.plan.type_.name()
        ))),
        None => Err(Error::decode(format!("a binary {} has at least one byte", raw.plan.type_.name()))),
    }
}

/// The same as a String. No server sends NUL, and none takes it.
///
/// # Errors
/// Those of [`text`], and NUL.
pub(super) fn own_text(raw: RawValue<'_, '_>) -> Result<String> {
    let text = text(raw)?;
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(text.to_owned()),
        Some(_) => Err(Error::decode(format!("a {} contains a NUL character", raw.plan.type_.name()))),
    }
}

/// A newtype over the text of such a type.
macro_rules! versioned_text {
    ($($(#[$doc:meta])* $rust:ident = $name:expr;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct $rust(pub String);

        impl std::fmt::Display for $rust {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $rust {
            fn from(text: String) -> $rust {
                $rust(text)
            }
        }

        impl From<&str> for $rust {
            fn from(text: &str) -> $rust {
                $rust(text.to_owned())
            }
        }

        impl $crate::types::adapter::Adapter for $rust {
            const TYPE: $crate::types::name::TypeName = $name;

            fn encode(
                &self,
                to: &mut $crate::types::adapter::Encode<'_>,
            ) -> $crate::error::Result<$crate::types::adapter::IsNull> {
                if to.format() == $crate::message::Format::Binary {
                    $crate::types::versioned::begin(to.out);
                }
                self.0.encode(to)
            }
        }

        impl<'a> $crate::types::typecaster::Typecaster<'a> for $rust {
            const TYPE: $crate::types::name::TypeName = $name;

            fn decode(raw: $crate::types::typecaster::RawValue<'a, '_>) -> $crate::error::Result<Self> {
                $crate::types::versioned::own_text(raw).map($rust)
            }
        }
    )+ };
}
pub(super) use versioned_text;
