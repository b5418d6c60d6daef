//! What the families' tests share: a table of cases checked both ways in both forms, and bytes that are no value.

use super::adapter::{Adapter, Encode, IsNull};
use super::catalog::{Catalog, Entry, EntryShape};
use super::context::{Context, Settings};
use super::plan::{Plan, Planner};
use super::typecaster::{RawValue, Typecaster, TypecasterOwned};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use postgres_types::{Oid, Type};
use std::fmt::Debug;
use std::sync::OnceLock;

/// A table of cases of one SQL type. Binary forms are the server's `*_send`, text forms its output functions'.
pub(crate) struct Cases<'t>(&'t Type);

impl<'t> Cases<'t> {
    pub(crate) fn of(type_: &'t Type) -> Cases<'t> {
        Cases(type_)
    }

    pub(crate) fn case<T: Adapter + TypecasterOwned + PartialEq + Debug>(
        &self,
        value: T,
        binary: &str,
        text: &str,
    ) -> &Cases<'t> {
        let type_ = self.0;
        let forms = [(Format::Binary, from_hex(binary)), (Format::Text, text.as_bytes().to_vec())];
        for (format, form) in forms {
            let written = encode(&value, type_, format).unwrap();
            assert_eq!(
                written.escape_ascii().to_string(),
                form.escape_ascii().to_string(),
                "{value:?} as {type_}"
            );
            assert_eq!(decode::<T>(&form, type_, format).unwrap(), value, "{format:?} {type_}");
        }
        self
    }
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// Types of extensions, as a catalog tells them.
fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let mut catalog = Catalog::default();
        let entry = |(oid, name): (Oid, &&str)| Entry {
            oid,
            schema: "public".to_owned(),
            name: (*name).to_owned(),
            array: 0,
            delimiter: b',',
            shape: EntryShape::Base,
        };
        let named = |(oid, name): (Oid, &&str)| ((None, Box::from(*name)), oid);
        catalog.extend(
            (16_600..).zip(EXTENSIONS).map(entry).collect(),
            (16_600..).zip(EXTENSIONS).map(named).collect(),
        );
        catalog
    })
}

const EXTENSIONS: &[&str] = &["hstore", "ltree", "lquery", "ltxtquery", "vector", "halfvec", "sparsevec"];

/// The type of an extension.
pub(crate) fn extension(name: &str) -> Type {
    let at = EXTENSIONS.iter().position(|known| *known == name).expect("a type of the list");
    catalog().type_by_oid(16_600 + u32::try_from(at).expect("a short list")).expect("a type that was told")
}

pub(crate) fn plan_of<T: Adapter + ?Sized>(type_: &Type) -> Result<Plan> {
    T::plan(type_, &Planner { catalog: catalog() })
}

pub(crate) fn plan_to_read<'a, T: Typecaster<'a>>(type_: &Type) -> Result<Plan> {
    T::plan(type_, &Planner { catalog: catalog() })
}

fn write<T: Adapter + ?Sized>(value: &T, type_: &Type, format: Format) -> Result<(Vec<u8>, IsNull)> {
    let mut plan = plan_of::<T>(type_)?;
    plan.set_format(format);
    let mut out = b"before".to_vec();
    let is_null = value.encode(&mut Encode { out: &mut out, plan: &plan, settings: &Settings::default() })?;
    assert!(out.starts_with(b"before"));
    Ok((out.split_off(6), is_null))
}

pub(crate) fn encode<T: Adapter + ?Sized>(value: &T, type_: &Type, format: Format) -> Result<Vec<u8>> {
    let (bytes, is_null) = write(value, type_, format)?;
    assert_eq!(is_null, IsNull::No);
    Ok(bytes)
}

pub(crate) fn encode_null<T: Adapter + ?Sized>(value: &T, type_: &Type, format: Format) -> bool {
    write(value, type_, format).unwrap().1 == IsNull::Yes
}

pub(crate) fn decode<T: TypecasterOwned>(bytes: &[u8], type_: &Type, format: Format) -> Result<T> {
    decode_in(bytes, type_, format, &Context::default())
}

pub(crate) fn decode_in<T: TypecasterOwned>(
    bytes: &[u8],
    type_: &Type,
    format: Format,
    context: &Context,
) -> Result<T> {
    let mut plan = plan_to_read::<T>(type_)?;
    plan.set_format(format);
    T::decode(RawValue { bytes, plan: &plan, context })
}

/// Neither the binary nor the text is a value; an empty text is not looked at.
pub(crate) fn refused<T: TypecasterOwned + Debug>(type_: &Type, binary: &str, text: &str) {
    let error = decode::<T>(&from_hex(binary), type_, Format::Binary).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    if !text.is_empty() {
        let error = decode::<T>(text.as_bytes(), type_, Format::Text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
}

/// The errors of reading and of writing `T` as a type that it doesn't stand for.
pub(crate) fn mismatched<T: Adapter + TypecasterOwned>(type_: &Type) -> (Error, Error) {
    let (read, written) = (plan_to_read::<T>(type_).unwrap_err(), plan_of::<T>(type_).unwrap_err());
    assert_eq!((read.kind(), written.kind()), (ErrorKind::Decode, ErrorKind::Encode));
    (read, written)
}

/// Numbers without order (xorshift), the same in every run.
pub(crate) fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Bytes that may or may not be a value give a value or a decode error, never a panic; a value that was read from
/// them is written and read again as the same.
pub(crate) fn garbage<T: TypecasterOwned + Adapter + Debug>(type_: &Type) {
    let mut random = random();
    let alphabet = br#"{}[]",;:\nulNUL 0123456789-+.eE:xBC=tf/"#;
    for round in 0..20_000 {
        let length = (random() % 48) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        if round % 2 == 0 {
            // Small big-endian words, which look more like lengths and counts.
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = if at % 4 == 3 { *byte % 32 } else { 0 };
            }
        }
        let text: Vec<u8> = (0..length).map(|_| alphabet[(random() as usize) % alphabet.len()]).collect();
        for (bytes, format) in [(&bytes, Format::Binary), (&bytes, Format::Text), (&text, Format::Text)] {
            match decode::<T>(bytes, type_, format) {
                Ok(value) => {
                    let again = match encode(&value, type_, format) {
                        Ok(again) => again,
                        // NUL in text, which no server sends.
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
                            continue;
                        }
                    };
                    let again: T = decode(&again, type_, format).unwrap();
                    assert_eq!(format!("{value:?}"), format!("{again:?}"));
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Decode, "{error}"),
            }
        }
    }
}
