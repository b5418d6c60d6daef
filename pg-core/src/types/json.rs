//! JSON by serde: [`Json<T>`] and `serde_json::Value` <-> `json` and `jsonb`. Manual: "JSON Types".
//!
//! Binary form of `jsonb`: a version, 1, and the text. All other forms are the text.
//!
//! As a parameter of its own a value goes as text whose type the server infers from where it stands, `json` or `jsonb`;
//! `$1::jsonb` says it where nothing tells. As an element or a field it is of the type there.
//!
//! **NULL and `null`.** SQL's NULL is `None` of an `Option<Json<T>>` and of nothing else. JSON's `null` is what serde makes
//! of it: `Value::Null`, or `Json(None)` for `Json<Option<T>>`.
//!
//! **Limits.** Numbers are serde_json's: a `Value` holds those with a fraction, and those beyond 64 bits, as an `f64`,
//! which keeps about 16 digits, while the server keeps all; a T with its own types, and serde_json's feature
//! `arbitrary_precision`, decide otherwise. A string has the document as it is. `jsonb` can't hold `\u0000` in strings:
//! the server's error says so.

use super::adapter::{Adapter, Encode, IsNull};
use super::conversion::{AdapterOf, ThroughJson, TypecasterOf};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, encode_mismatch, mismatch};
use super::typecaster::{RawValue, Typecaster};
use super::versioned;
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use serde::de::Deserialize;
use serde::ser::Serialize;
use serde_json::Value;

/// A value that is sent and read as a JSON document, by its serde implementation.
///
/// ```
/// use pg_core::types::json::Json;
/// let tags = Json(vec!["a", "b"]); // a parameter for a json or jsonb column
/// assert_eq!(tags.0.len(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Json<T: ?Sized>(pub T);

const JSONB: TypeName = TypeName::Oid(3802);

fn is_json(type_: &Type) -> bool {
    matches!(*base_type(type_), Type::JSON | Type::JSONB)
}

fn plan_write<T: ?Sized>(type_: &Type) -> Result<Plan> {
    match *type_ {
        Type::UNKNOWN => Ok(Plan::leaf(type_, Format::Text)),
        _ if is_json(type_) => Ok(Plan::leaf(type_, Format::Binary)),
        _ => Err(encode_mismatch::<T>("json or jsonb", type_)),
    }
}

fn plan_read<T: ?Sized>(type_: &Type) -> Result<Plan> {
    match is_json(type_) {
        true => Ok(Plan::leaf(type_, Format::Binary)),
        false => Err(mismatch::<T>("jsonb", type_)),
    }
}

fn write(value: &(impl Serialize + ?Sized), to: &mut Encode<'_>) -> Result<IsNull> {
    if to.format() == Format::Binary && *base_type(&to.plan.type_) == Type::JSONB {
        versioned::begin(to.out);
    }
    serde_json::to_writer(&mut *to.out, value)
        .map_err(|error| Error::encode("a value can't be written as JSON").with_source(error))?;
    Ok(IsNull::No)
}

fn read<'a, T: Deserialize<'a>>(raw: RawValue<'a, '_>) -> Result<T> {
    let text = match *base_type(&raw.plan.type_) {
        Type::JSONB => versioned::text(raw)?,
        _ => raw.text()?,
    };
    serde_json::from_str(text)
        .map_err(|error| Error::decode("the JSON is not of the Rust type's form").with_source(error))
}

impl<T: Serialize + ?Sized> Adapter for Json<T> {
    const TYPE: TypeName = TypeName::Inferred;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_write::<Self>(type_)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        write(&self.0, to)
    }
}

impl<'a, T: Deserialize<'a>> Typecaster<'a> for Json<T> {
    const TYPE: TypeName = JSONB;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_read::<Self>(type_)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        read(raw).map(Json)
    }
}

/// Fields and types with `#[pg(json)]`.
impl<T: Serialize + ?Sized> AdapterOf<T> for ThroughJson {
    const TYPE: TypeName = <Json<()> as Adapter>::TYPE;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_write::<T>(type_)
    }

    fn encode(value: &T, to: &mut Encode<'_>) -> Result<IsNull> {
        write(value, to)
    }
}

impl<'a, T: Deserialize<'a>> TypecasterOf<'a, T> for ThroughJson {
    const TYPE: TypeName = JSONB;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_read::<T>(type_)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<T> {
        read(raw)
    }
}

impl Adapter for Value {
    const TYPE: TypeName = TypeName::Inferred;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_write::<Self>(type_)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        write(self, to)
    }
}

impl<'a> Typecaster<'a> for Value {
    const TYPE: TypeName = JSONB;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        plan_read::<Self>(type_)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        read(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, encode, garbage, mismatched, plan_of, refused};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn both_forms_are_the_servers() {
        let map: BTreeMap<String, Vec<i32>> = BTreeMap::from([("a".to_owned(), vec![1, 2])]);
        Cases::of(&Type::JSONB)
            .case(json!({"a": [1, 2]}), "017b2261223a5b312c325d7d", "{\"a\":[1,2]}")
            .case(Json(map), "017b2261223a5b312c325d7d", "{\"a\":[1,2]}")
            .case(Value::Null, "016e756c6c", "null")
            .case(Some(Json(None::<i32>)), "016e756c6c", "null");
        Cases::of(&Type::JSON).case(json!("x"), "227822", "\"x\"");
    }

    #[test]
    fn a_parameter_of_its_own_is_text_of_inferred_type() {
        assert_eq!(<Value as Adapter>::TYPE, TypeName::Inferred);
        assert_eq!(plan_of::<Json<str>>(&Type::UNKNOWN).unwrap().format, Format::Text);
        mismatched::<Value>(&Type::TEXT);
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Value>(&Type::JSONB, "027b7d", "{");
        refused::<Value>(&Type::JSONB, "", "{} {}");
        refused::<Value>(&Type::JSON, "ff", "nul");
        refused::<Json<i32>>(&Type::JSON, "2278 22".replace(' ', "").as_str(), "2147483648");
        let nobody: BTreeMap<Vec<u8>, i32> = BTreeMap::from([(vec![1], 1)]);
        encode(&Json(nobody), &Type::JSON, Format::Text).unwrap_err();
        assert!(decode::<Value>("[".repeat(10_000).as_bytes(), &Type::JSON, Format::Text).is_err());
        garbage::<Value>(&Type::JSONB);
    }
}
