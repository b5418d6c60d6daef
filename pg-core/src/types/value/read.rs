//! Reading a [`Value`]: its plan follows the type, down to what is inside.

use super::{Composite, Custom, Form, MAX_DEPTH, Other, Value};
use crate::error::Result;
use crate::message::Format;
use crate::types::array::Array;
use crate::types::catalog::Catalog;
use crate::types::composite::Fields;
use crate::types::literal;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner, base_type};
use crate::types::range::{Multirange, Range};
use crate::types::run_time::{cast_registered, plan_registered};
use crate::types::typecaster::{RawValue, Typecaster};
use postgres_types::{Kind, Type};

/// Whether values of this type are best asked for in binary: there is such a form, and it is read here, with all that is
/// inside.
pub fn reads_binary(type_: &Type, catalog: &Catalog) -> bool {
    let plan = plan(type_, &Planner { catalog }, 0);
    plan.is_ok_and(|plan| plan.format == Format::Binary) && catalog.has_binary_form(type_)
}

fn plan(type_: &Type, planner: &Planner<'_>, depth: usize) -> Result<Plan> {
    if depth >= MAX_DEPTH {
        // Not its text: quotes in quotes double at each level.
        return Ok(Plan::leaf(type_, Format::Binary));
    }
    if !planner.catalog.has_no_codecs()
        && let Some(plan) = plan_registered(type_, planner)?
    {
        return Ok(plan);
    }
    if let Some(plan) = Value::plan_of_variant(type_, planner) {
        return plan;
    }
    let inside = |inner: &Type| plan(inner, planner, depth.saturating_add(1));
    let base = base_type(type_);
    let children = match base.kind() {
        Kind::Array(element) => {
            let plan = inside(element)?;
            vec![Plan { delimiter: planner.catalog.delimiter(element), ..plan }]
        }
        Kind::Composite(attributes) => {
            attributes.iter().map(|attribute| inside(attribute.type_())).collect::<Result<_>>()?
        }
        Kind::Range(subtype) | Kind::Multirange(subtype) => vec![inside(subtype)?],
        // A row of dynamic types may hold them for other readers, to whom the binary form is cheaper.
        _ if matches!(*base, Type::JSON | Type::JSONB | Type::UUID) => {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        _ if is_text(base) => return String::plan(type_, planner),
        _ => {
            let delimiter = planner.catalog.delimiter(type_);
            return Ok(Plan { delimiter, ..Plan::leaf(type_, Format::Text) });
        }
    };
    Ok(Plan::nested(type_, children, Vec::new()))
}

impl<'a> Typecaster<'a> for Value {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        plan(type_, planner, 0)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        if let Some(value) = cast_registered(raw) {
            let from = if raw.plan.is_for_null() { None } else { Some(other(raw)?) };
            return Ok(Value::Custom(Custom { value: value?, from }));
        }
        let base = base_type(&raw.plan.type_);
        if let Some(value) = Value::decode_variant(base.oid(), raw) {
            return value;
        }
        match base.kind() {
            Kind::Array(_) if !raw.plan.children.is_empty() => Array::decode(raw).map(Value::Array),
            Kind::Composite(attributes) if attributes.len() == raw.plan.children.len() => {
                composite(raw).map(Value::Composite)
            }
            Kind::Range(_) if !raw.plan.children.is_empty() => {
                Range::decode(raw).map(|range| Value::Range(Box::new(range)))
            }
            Kind::Multirange(_) if !raw.plan.children.is_empty() => {
                Multirange::decode(raw).map(Value::Multirange)
            }
            _ if *base == Type::RECORD && raw.format() == Format::Text => record(raw).map(Value::Composite),
            _ if matches!(*base, Type::JSON | Type::JSONB) => json(raw).map(Value::Json),
            _ if is_text(base) => String::decode(raw).map(Value::Text),
            _ => other(raw).map(Value::Other),
        }
    }

    fn null() -> Result<Self> {
        Ok(Value::Null)
    }
}

/// What is text in both forms.
fn is_text(base: &Type) -> bool {
    crate::types::plan::is_text_like(base) || matches!(base.kind(), Kind::Enum(_))
}

fn other(raw: RawValue<'_, '_>) -> Result<Other> {
    let form = match raw.format() {
        Format::Text => Form::Text(raw.text()?.to_owned()),
        Format::Binary if *base_type(&raw.plan.type_) == Type::UUID => Form::Text(uuid(raw.exactly()?)),
        Format::Binary => Form::Bytes(raw.bytes.to_vec()),
    };
    Ok(Other { type_: raw.plan.type_.clone(), form, delimiter: raw.plan.delimiter })
}

/// The text of a `uuid`.
fn uuid(bytes: [u8; 16]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn composite(raw: RawValue<'_, '_>) -> Result<Composite> {
    let mut values = Vec::with_capacity(raw.plan.children.len());
    // A type without attributes has an empty literal, which reads as one NULL.
    if !raw.plan.children.is_empty() {
        let mut room = None;
        let mut fields = Fields::new(raw, &mut room)?;
        for _ in 0..raw.plan.children.len() {
            values.push(fields.next(Value::decode, Value::null)?);
        }
    }
    Ok(Composite { type_: raw.plan.type_.clone(), values })
}

/// An anonymous record's text tells nothing of its attributes' types.
fn record(raw: RawValue<'_, '_>) -> Result<Composite> {
    let attributes = literal::parse_record(raw.bytes)?;
    let values = attributes.into_iter().map(|attribute| match attribute {
        Some(text) => {
            let context = raw.context;
            let plan = Plan::leaf(&Type::TEXT, Format::Text);
            String::decode(RawValue { bytes: context.scratch.keep(text.into_owned()), plan: &plan, context })
                .map(Value::Text)
        }
        None => Ok(Value::Null),
    });
    Ok(Composite { type_: raw.plan.type_.clone(), values: values.collect::<Result<_>>()? })
}

/// In binary a `jsonb` begins with its version.
fn json(raw: RawValue<'_, '_>) -> Result<String> {
    let versioned = *base_type(&raw.plan.type_) == Type::JSONB && raw.format() == Format::Binary;
    let bytes = match (versioned, raw.bytes) {
        (true, [1, text @ ..]) => text,
        (true, _) => return Err(crate::error::Error::decode("a binary jsonb is not of version 1")),
        (false, text) => text,
    };
    String::decode(RawValue { bytes, ..raw })
}
