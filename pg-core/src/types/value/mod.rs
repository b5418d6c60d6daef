//! Values whose type is known only at run time: [`Value`].
//!
//! Every type that a server can send is read as one, those inside others and those of users and extensions too. What has
//! a Rust type here is read as it; an enum, and what is text, as [`Value::Text`]; arrays, composites and ranges with what
//! is inside; anything else as its text, [`Value::Other`]. None of them is a panic, or an error as long as the server keeps
//! to its own forms.
//!
//! - **Typecasters** that were registered at run time are applied, wherever the value stands: what one made is a
//!   [`Value::Custom`], and [`Value::downcast`] takes it out. It keeps what it was made from, and is printed and written as
//!   that.
//! - **NULL** is [`Value::Null`], on its own, as an element and as a field; there is no need of an `Option`.
//! - **Written**, a value goes as its text, and the server infers the type from where it stands, as it does for a string.
//! - **Display** is the server's text of it (of a time zone's time, that in UTC; of NULL, `NULL`).
//! - **Depth.** Beyond 32 types inside each other, what is inside is left as its bytes.

mod access;
#[cfg(feature = "with-serde_json-1")]
mod json;
pub mod read;
mod write;

use super::array::Array;
use super::bit::Bits;
use super::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use super::interval::Interval;
use super::network::{Cidr, Inet, MacAddr, MacAddr8};
use super::numeric::Numeric;
use super::plan::describe;
use super::range::{Multirange, Range};
use super::run_time::AnyValue;
use super::time::{Date, Time, TimeTz, Timestamp, TimestampTz};
use postgres_types::{Kind, Type};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// How deep types may stand inside each other.
const MAX_DEPTH: usize = 32;

/// The variants that hold a Rust type of their own: each is declared once, and all that is done with it follows.
macro_rules! value {
    ($($(#[$doc:meta])* $variant:ident($rust:ty) = $($oid:literal)|+;)+) => {
        /// A value of whatever type: see the [module](self).
        ///
        /// ```
        /// use pg_core::types::value::Value;
        ///
        /// let value = Value::from(vec![Some(7_i64), None]);
        /// assert_eq!(value.to_string(), "{7,NULL}");
        /// let Value::Array(array) = &value else { unreachable!() };
        /// assert_eq!(array.elements()[0].as_i64(), Some(7));
        /// assert!(array.elements()[1].is_null());
        ///
        /// assert_eq!(i64::try_from(Value::from(7_i64))?, 7);
        /// let error = i64::try_from(Value::from("seven")).unwrap_err();
        /// assert_eq!(error.message(), "the value is a text, which is no i64");
        /// # Ok::<(), pg_core::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Value {
            /// NULL, of whatever type.
            Null,
            $($(#[$doc])* $variant($rust),)+
            /// What is text in both forms: `text`, `varchar`, `char(n)`, `name`, `citext`, `xml`, `refcursor`, and an
            /// enum's label.
            Text(String),
            /// The text of a `json` or `jsonb`.
            Json(String),
            /// An array of any type.
            Array(Array<Value>),
            /// A composite of any type, a table's row, or an anonymous record.
            Composite(Composite),
            /// A range of any type.
            Range(Box<Range<Value>>),
            /// A multirange of any type.
            Multirange(Multirange<Value>),
            /// What a typecaster made that was registered at run time: see [`Value::downcast`].
            Custom(Custom),
            /// A value of a type that has no variant.
            Other(Other),
        }

        impl Value {
            /// The plan of a type that has a variant of its own.
            fn plan_of_variant(
                type_: &Type,
                planner: &crate::types::plan::Planner<'_>,
            ) -> Option<crate::error::Result<crate::types::plan::Plan>> {
                match crate::types::plan::base_type(type_).oid() {
                    $($($oid)|+ => {
                        Some(<$rust as crate::types::typecaster::Typecaster<'_>>::plan(type_, planner))
                    })+
                    _ => None,
                }
            }

            /// Reads a value of a type that has a variant of its own.
            fn decode_variant(
                oid: u32,
                raw: crate::types::typecaster::RawValue<'_, '_>,
            ) -> Option<crate::error::Result<Value>> {
                match oid {
                    $($($oid)|+ => {
                        Some(<$rust as crate::types::typecaster::Typecaster<'_>>::decode(raw).map(Value::$variant))
                    })+
                    _ => None,
                }
            }

            /// Writes a value that has a variant of its own.
            fn encode_variant(
                &self,
                to: &mut crate::types::adapter::Encode<'_>,
            ) -> Option<crate::error::Result<crate::types::adapter::IsNull>> {
                match self {
                    $(Value::$variant(value) => Some(crate::types::adapter::Adapter::encode(value, to)),)+
                    _ => None,
                }
            }

            /// The OID of the type that a variant of its own stands for.
            fn oid_of_variant(&self) -> Option<u32> {
                match self {
                    $(Value::$variant(_) => [$($oid),+].first().copied(),)+
                    _ => None,
                }
            }

            fn any(&self) -> Option<&dyn Any> {
                match self {
                    $(Value::$variant(value) => Some(value),)+
                    Value::Text(text) | Value::Json(text) => Some(text),
                    Value::Array(array) => Some(array),
                    Value::Composite(composite) => Some(composite),
                    Value::Range(range) => Some(&**range),
                    Value::Multirange(multirange) => Some(multirange),
                    Value::Custom(custom) => Some(&*custom.value),
                    Value::Other(other) => Some(other),
                    Value::Null => None,
                }
            }
        }

        $(
            impl From<$rust> for Value {
                fn from(value: $rust) -> Value {
                    Value::$variant(value)
                }
            }

            impl TryFrom<Value> for $rust {
                type Error = crate::error::Error;

                fn try_from(value: Value) -> Result<$rust, crate::error::Error> {
                    match value {
                        Value::$variant(value) => Ok(value),
                        other => Err(another::<$rust>(&other)),
                    }
                }
            }
        )+
    };
}

value! {
    /// `boolean`.
    Bool(bool) = 16;
    /// `"char"`: one byte.
    Char(i8) = 18;
    /// `smallint`.
    Int2(i16) = 21;
    /// `integer`.
    Int4(i32) = 23;
    /// `bigint`.
    Int8(i64) = 20;
    /// `oid`.
    Oid(u32) = 26;
    /// `real`.
    Float4(f32) = 700;
    /// `double precision`.
    Float8(f64) = 701;
    /// `numeric`.
    Numeric(Numeric) = 1700;
    /// `bytea`.
    Bytea(Vec<u8>) = 17;
    /// `bit` and `varbit`.
    Bits(Bits) = 1560 | 1562;
    /// `interval`.
    Interval(Interval) = 1186;
    /// `date`.
    Date(Date) = 1082;
    /// `time`.
    Time(Time) = 1083;
    /// `timetz`.
    TimeTz(TimeTz) = 1266;
    /// `timestamp`.
    Timestamp(Timestamp) = 1114;
    /// `timestamptz`.
    TimestampTz(TimestampTz) = 1184;
    /// `point`.
    Point(Point) = 600;
    /// `line`.
    Line(Line) = 628;
    /// `lseg`.
    LineSegment(LineSegment) = 601;
    /// `box`.
    Rect(Rect) = 603;
    /// `path`.
    Path(Path) = 602;
    /// `polygon`.
    Polygon(Polygon) = 604;
    /// `circle`.
    Circle(Circle) = 718;
    /// `inet`.
    Inet(Inet) = 869;
    /// `cidr`.
    Cidr(Cidr) = 650;
    /// `macaddr`.
    MacAddr(MacAddr) = 829;
    /// `macaddr8`.
    MacAddr8(MacAddr8) = 774;
}

/// A composite of any type: its type, and a value for each attribute in the server's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Composite {
    type_: Type,
    values: Vec<Value>,
}

impl Composite {
    /// The type; [`Type::RECORD`] for an anonymous record.
    pub fn type_(&self) -> &Type {
        &self.type_
    }

    /// The values, in the server's order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of an attribute by its name; `None` if there is no such attribute.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes().find(|(attribute, _)| attribute == name).map(|(_, value)| value)
    }

    /// Names and values, in the server's order. An anonymous record's attributes are `f1`, `f2` and so on, as in
    /// `row_to_json`.
    pub fn attributes(&self) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, &Value)> {
        let names = match super::plan::base_type(&self.type_).kind() {
            Kind::Composite(fields) => fields.as_slice(),
            _ => &[],
        };
        self.values.iter().enumerate().map(move |(at, value)| match names.get(at) {
            Some(field) => (field.name().into(), value),
            None => (format!("f{}", at.saturating_add(1)).into(), value),
        })
    }
}

/// A value of a type that has no variant: its text, or its bytes where it came in binary.
#[derive(Debug, Clone, PartialEq)]
pub struct Other {
    type_: Type,
    form: Form,
    /// What stands between values of the type in an array's text.
    delimiter: u8,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Text(String),
    Bytes(Vec<u8>),
}

impl Other {
    /// The type.
    pub fn type_(&self) -> &Type {
        &self.type_
    }

    /// Its text, as the server writes it; `None` if it came in binary.
    pub fn text(&self) -> Option<&str> {
        match &self.form {
            Form::Text(text) => Some(text),
            Form::Bytes(_) => None,
        }
    }

    /// Its bytes; `None` if it came as text.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.form {
            Form::Text(_) => None,
            Form::Bytes(bytes) => Some(bytes),
        }
    }
}

/// What a typecaster made that was registered at run time, and what it was made from.
#[derive(Clone)]
pub struct Custom {
    value: AnyValue,
    /// As it came; `None` for a NULL that the typecaster asked for.
    from: Option<Other>,
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Two are equal if they are the same one: nothing else is known of what is inside.
impl PartialEq for Custom {
    fn eq(&self, other: &Custom) -> bool {
        Arc::ptr_eq(&self.value, &other.value)
    }
}

impl Value {
    /// What is inside, if it is a `T`: what a run-time typecaster made, or what the variant holds.
    ///
    /// ```
    /// use pg_core::types::value::Value;
    ///
    /// assert_eq!(Value::from(7_i32).downcast::<i32>(), Some(&7));
    /// assert_eq!(Value::from(7_i32).downcast::<i64>(), None);
    /// ```
    pub fn downcast<T: Any>(&self) -> Option<&T> {
        self.any()?.downcast_ref()
    }

    /// What it is, for people.
    fn kind(&self) -> String {
        let name = match self {
            Value::Null => return "NULL".to_owned(),
            Value::Text(_) => "text",
            Value::Json(_) => "json",
            Value::Array(_) => return "an array".to_owned(),
            Value::Composite(composite) => return format!("a {}", describe(&composite.type_)),
            Value::Range(_) => return "a range".to_owned(),
            Value::Multirange(_) => return "a multirange".to_owned(),
            Value::Custom(_) => return "made by a typecaster that was registered at run time".to_owned(),
            Value::Other(other) => return format!("a {}", describe(&other.type_)),
            variant => match variant.oid_of_variant().and_then(Type::from_oid) {
                Some(type_) => return format!("a {}", type_.name()),
                None => "value",
            },
        };
        format!("a {name}")
    }
}

/// A value isn't what it was taken for.
#[cold]
fn another<T>(value: &Value) -> crate::error::Error {
    let kind = value.kind();
    crate::error::Error::decode(format!(
        "the value is {kind}, which is no {}",
        super::plan::short_name(std::any::type_name::<T>())
    ))
    .hint("match the variants of Value, or cast the column in the query")
}
