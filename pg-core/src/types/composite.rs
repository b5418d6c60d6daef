//! Composites: what `#[derive(ToSql, FromSql)]` expands to for a struct with named fields, and the readers beneath.
//! Binary form (`record_send`): a count, then for each attribute its type's OID and a value.

use super::adapter::{Adapter, Encode, IsNull};
use super::literal;
use super::name::TypeName;
use super::plan::{Plan, Planner, describe, mismatch};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::wire::writer::{put_i32, put_u32};
use postgres_types::{Kind, Type};
use std::borrow::Cow;

/// A field of a derived composite: its attribute's name, and how its plan is made.
#[derive(Debug, Clone, Copy)]
pub struct CompositeField {
    /// The attribute's name on the server.
    pub name: &'static str,
    /// [`Adapter::plan`] or [`Typecaster::plan`] of the field's type.
    pub plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
}

/// Plans a composite: fields are matched to the server's attributes by name, in whatever order it has them.
///
/// # Errors
/// A type that isn't a composite, an attribute without a field or a field without an attribute, and a field whose
/// type doesn't fit, each by name.
pub fn plan<T: ?Sized>(
    name: TypeName,
    fields: &[CompositeField],
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    let mut base = type_;
    while let Kind::Domain(inner) = base.kind() {
        base = inner;
    }
    let Kind::Composite(attributes) = base.kind() else {
        return Err(mismatch::<T>(&name.to_string(), type_));
    };
    if !planner.is(name, base) {
        return Err(mismatch::<T>(&name.to_string(), type_));
    }
    let mut plans: Vec<Option<Plan>> = fields.iter().map(|_| None).collect();
    let mut order = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let found = fields.iter().position(|field| field.name == attribute.name());
        let Some((index, field)) = found.and_then(|i| Some((i, fields.get(i)?))) else {
            return Err(Error::decode(format!(
                "{} has an attribute {:?} for which the Rust type has no field",
                describe(type_),
                attribute.name()
            ))
            .hint("add the field, or `#[pg(name = \"..\")]` on the one that stands for it"));
        };
        let child = (field.plan)(attribute.type_(), planner)
            .map_err(|e| e.within(format_args!("attribute {:?} of {}", attribute.name(), describe(type_))))?;
        if let Some(place) = plans.get_mut(index) {
            *place = Some(child);
        }
        order.push(u16::try_from(index).map_err(|_| Error::usage("a composite has at most 1600 attributes"))?);
    }
    let mut children = Vec::with_capacity(fields.len());
    for (plan, field) in plans.into_iter().zip(fields) {
        children.push(plan.ok_or_else(|| {
            Error::decode(format!("{} has no attribute {:?}", describe(type_), field.name))
                .hint("the attribute may have another name: `#[pg(name = \"..\")]`, or `rename_all`")
        })?);
    }
    if order.iter().enumerate().all(|(at, index)| usize::from(*index) == at) {
        order = Vec::new();
    }
    Ok(Plan::nested(type_, children, order))
}

/// Writes a composite. `field` appends the Rust field of the given number; it is called in the server's order.
pub fn encode(
    to: &mut Encode<'_>,
    mut field: impl FnMut(usize, &mut FieldEncode<'_, '_>) -> Result<()>,
) -> Result<IsNull> {
    let plan = to.plan;
    let count = plan.children.len();
    let text = to.format() == Format::Text;
    if text {
        to.out.push(b'(');
    } else {
        put_i32(to.out, i32::try_from(count).map_err(|_| Error::usage("a composite has at most 1600 attributes"))?);
    }
    for at in 0..count {
        let index = plan.order.get(at).map_or(at, |index| usize::from(*index));
        if text && at > 0 {
            to.out.push(b',');
        }
        field(index, &mut FieldEncode { to, index })?;
    }
    if text {
        to.out.push(b')');
    }
    Ok(IsNull::No)
}

/// Where one field of a composite is written.
#[derive(Debug)]
pub struct FieldEncode<'f, 'e> {
    to: &'f mut Encode<'e>,
    index: usize,
}

impl FieldEncode<'_, '_> {
    /// Writes the field.
    pub fn write<T: Adapter + ?Sized>(&mut self, value: &T) -> Result<()> {
        if self.to.format() == Format::Text {
            if let Some(text) = self.to.child_text(self.index, value)? {
                literal::quote_attribute(self.to.out, &text);
            }
            return Ok(());
        }
        let oid = self.to.plan.child(self.index)?.type_.oid();
        put_u32(self.to.out, oid);
        self.to.child(self.index, value)
    }
}

/// Reads a composite's attributes as fields in the Rust type's order.
#[derive(Debug)]
pub struct Fields<'a, 'p> {
    raw: RawValue<'a, 'p>,
    /// Values in the Rust type's order; filled up front unless the wire has them in that order.
    values: Values<'a>,
    next: usize,
}

#[derive(Debug)]
enum Values<'a> {
    /// Binary, in field order: read on.
    Sequential(crate::wire::reader::Reader<'a>),
    Gathered(Vec<Option<&'a [u8]>>),
}

impl<'a, 'p> Fields<'a, 'p> {
    /// Opens a composite value.
    ///
    /// # Errors
    /// A count other than the planned one, or text that isn't a record literal, is a decode error.
    pub fn new(raw: RawValue<'a, 'p>) -> Result<Fields<'a, 'p>> {
        let plan = raw.plan;
        let count = plan.children.len();
        if raw.format() == Format::Binary {
            let mut reader = raw.reader();
            let found = reader.i32()?;
            if usize::try_from(found).ok() != Some(count) {
                return Err(changed(&plan.type_, found, count));
            }
            if plan.order.is_empty() {
                return Ok(Fields { raw, values: Values::Sequential(reader), next: 0 });
            }
            let mut values = vec![None; count];
            for index in &plan.order {
                let value = attribute(&mut reader, plan.child(usize::from(*index))?)?;
                if let Some(place) = values.get_mut(usize::from(*index)) {
                    *place = value;
                }
            }
            reader.finish()?;
            return Ok(Fields { raw, values: Values::Gathered(values), next: 0 });
        }
        let attributes = literal::parse_record(raw.bytes)?;
        if attributes.len() != count {
            let found = i32::try_from(attributes.len()).unwrap_or(i32::MAX);
            return Err(changed(&plan.type_, found, count));
        }
        let mut values = vec![None; count];
        for (at, text) in attributes.into_iter().enumerate() {
            let index = plan.order.get(at).map_or(at, |index| usize::from(*index));
            if let Some(place) = values.get_mut(index) {
                *place = text.map(|text| match text {
                    Cow::Borrowed(text) => text,
                    Cow::Owned(text) => raw.context.scratch.keep(text),
                });
            }
        }
        Ok(Fields { raw, values: Values::Gathered(values), next: 0 })
    }

    /// The next field, in the Rust type's order; `name` is for errors.
    #[inline]
    pub fn next<T: Typecaster<'a>>(&mut self, name: &'static str) -> Result<T> {
        let index = self.next;
        self.next = index.saturating_add(1);
        let value = match &mut self.values {
            Values::Sequential(reader) => {
                let value = attribute(reader, self.raw.plan.child(index)?)?;
                if self.next == self.raw.plan.children.len() {
                    reader.finish()?;
                }
                value
            }
            Values::Gathered(values) => values.get(index).copied().flatten(),
        };
        self.raw
            .child(index, value)
            .map_err(|e| e.within(format_args!("attribute {name:?} of {}", describe(&self.raw.plan.type_))))
    }
}

/// One attribute in binary, after checking that its type is the planned one.
#[inline]
fn attribute<'a>(reader: &mut crate::wire::reader::Reader<'a>, plan: &Plan) -> Result<Option<&'a [u8]>> {
    let oid = reader.u32()?;
    if oid != plan.type_.oid() {
        return Err(Error::decode(format!(
            "an attribute has the type with OID {oid}, not {} as the catalog said",
            describe(&plan.type_)
        ))
        .hint("the type was altered: refresh the registry"));
    }
    reader.value()
}

#[cold]
fn changed(type_: &Type, found: i32, wanted: usize) -> Error {
    Error::decode(format!("a value of {} has {found} attributes, not {wanted}", describe(type_)))
        .hint("the type was altered: refresh the registry")
}
