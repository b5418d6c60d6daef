//! Writing a [`Value`]: as the server's text of it, whose type the server infers.

use super::{Composite, Custom, Form, Other, Value};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::types::adapter::{Adapter, Encode, IsNull};
use crate::types::array::{Array, Dimension};
use crate::types::catalog::Catalog;
use crate::types::context::Settings;
use crate::types::literal::{quote_attribute, quote_element};
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner, describe};
use crate::types::range::{Multirange, Range};
use crate::wire::writer::Buffer;
use postgres_types::Type;
use std::fmt;
use std::ops::Bound;

impl Adapter for Value {
    const TYPE: TypeName = TypeName::Inferred;

    /// The text form serves for every type.
    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        Ok(Plan::leaf(type_, Format::Text))
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        if to.format() == Format::Binary {
            return Err(Error::usage("a Value is written as text, and binary was asked for"));
        }
        Writer { settings: to.settings, is_display: false }.value(to.out, self, 0)
    }
}

/// PostgreSQL's `MaxAllocSize`.
const MAX_TEXT: usize = 0x3fff_ffff;

/// Quotes within quotes double at each level, so that few levels make much text of little.
const MAX_TEXT_DEPTH: usize = 20;

#[cold]
fn too_long() -> Error {
    Error::encode(format!(
        "the value's text would be too long: it is nested more than {MAX_TEXT_DEPTH} deep, or longer than 1 GB"
    ))
    .hint("quotes within quotes double at each level: send what is inside by itself")
}

/// Writes values as text.
#[derive(Clone, Copy)]
struct Writer<'s> {
    settings: &'s Settings,
    /// For people: what has no text of its own is shown somehow.
    is_display: bool,
}

impl Writer<'_> {
    fn value(self, out: &mut Buffer, value: &Value, depth: usize) -> Result<IsNull> {
        if depth > MAX_TEXT_DEPTH || out.len() > MAX_TEXT {
            return Err(too_long());
        }
        let plan = Plan::leaf(&Type::UNKNOWN, Format::Text);
        let mut to = Encode { out, plan: &plan, settings: self.settings };
        if let Some(written) = value.encode_variant(&mut to) {
            return written;
        }
        let inside = depth.saturating_add(1);
        match value {
            Value::Null => return Ok(IsNull::Yes),
            Value::Text(text) | Value::Json(text) if self.is_display => return to.bytes(text.as_bytes()),
            Value::Text(text) | Value::Json(text) => return text.encode(&mut to),
            Value::Array(array) => self.array(out, array, inside)?,
            Value::Composite(composite) => self.composite(out, composite, inside)?,
            Value::Range(range) => {
                let text = self.range(range, inside)?.to_string();
                out.extend_from_slice(text.as_bytes());
            }
            Value::Multirange(multirange) => {
                let ranges = multirange.ranges().iter().map(|range| self.range(range, inside));
                let text = ranges.collect::<Result<Multirange<String>>>()?.to_string();
                out.extend_from_slice(text.as_bytes());
            }
            Value::Other(other) => return self.other(&mut to, other),
            Value::Custom(Custom { from: Some(other), .. }) => return self.other(&mut to, other),
            _ => return Ok(IsNull::Yes), // a NULL that a typecaster saw
        }
        Ok(IsNull::No)
    }

    fn other(self, to: &mut Encode<'_>, other: &Other) -> Result<IsNull> {
        match &other.form {
            Form::Text(text) if self.is_display => to.bytes(text.as_bytes()),
            Form::Text(text) => text.encode(to),
            Form::Bytes(bytes) if self.is_display => bytes.encode(to),
            Form::Bytes(_) => Err(without_text(&other.type_)),
        }
    }

    /// The same range of its bounds' texts.
    fn range(self, range: &Range<Value>, depth: usize) -> Result<Range<String>> {
        let Some((lower, upper)) = range.bounds() else {
            return Ok(Range::Empty);
        };
        let bound = |bound: Bound<&Value>| {
            let text = |value| {
                let text = self.text(value, depth)?.unwrap_or_default();
                String::from_utf8(text).map_err(|e| Error::encode("text is not UTF-8").with_source(e))
            };
            Ok::<_, Error>(match bound {
                Bound::Included(value) => Bound::Included(text(value)?),
                Bound::Excluded(value) => Bound::Excluded(text(value)?),
                Bound::Unbounded => Bound::Unbounded,
            })
        };
        Ok(Range::new(bound(lower)?, bound(upper)?))
    }

    /// A value inside another, as text of its own; `None` is NULL.
    fn text(self, value: &Value, depth: usize) -> Result<Option<Buffer>> {
        let mut out = Buffer::new();
        match self.value(&mut out, value, depth)? {
            IsNull::Yes => Ok(None),
            IsNull::No => Ok(Some(out)),
        }
    }

    fn array(self, out: &mut Buffer, array: &Array<Value>, depth: usize) -> Result<()> {
        if array.dimensions().iter().any(|dimension| dimension.lower_bound != 1) {
            for Dimension { lower_bound, length } in array.dimensions() {
                let length = i64::try_from(*length).unwrap_or(i64::MAX);
                let upper = i64::from(*lower_bound).saturating_add(length).saturating_sub(1);
                out.extend_from_slice(format!("[{lower_bound}:{upper}]").as_bytes());
            }
            out.push(b'=');
        }
        let delimiter = array.elements().iter().find_map(Value::delimiter).unwrap_or(b',');
        self.dimension(out, array, &mut array.elements().iter(), 0, delimiter, depth)
    }

    fn dimension(
        self,
        out: &mut Buffer,
        array: &Array<Value>,
        elements: &mut std::slice::Iter<'_, Value>,
        at: usize,
        delimiter: u8,
        depth: usize,
    ) -> Result<()> {
        let inner = at.saturating_add(1);
        out.push(b'{');
        for index in 0..array.dimensions().get(at).map_or(0, |dimension| dimension.length) {
            if index > 0 {
                out.push(delimiter);
            }
            if inner < array.dimensions().len() {
                self.dimension(out, array, elements, inner, delimiter, depth)?;
                continue;
            }
            match elements.next().map(|element| self.text(element, depth)).transpose()?.flatten() {
                Some(text) => quote_element(out, &text, delimiter),
                None => out.extend_from_slice(b"NULL"),
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn composite(self, out: &mut Buffer, composite: &Composite, depth: usize) -> Result<()> {
        out.push(b'(');
        for (at, value) in composite.values.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if let Some(text) = self.text(value, depth)? {
                quote_attribute(out, &text);
            }
        }
        out.push(b')');
        Ok(())
    }
}

#[cold]
fn without_text(type_: &Type) -> Error {
    Error::encode(format!(
        "the value of type {} came in binary, so that its text isn't known",
        describe(type_)
    ))
    .hint("cast it to text where it is read")
}

impl Value {
    /// What stands between elements of this type.
    fn delimiter(&self) -> Option<u8> {
        let type_ = match self {
            Value::Null => return None,
            Value::Other(other) | Value::Custom(Custom { from: Some(other), .. }) => {
                return Some(other.delimiter);
            }
            Value::Composite(composite) => composite.type_.clone(),
            variant => variant.oid_of_variant().and_then(Type::from_oid).unwrap_or(Type::TEXT),
        };
        Some(Catalog::default().delimiter(&type_))
    }
}

/// The server's text form; NULL is `NULL`, and what came in binary is shown as its bytes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writer = Writer { settings: &Settings::default(), is_display: true };
        match writer.text(self, 0) {
            Ok(Some(text)) => f.pad(&String::from_utf8_lossy(&text)),
            Ok(None) => f.pad("NULL"),
            Err(why) => f.pad(why.message()),
        }
    }
}
