//! Composites: what `#[derive(ToSql, FromSql)]` expands to for a struct with several fields, and the readers beneath.
//! Binary form (`record_send`): a count, then for each attribute its type's OID and a value.

use super::adapter::{Encode, IsNull};
use super::literal;
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, describe, encode_mismatch, mismatch};
use super::typecaster::{RawValue, null_by};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use crate::wire::values::Values;
use crate::wire::writer::{self, Buffer, put_i32, put_u32};
use postgres_types::{Field, Kind, Type};
use std::borrow::Cow;

/// A field of a derived composite: its attribute's name, and how its plan is made.
#[derive(Debug, Clone, Copy)]
pub struct CompositeField {
    /// The attribute's name on the server, and others that it may have; without any, the attribute at the field's place.
    pub names: &'static [&'static str],
    /// `plan` of the field's type, as an adapter or a typecaster.
    pub plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
    /// The server may lack the attribute.
    pub optional: bool,
}

/// What a derived composite says of itself.
#[derive(Debug, Clone, Copy)]
pub struct CompositeShape<'f> {
    /// The SQL type.
    pub name: TypeName,
    /// The Rust type's fields.
    pub fields: &'f [CompositeField],
    /// The server may have attributes without a field: they are NULL when written, and passed over when read.
    pub allow_extra: bool,
}

/// Plans how a composite is written: fields are matched to the server's attributes by name, in whatever order it has
/// them.
///
/// # Errors
/// A type that isn't the named composite, an attribute without a field or a field without an attribute, and a field
/// whose type doesn't fit, each by name.
pub fn write_plan<T: ?Sized>(
    shape: &CompositeShape<'_>,
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    match attributes(shape.name, type_, planner) {
        Some(attributes) => {
            matched(shape, attributes, type_, planner).map_err(|e| e.with_kind(ErrorKind::Encode))
        }
        None => Err(encode_mismatch::<T>(&shape.name.to_string(), type_)),
    }
}

/// Plans how a composite is read, as [`write_plan`] does.
///
/// # Errors
/// As [`write_plan`].
pub fn read_plan<T: ?Sized>(shape: &CompositeShape<'_>, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    match attributes(shape.name, type_, planner) {
        Some(attributes) => matched(shape, attributes, type_, planner),
        None => Err(mismatch::<T>(&shape.name.to_string(), type_)),
    }
}

/// The attributes, if `type_` is the named composite or a domain over it.
fn attributes<'t>(name: TypeName, type_: &'t Type, planner: &Planner<'_>) -> Option<&'t [Field]> {
    let base = base_type(type_);
    match base.kind() {
        Kind::Composite(attributes) if planner.is(name, base) => Some(attributes),
        _ => None,
    }
}

fn matched(
    shape: &CompositeShape<'_>,
    attributes: &[Field],
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    let fields = shape.fields;
    // Plans number them by 16 bits.
    if attributes.len().max(fields.len()) > usize::from(u16::MAX) {
        return Err(Error::decode(format!("{} has more than 65535 attributes", describe(type_))));
    }
    let mut plans: Vec<Option<Plan>> = fields.iter().map(|_| None).collect();
    let mut order = Vec::with_capacity(attributes.len());
    for (place, attribute) in (0..u16::MAX).zip(attributes) {
        let stands_for = |field: &CompositeField, index| match field.names {
            [] => index == place,
            names => names.contains(&attribute.name()),
        };
        let mut numbered = (0..u16::MAX).zip(fields.iter().zip(&mut plans));
        let Some((index, (field, plan))) = numbered.find(|(index, (field, _))| stands_for(field, *index))
        else {
            if shape.allow_extra {
                order.push(Plan::NO_FIELD);
                continue;
            }
            return Err(no_field(type_, attribute.name(), attributes, fields));
        };
        let child = (field.plan)(attribute.type_(), planner)
            .map_err(|e| e.within(format_args!("attribute {:?} of {}", attribute.name(), describe(type_))))?;
        if plan.replace(child).is_some() {
            return Err(two_attributes(type_, field, attributes));
        }
        order.push(index);
    }
    let mut children = Vec::with_capacity(fields.len());
    for (plan, field) in plans.into_iter().zip(fields) {
        children.push(match plan {
            Some(plan) => plan,
            None if field.optional && !attributes.is_empty() => Plan::absent(),
            None => return Err(no_attribute(type_, field, attributes, fields)),
        });
    }
    if order.len() == fields.len() && (0..u16::MAX).zip(&order).all(|(place, field)| *field == place) {
        order.clear();
    }
    Ok(Plan::nested(type_, children, order))
}

#[cold]
fn two_attributes(type_: &Type, field: &CompositeField, attributes: &[Field]) -> Error {
    let called = |name: &&str| field.names.contains(name);
    let names: Vec<&str> = attributes.iter().map(Field::name).filter(called).collect();
    Error::decode(format!(
        "{} has the attributes {}, and one field stands for all",
        describe(type_),
        names.join(", ")
    ))
    .hint("remove the `alias` that another attribute has")
}

#[cold]
fn no_field(type_: &Type, attribute: &str, attributes: &[Field], fields: &[CompositeField]) -> Error {
    let names: Vec<&str> = fields.iter().filter_map(|field| field.names.first().copied()).collect();
    if names.is_empty() {
        return other_count(type_, attributes, fields).hint(
            "add the fields that are missing at the end, or pass over attributes at the end with \
             `#[pg(allow_extra)]` on the struct",
        );
    }
    Error::decode(format!(
        "{} has an attribute {attribute:?} for which the Rust type has no field; it has {}",
        describe(type_),
        names.join(", ")
    ))
    .hint(
        "add the field, give the one that stands for it `#[pg(name = \"..\")]`, or write `#[pg(allow_extra)]` on the \
         struct, to read past it and to send NULL",
    )
}

#[cold]
fn no_attribute(
    type_: &Type,
    field: &CompositeField,
    attributes: &[Field],
    fields: &[CompositeField],
) -> Error {
    let Some(name) = field.names.first() else {
        return other_count(type_, attributes, fields)
            .hint("leave fields out with `#[pg(skip)]`, or write `#[pg(allow_missing)]` on the struct");
    };
    let names: Vec<&str> = attributes.iter().map(Field::name).collect();
    Error::decode(format!("{} has no attribute {name:?}; it has {}", describe(type_), names.join(", "))).hint(
        "give the field its attribute's name with `#[pg(name = \"..\")]` or `rename_all`, leave it out with \
         `#[pg(skip)]`, or write `#[pg(allow_missing)]` on the struct",
    )
}

fn other_count(type_: &Type, attributes: &[Field], fields: &[CompositeField]) -> Error {
    Error::decode(format!(
        "{} has {} attributes, and the Rust type has {} fields",
        describe(type_),
        attributes.len(),
        fields.len()
    ))
}

/// Puts the name of the attribute behind the Rust field `index` before an error.
#[cold]
fn within(error: Error, plan: &Plan, index: usize) -> Error {
    let at = plan.order.iter().position(|field| usize::from(*field) == index).unwrap_or(index);
    match attribute_at(plan, at) {
        Some(attribute) => {
            error.within(format_args!("attribute {:?} of {}", attribute.name(), describe(&plan.type_)))
        }
        None => error,
    }
}

/// The attribute at a place of the server's order.
fn attribute_at(plan: &Plan, at: usize) -> Option<&Field> {
    match base_type(&plan.type_).kind() {
        Kind::Composite(attributes) => attributes.get(at),
        _ => None,
    }
}

/// How many attributes the planned type has.
fn count_of(plan: &Plan) -> usize {
    if plan.order.is_empty() { plan.children.len() } else { plan.order.len() }
}

/// Writes a composite of `count` fields. `field` writes the Rust field of the given number; it is called in the
/// server's order.
///
/// # Errors
/// A field's error, with its attribute's name; a usage error if the plan is another type's.
pub fn encode(
    to: &mut Encode<'_>,
    count: usize,
    // Not generic, so that this is compiled once and not once for every struct.
    field: &dyn Fn(usize, &mut FieldEncode<'_, '_>) -> Result<()>,
) -> Result<IsNull> {
    let plan = to.plan;
    if plan.children.len() != count {
        return Err(foreign_plan());
    }
    let text = to.format() == Format::Text;
    if text {
        to.out.push(b'(');
    } else {
        put_i32(to.out, i32::try_from(count_of(plan)).map_err(|_| foreign_plan())?);
    }
    for at in 0..count_of(plan) {
        if text && at > 0 {
            to.out.push(b',');
        }
        let index = match plan.order.get(at) {
            Some(&Plan::NO_FIELD) if text => continue, // nothing at all is NULL
            Some(&Plan::NO_FIELD) => {
                let attribute = attribute_at(plan, at).ok_or_else(foreign_plan)?;
                put_u32(to.out, attribute.type_().oid());
                put_i32(to.out, -1);
                continue;
            }
            Some(index) => usize::from(*index),
            None => at,
        };
        field(index, &mut FieldEncode { to, index }).map_err(|e| within(e, plan, index))?;
    }
    if text {
        to.out.push(b')');
    }
    Ok(IsNull::No)
}

#[cold]
fn foreign_plan() -> Error {
    Error::usage("a composite was given the plan of another type")
}

/// Where one field of a composite is written.
#[derive(Debug)]
pub struct FieldEncode<'f, 'e> {
    to: &'f mut Encode<'e>,
    index: usize,
}

impl FieldEncode<'_, '_> {
    /// There is no field of this number.
    ///
    /// # Errors
    /// Always: the plan is another type's.
    #[cold]
    pub fn missing(&self) -> Result<()> {
        Err(foreign_plan())
    }

    /// Writes the field by its type's [`Adapter::encode`](super::adapter::Adapter::encode).
    ///
    /// # Errors
    /// The field's own.
    // The function is handed in so that a type without an adapter is one error in the user's code, at the field.
    #[inline]
    pub fn write<T: ?Sized>(
        &mut self,
        value: &T,
        encode: impl FnOnce(&T, &mut Encode<'_>) -> Result<IsNull>,
    ) -> Result<()> {
        let (plan, settings) = (self.to.plan.child(self.index)?, self.to.settings);
        if self.to.format() == Format::Text {
            let mut out = Buffer::new();
            if encode(value, &mut Encode { out: &mut out, plan, settings })? == IsNull::No {
                literal::quote_attribute(self.to.out, &out);
            }
            return Ok(());
        }
        put_u32(self.to.out, plan.type_.oid());
        writer::value(self.to.out, |out| encode(value, &mut Encode { out, plan, settings }))
    }
}

/// Reads a composite's attributes as fields in the Rust type's order.
#[derive(Debug)]
pub struct Fields<'a, 'p, 'v> {
    raw: RawValue<'a, 'p>,
    /// In binary and in the fields' order, attributes are read on.
    reader: Reader<'a>,
    /// Otherwise they are all here, in the fields' order.
    gathered: Option<&'v Values<'a>>,
    next: usize,
}

impl<'a, 'p, 'v> Fields<'a, 'p, 'v> {
    /// Opens a composite value. `room` is for attributes that come in another order than the fields, or as text: it is the
    /// caller's, since it is too large to be handed on.
    ///
    /// # Errors
    /// A count other than the planned one, or text that isn't a record literal, is a decode error.
    #[inline]
    pub fn new(raw: RawValue<'a, 'p>, room: &'v mut Option<Values<'a>>) -> Result<Fields<'a, 'p, 'v>> {
        let mut reader = raw.reader();
        match raw.format() {
            Format::Binary => {
                check_count(&mut reader, raw.plan)?;
                if !raw.plan.order.is_empty() {
                    *room = Some(Fields::binary(reader, raw.plan)?);
                }
            }
            Format::Text => *room = Some(Fields::text(&raw)?),
        }
        Ok(Fields { raw, reader, gathered: room.as_ref(), next: 0 })
    }

    fn binary(mut reader: Reader<'a>, plan: &Plan) -> Result<Values<'a>> {
        let mut values = Values::new(plan.children.len());
        for index in &plan.order {
            if *index == Plan::NO_FIELD {
                reader.u32()?;
                reader.value()?;
                continue;
            }
            let index = usize::from(*index);
            let value = attribute(&mut reader, plan.child(index)?).map_err(|e| within(e, plan, index))?;
            values.set(index, value);
        }
        reader.finish()?;
        Ok(values)
    }

    fn text(raw: &RawValue<'a, 'p>) -> Result<Values<'a>> {
        let plan = raw.plan;
        let count = count_of(plan);
        let attributes = literal::parse_record(raw.bytes)?;
        if attributes.len() != count {
            let found = i32::try_from(attributes.len()).unwrap_or(i32::MAX);
            return Err(changed(&plan.type_, found, count));
        }
        let mut values = Values::new(plan.children.len());
        for (at, text) in attributes.into_iter().enumerate() {
            let index = match plan.order.get(at) {
                Some(&Plan::NO_FIELD) => continue,
                Some(index) => usize::from(*index),
                None => at,
            };
            let value = text.map(|text| match text {
                Cow::Borrowed(text) => text,
                Cow::Owned(text) => raw.context.scratch.keep(text),
            });
            values.set(index, value);
        }
        Ok(values)
    }

    /// The next field, in the Rust type's order, by its type's [`Typecaster`](super::typecaster::Typecaster) functions.
    ///
    /// # Errors
    /// The field's, with its attribute's name.
    #[inline]
    pub fn next<'s, T>(
        &mut self,
        decode: impl FnOnce(RawValue<'s, 'p>) -> Result<T>,
        null: impl FnOnce() -> Result<T>,
    ) -> Result<T>
    where
        'a: 's,
    {
        let index = self.next;
        self.next = index.saturating_add(1);
        let plan = self.raw.plan;
        let field = match self.value(index) {
            // Narrowed to the field's own lifetime here, so that a struct may have several.
            Ok(Some(bytes)) => {
                plan.child(index).and_then(|plan| decode(RawValue { bytes, plan, context: self.raw.context }))
            }
            Ok(None) => plan.child(index).and_then(|plan| null_by(plan, self.raw.context, decode, null)),
            Err(e) => Err(e),
        };
        match field {
            Ok(field) => Ok(field),
            Err(e) => Err(within(e, plan, index)),
        }
    }

    /// Whether the server lacks the next field's attribute. If so, the field is taken for read: it has a default.
    pub fn is_missing(&mut self) -> bool {
        let missing = self.raw.plan.child(self.next).is_ok_and(Plan::is_absent);
        self.next = self.next.saturating_add(usize::from(missing));
        missing
    }

    #[inline(always)]
    fn value(&mut self, index: usize) -> Result<Option<&'a [u8]>> {
        if let Some(values) = self.gathered {
            return Ok(values.get(index));
        }
        let value = attribute(&mut self.reader, self.raw.plan.child(index)?)?;
        if self.next == self.raw.plan.children.len() {
            self.reader.finish()?;
        }
        Ok(value)
    }
}

/// A value in binary has as many attributes as planned.
#[inline]
fn check_count(reader: &mut Reader<'_>, plan: &Plan) -> Result<()> {
    let (found, wanted) = (reader.i32()?, count_of(plan));
    if usize::try_from(found).ok() == Some(wanted) {
        Ok(())
    } else {
        Err(changed(&plan.type_, found, wanted))
    }
}

/// One attribute in binary, after checking that its type is the planned one.
#[inline(always)]
fn attribute<'a>(reader: &mut Reader<'a>, plan: &Plan) -> Result<Option<&'a [u8]>> {
    let oid = reader.u32()?;
    if oid == plan.type_.oid() { reader.value() } else { Err(other_attribute(oid, &plan.type_)) }
}

#[cold]
fn other_attribute(found: u32, planned: &Type) -> Error {
    Error::decode(format!(
        "an attribute has the type with OID {found}, not {} as the catalog said",
        describe(planned)
    ))
    .type_altered()
}

#[cold]
fn changed(type_: &Type, found: i32, wanted: usize) -> Error {
    Error::decode(format!("a value of {} has {found} attributes, not {wanted}", describe(type_)))
        .type_altered()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::catalog::Catalog;
    use crate::types::typecaster::Typecaster;

    #[test]
    fn attributes_in_the_order_of_the_fields_are_read_on() {
        let fields = [
            CompositeField { names: &["a"], plan: <i32 as Typecaster<'_>>::plan, optional: false },
            CompositeField { names: &["b"], plan: <bool as Typecaster<'_>>::plan, optional: false },
        ];
        let shape = CompositeShape { name: TypeName::Described, fields: &fields, allow_extra: false };
        let order_of = |attributes: [(&str, Type); 2]| {
            let attributes = attributes.map(|(name, type_)| Field::new(name.to_owned(), type_));
            let kind = Kind::Composite(attributes.into());
            let type_ = Type::new("pair".to_owned(), 16_500, kind, "public".to_owned());
            read_plan::<()>(&shape, &type_, &Planner { catalog: &Catalog::default() }).unwrap().order
        };
        assert_eq!(*order_of([("a", Type::INT4), ("b", Type::BOOL)]), [] as [u16; 0]);
        assert_eq!(*order_of([("b", Type::BOOL), ("a", Type::INT4)]), [1, 0]);
    }

    #[test]
    fn more_attributes_than_can_be_numbered_are_an_error() {
        let shape = CompositeShape { name: TypeName::Described, fields: &[], allow_extra: true };
        for (count, fits) in [(65_535, true), (65_536, false)] {
            let attributes = vec![Field::new("a".to_owned(), Type::INT4); count];
            let type_ =
                Type::new("wide".to_owned(), 16_500, Kind::Composite(attributes), "public".to_owned());
            let plan = read_plan::<()>(&shape, &type_, &Planner { catalog: &Catalog::default() });
            assert_eq!(plan.is_ok(), fits, "{count}");
        }
    }
}
