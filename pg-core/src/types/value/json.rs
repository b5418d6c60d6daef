//! A [`Value`] as JSON, and by serde.
//!
//! NULL, booleans and whole numbers as themselves; `real` and `double precision` too, unless they are NaN or infinite,
//! which JSON doesn't know; arrays as arrays, one in another for each dimension; composites as objects; `json` and
//! `jsonb` as what they hold, of which serde_json keeps what it can: a number that neither 64 bits nor a double hold
//! exactly is rounded, of two members of one name the last stays, and members come in its order. Everything else is a
//! string, its text: nothing of it is rounded.

use super::Value;
use crate::types::array::Array;
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => to.serialize_none(),
            Value::Bool(value) => to.serialize_bool(*value),
            Value::Int2(number) => to.serialize_i16(*number),
            Value::Int4(number) => to.serialize_i32(*number),
            Value::Int8(number) => to.serialize_i64(*number),
            Value::Oid(number) => to.serialize_u32(*number),
            // As many digits as a `real` has, where its bits as a double would have more.
            Value::Float4(number) if number.is_finite() => {
                to.serialize_f64(number.to_string().parse().map_err(S::Error::custom)?)
            }
            Value::Float8(number) if number.is_finite() => to.serialize_f64(*number),
            Value::Json(text) => {
                serde_json::from_str::<serde_json::Value>(text).map_err(S::Error::custom)?.serialize(to)
            }
            Value::Array(array) => Dimension { array, at: 0, first: 0 }.serialize(to),
            Value::Composite(composite) => {
                let mut map = to.serialize_map(Some(composite.values().len()))?;
                for (name, value) in composite.attributes() {
                    map.serialize_entry(&*name, value)?;
                }
                map.end()
            }
            text => to.collect_str(text),
        }
    }
}

/// One dimension of an array, from the element at `first` on.
struct Dimension<'a> {
    array: &'a Array<Value>,
    at: usize,
    first: usize,
}

impl Serialize for Dimension<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let lengths = || self.array.dimensions().iter().map(|dimension| dimension.length);
        let inner = self.at.saturating_add(1);
        let length = lengths().nth(self.at).unwrap_or_default();
        // How many elements each of this dimension's has.
        let size: usize = lengths().skip(inner).fold(1, usize::saturating_mul);
        let mut sequence = to.serialize_seq(Some(length))?;
        for index in 0..length {
            let first = self.first.saturating_add(index.saturating_mul(size));
            if inner < self.array.dimensions().len() {
                sequence.serialize_element(&Dimension { array: self.array, at: inner, first })?;
            } else {
                sequence.serialize_element(self.array.elements().get(first).unwrap_or(&Value::Null))?;
            }
        }
        sequence.end()
    }
}

/// What JSON can't hold, such as a `json` that is none, is a string.
impl From<Value> for serde_json::Value {
    fn from(value: Value) -> serde_json::Value {
        serde_json::to_value(&value).unwrap_or_else(|_| serde_json::Value::String(value.to_string()))
    }
}
