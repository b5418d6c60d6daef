//! Values of usual types in a [`Value`], and out of it. Nothing is rounded: a number that doesn't fit is not given.

use super::{Value, another};
use crate::error::{Error, Result};
use crate::types::array::Array;
use std::borrow::Cow;

impl Value {
    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Any whole number: `smallint`, `integer`, `bigint` or `oid`.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int2(number) => Some((*number).into()),
            Value::Int4(number) => Some((*number).into()),
            Value::Int8(number) => Some(*number),
            Value::Oid(number) => Some((*number).into()),
            _ => None,
        }
    }

    /// Any number that an `f64` holds exactly by its type: `real`, `double precision`, `smallint`, `integer` or `oid`.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float4(number) => Some((*number).into()),
            Value::Float8(number) => Some(*number),
            Value::Int2(number) => Some((*number).into()),
            Value::Int4(number) => Some((*number).into()),
            Value::Oid(number) => Some((*number).into()),
            _ => None,
        }
    }

    /// Text, an enum's label, JSON, and what has only its text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Json(text) => Some(text),
            Value::Other(other) => other.text(),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(array) => Some(array.elements()),
            _ => None,
        }
    }

    /// An attribute of a composite, by its name.
    pub fn get(&self, attribute: &str) -> Option<&Value> {
        match self {
            Value::Composite(composite) => composite.get(attribute),
            _ => None,
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Value {
        Value::Text(text.into_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytea(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// An array of one dimension, counted from 1.
impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Value {
        Value::Array(Array::new(elements.into_iter().map(Into::into).collect()))
    }
}

impl TryFrom<Value> for String {
    type Error = Error;

    fn try_from(value: Value) -> Result<String> {
        match value {
            Value::Text(text) | Value::Json(text) => Ok(text),
            other => Err(another::<String>(&other)),
        }
    }
}
