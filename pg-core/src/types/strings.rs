//! Text: `str`, `String`, `Cow<str>`, `Box<str>`, and [`Text`], which forces the SQL type `text`.
//!
//! As a parameter of its own, a string goes as text whose type the server infers from where it stands, so it can be
//! compared with an enum, a uuid or a date. As an element or a field its type is known: text-like types and enums have
//! one form for binary and text; every other type takes the string for its text form.
//!
//! A string reads text-like types and enums, and the text of `jsonb`, `jsonpath`, `ltree`, `lquery` and `ltxtquery`. `&str`
//! and `Cow<str>` borrow from the row.

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, is_text_like, is_versioned, mismatch};
use super::typecaster::{RawValue, Typecaster};
use super::versioned;
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::{Kind, Type};
use std::borrow::Cow;
use std::sync::Arc;

const TEXT: TypeName = TypeName::Oid(25);

/// What is inside, behind the version, is the text.
fn behind_a_version(type_: &Type) -> Plan {
    Plan::nested(type_, vec![Plan::leaf(&Type::TEXT, Format::Binary)], Vec::new())
}

/// How a string is written as `type_`.
pub(super) fn plan_write(type_: &Type) -> Plan {
    let base = base_type(type_);
    if is_versioned(base) {
        return behind_a_version(type_);
    }
    let same = match *base {
        // In binary a document's own encoding declaration would be believed, not the session's encoding.
        Type::XML | Type::UNKNOWN => false,
        _ => is_text_like(base) || matches!(base.kind(), Kind::Enum(_)),
    };
    Plan::leaf(type_, if same { Format::Binary } else { Format::Text })
}

/// How a string is read from `type_`.
pub(super) fn plan_read<T: ?Sized>(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let base = base_type(type_);
    if is_text_like(base) || matches!(base.kind(), Kind::Enum(_)) {
        return Ok(Plan::leaf(type_, Format::Binary));
    }
    if is_versioned(base) {
        return Ok(behind_a_version(type_));
    }
    // A type that the catalog doesn't know yet may have a binary form of its own; its text form is text.
    if !planner.catalog.knows(base.oid()) {
        return Ok(Plan::leaf(type_, Format::Text));
    }
    Err(mismatch::<T>("text", type_))
}

#[inline]
pub(super) fn write(text: &str, to: &mut Encode<'_>) -> Result<IsNull> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(holds_nul());
    }
    if !to.plan.children.is_empty() && to.format() == Format::Binary {
        versioned::begin(to.out);
    }
    to.bytes(text.as_bytes())
}

#[cold]
fn holds_nul() -> Error {
    Error::encode("a string contains a NUL character, which PostgreSQL text can't hold")
        .hint("remove it, or use bytea for bytes")
}

macro_rules! written {
    ($rust:ty) => {
        impl Adapter for $rust {
            const TYPE: TypeName = TypeName::Inferred;

            fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
                Ok(plan_write(type_))
            }

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
    (borrowed $rust:ty, |$text:ident| $value:expr) => {
        read!(impl['a: 's, 's] $rust, |$text| $value);
    };
    (owned $rust:ty, |$text:ident| $value:expr) => {
        read!(impl['a] $rust, |$text| $value);
    };
    (impl[$($lifetimes:tt)*] $rust:ty, |$text:ident| $value:expr) => {
        impl<$($lifetimes)*> Typecaster<'a> for $rust {
            const TYPE: TypeName = TEXT;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                plan_read::<Self>(type_, planner)
            }

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let $text = if raw.plan.children.is_empty() { raw.text()? } else { versioned::text(raw)? };
                Ok($value)
            }
        }
    };
}

written!(str);
written!(String);
written!(Cow<'_, str>);

read!(borrowed &'s str, |text| text);
read!(borrowed Cow<'s, str>, |text| Cow::Borrowed(text));
read!(owned String, |text| text.to_owned());
read!(owned Box<str>, |text| Box::from(text));
read!(owned Arc<str>, |text| Arc::from(text));

/// A string parameter of SQL type `text`, where the server would infer another type or none.
///
/// `select $1` with a plain string works too, but `select pg_typeof($1)` or an overloaded function can't tell what it
/// is: `Text("a")` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<T>(pub T);

impl<T: AsRef<str>> Adapter for Text<T> {
    const TYPE: TypeName = TEXT;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        Ok(plan_write(type_))
    }

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        write(self.0.as_ref(), to)
    }
}

impl<'a, T: Typecaster<'a> + AsRef<str>> Typecaster<'a> for Text<T> {
    const TYPE: TypeName = T::TYPE;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        T::plan(type_, planner)
    }

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        T::decode(raw).map(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::adapter::Adapter;
    use crate::types::cases::{Cases, decode, encode, garbage, plan_of, plan_to_read, refused};

    fn extension(name: &str, kind: Kind) -> Type {
        Type::new(name.to_owned(), 16_500, kind, "public".to_owned())
    }

    #[test]
    fn both_forms_are_the_text() {
        for type_ in [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::JSON, Type::XML] {
            Cases::of(&type_)
                .case(String::from("a"), "61", "a")
                .case(String::new(), "", "")
                .case(String::from("n\u{e9}\u{1f600}"), "6ec3a9f09f9880", "n\u{e9}\u{1f600}")
                .case(Text(String::from("\\")), "5c", "\\");
        }
        let citext = extension("citext", Kind::Simple);
        let mood = extension("mood", Kind::Enum(vec!["sad".into()]));
        let email = extension("email", Kind::Domain(citext.clone()));
        for type_ in [citext, mood, email] {
            Cases::of(&type_).case(Box::<str>::from("sad"), "736164", "sad");
        }
    }

    #[test]
    fn the_server_infers_the_type_of_a_parameter_unless_text_forces_it() {
        assert_eq!(<&str as Adapter>::TYPE, TypeName::Inferred);
        assert_eq!(<Text<&str> as Adapter>::TYPE, TypeName::Oid(25));
        assert_eq!(plan_of::<str>(&Type::UNKNOWN).unwrap().format, Format::Text);
    }

    #[test]
    fn other_types_take_the_string_for_their_text_form() {
        for type_ in [Type::INT8, Type::UUID, Type::CHAR, extension("isbn", Kind::Simple)] {
            assert_eq!(plan_of::<String>(&type_).unwrap().format, Format::Text, "{type_}");
        }
    }

    #[test]
    fn other_types_are_not_read_as_strings() {
        let error = plan_to_read::<String>(&Type::INT8).unwrap_err();
        assert_eq!(error.message(), "the SQL type is int8, but String stands for text");
        assert_eq!(
            error.cure().unwrap(),
            "use i64 in place of String, or cast the column or field: `... :: text`"
        );
        assert!(plan_to_read::<&str>(&Type::BYTEA).is_err());
        // Not looked up yet: it is asked for as text.
        assert_eq!(
            plan_to_read::<String>(&extension("type with OID 16500", Kind::Simple)).unwrap().format,
            Format::Text
        );
    }

    #[test]
    fn what_stands_behind_a_version_is_read_and_the_version_checked() {
        for (binary, format) in [(&b"\x01{}"[..], Format::Binary), (b"{}", Format::Text)] {
            assert_eq!(decode::<String>(binary, &Type::JSONB, format).unwrap(), "{}");
            assert_eq!(encode("{}", &Type::JSONB, format).unwrap(), binary);
        }
        refused::<String>(&Type::JSONB, "027b7d", "");
        refused::<String>(&Type::JSONB, "", "");
        refused::<String>(&Type::JSONB, "01ff", "");
        let known = crate::types::cases::extension("ltree");
        assert_eq!(decode::<Text<String>>(b"\x01a.b", &known, Format::Binary).unwrap(), Text("a.b".into()));
        garbage::<String>(&Type::JSONB);
    }

    #[test]
    fn nul_is_refused_before_anything_is_sent() {
        for format in [Format::Binary, Format::Text] {
            let error = encode("a\0b", &Type::TEXT, format).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.message().contains("NUL"), "{error}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        refused::<String>(&Type::TEXT, "ff", "");
        assert!(decode::<String>(b"\xc3", &Type::TEXT, Format::Text).is_err());
        garbage::<String>(&Type::TEXT);
        garbage::<Text<Box<str>>>(&Type::TEXT);
    }
}
