//! Packed types: base types whose binary form is the binary forms of their parts in a row, each of a fixed size, with
//! no lengths between: what `#[derive(ToSql, FromSql)]` calls for `#[pg(packed)]`.
//!
//! A type's text form is its own affair, so packed types travel in binary. PostgreSQL's geometric types are the
//! exception: their text forms are their numbers with commas between and brackets around.
//! Manual: "Geometric Types".

use super::adapter::{Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, describe, encode_mismatch, mismatch};
use super::typecaster::RawValue;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use postgres_types::Type;

/// A field of a derived packed type: its name for errors, its SQL type, and how its plan is made.
#[derive(Debug, Clone, Copy)]
pub struct PackedField {
    /// The Rust field's name.
    pub name: &'static str,
    /// The field's SQL type: nothing on the server names it.
    pub type_name: TypeName,
    /// `plan` of the field's type, as an adapter or a typecaster.
    pub plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
}

/// Plans how a packed type is written.
///
/// # Errors
/// A type other than the named one, and a field whose type is not known or has no fixed size, by name.
pub fn write_plan<T: ?Sized>(
    name: TypeName,
    fields: &[PackedField],
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    if !planner.is(name, base_type(type_)) {
        return Err(encode_mismatch::<T>(&name.to_string(), type_));
    }
    parts(fields, type_, planner).map_err(|e| e.with_kind(ErrorKind::Encode))
}

/// Plans how a packed type is read.
///
/// # Errors
/// As [`write_plan`].
pub fn read_plan<T: ?Sized>(
    name: TypeName,
    fields: &[PackedField],
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    if !planner.is(name, base_type(type_)) {
        return Err(mismatch::<T>(&name.to_string(), type_));
    }
    parts(fields, type_, planner)
}

fn parts(fields: &[PackedField], type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let mut children = Vec::with_capacity(fields.len());
    for field in fields {
        let within = |e: Error| e.within(format_args!("field {:?} of {}", field.name, describe(type_)));
        let own =
            planner.catalog.resolve(field.type_name).ok_or_else(|| within(unresolved(field.type_name)))?;
        let child = (field.plan)(&own, planner).map_err(within)?;
        if child.format == Format::Text || size(&child).is_none() {
            return Err(within(
                Error::decode(format!("{} has no binary form of a fixed size", describe(&own)))
                    .hint("a packed type is made of numbers, times and the like: derive it with `#[pg(text)]` instead"),
            ));
        }
        children.push(child);
    }
    Ok(Plan::nested(type_, children, Vec::new()))
}

#[cold]
fn unresolved(name: TypeName) -> Error {
    let error = Error::decode(format!("the size of {name} is not known"));
    match name.named() {
        Some(_) => error.hint("no value says that it is inside: register it, `Registry::new().with::<..>()`"),
        None => error.hint(
            "a packed type is made of numbers, times and the like: derive it with `#[pg(text)]` instead",
        ),
    }
}

/// The size in binary of a value with this plan; `None` if it varies. (`typlen` of the server's `pg_type`.)
fn size(plan: &Plan) -> Option<usize> {
    if !plan.children.is_empty() {
        return plan.children.iter().try_fold(0usize, |sum, child| sum.checked_add(size(child)?));
    }
    Some(match *base_type(&plan.type_) {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID | Type::XID | Type::CID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::MONEY | Type::PG_LSN | Type::XID8 | Type::MACADDR8 => 8,
        Type::MACADDR | Type::TID => 6,
        Type::TIMETZ => 12,
        Type::UUID | Type::INTERVAL | Type::POINT => 16,
        _ => return None,
    })
}

/// How many numbers a value with this plan is made of.
fn numbers(plan: &Plan) -> usize {
    if plan.children.is_empty() {
        return 1;
    }
    plan.children.iter().fold(0, |sum, child| sum.saturating_add(numbers(child)))
}

/// The brackets around the text form of a geometric type; `None` for any other type.
fn brackets(type_: &Type) -> Option<(&'static str, &'static str)> {
    match *base_type(type_) {
        Type::POINT => Some(("(", ")")),
        Type::LINE => Some(("{", "}")),
        Type::LSEG | Type::BOX | Type::CIRCLE => Some(("", "")),
        _ => None,
    }
}

#[cold]
fn no_text(type_: &Type) -> Error {
    Error::usage(format!("{} is packed: only its binary form is known, and text is asked for", describe(type_)))
        .hint("something beside it in the same value or row has only a text form: read them apart, or derive the type \
               with `#[pg(text)]`")
}

/// Writes the parts in order.
#[derive(Debug)]
pub struct PackedEncode<'f, 'e> {
    to: &'f mut Encode<'e>,
    next: usize,
}

impl<'f, 'e> PackedEncode<'f, 'e> {
    /// Opens a value.
    ///
    /// # Errors
    /// A usage error if text is asked for and the type has none here.
    pub fn new(to: &'f mut Encode<'e>) -> Result<PackedEncode<'f, 'e>> {
        if to.format() == Format::Text {
            let (open, _) = brackets(&to.plan.type_).ok_or_else(|| no_text(&to.plan.type_))?;
            to.out.extend_from_slice(open.as_bytes());
        }
        Ok(PackedEncode { to, next: 0 })
    }

    /// Writes the next part by its type's [`Adapter::encode`](super::adapter::Adapter::encode).
    ///
    /// # Errors
    /// The part's error; NULL is an encode error.
    pub fn write<T: ?Sized>(
        &mut self,
        part: &T,
        encode: impl FnOnce(&T, &mut Encode<'_>) -> Result<IsNull>,
    ) -> Result<()> {
        if self.to.format() == Format::Text && self.next > 0 {
            self.to.out.push(b',');
        }
        let (plan, settings) = (self.to.plan.child(self.next)?, self.to.settings);
        self.next = self.next.saturating_add(1);
        match encode(part, &mut Encode { out: self.to.out, plan, settings })? {
            IsNull::No => Ok(()),
            IsNull::Yes => Err(null(&self.to.plan.type_)),
        }
    }

    /// Closes the value.
    ///
    /// # Errors
    /// A usage error if fewer parts were written than planned.
    pub fn finish(self) -> Result<IsNull> {
        if self.next != self.to.plan.children.len() {
            return Err(Error::usage("a packed value has another number of parts than its plan"));
        }
        if let (Format::Text, Some((_, close))) = (self.to.format(), brackets(&self.to.plan.type_)) {
            self.to.out.extend_from_slice(close.as_bytes());
        }
        Ok(IsNull::No)
    }
}

#[cold]
fn null(type_: &Type) -> Error {
    Error::encode(format!("a part of {} is NULL: a packed type has no form for that", describe(type_)))
}

/// Reads the parts in order.
#[derive(Debug)]
pub struct Parts<'a, 'p> {
    raw: RawValue<'a, 'p>,
    rest: &'a [u8],
    next: usize,
}

impl<'a, 'p> Parts<'a, 'p> {
    /// Opens a value whose size is exactly that of its parts.
    ///
    /// # Errors
    /// Another size is a decode error; so is text of a type that has none here.
    pub fn new(raw: RawValue<'a, 'p>) -> Result<Parts<'a, 'p>> {
        let (found, wanted, what) = match raw.format() {
            Format::Binary => (raw.bytes.len(), size(raw.plan).unwrap_or(usize::MAX), "bytes"),
            Format::Text => {
                brackets(&raw.plan.type_).ok_or_else(|| no_text(&raw.plan.type_))?;
                let commas = raw.bytes.iter().filter(|byte| **byte == b',').count();
                (commas.saturating_add(1), numbers(raw.plan), "numbers")
            }
        };
        if found != wanted {
            return Err(wrong_size(&raw.plan.type_, found, wanted, what));
        }
        Ok(Parts { raw, rest: raw.bytes, next: 0 })
    }

    /// The next part, by its type's [`Typecaster::decode`](super::typecaster::Typecaster::decode).
    ///
    /// # Errors
    /// The part's error.
    #[inline]
    pub fn next<'s, T>(&mut self, decode: impl FnOnce(RawValue<'s, 'p>) -> Result<T>) -> Result<T>
    where
        'a: 's,
    {
        let plan = self.raw.plan.child(self.next)?;
        self.next = self.next.saturating_add(1);
        let (part, rest) = match self.raw.format() {
            Format::Binary => size(plan).and_then(|size| self.rest.split_at_checked(size)),
            Format::Text => split_numbers(self.rest, numbers(plan)),
        }
        .ok_or_else(|| Error::usage("a packed value has another number of parts than its plan"))?;
        self.rest = rest;
        decode(RawValue { bytes: part, plan, context: self.raw.context })
    }
}

/// The first `count` numbers of a geometric value's text, without the brackets around them, and what comes after.
fn split_numbers(text: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    let mut commas = text.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at);
    let (taken, rest) = match commas.nth(count.checked_sub(1)?) {
        Some(comma) => (text.get(..comma)?, text.get(comma.checked_add(1)?..)?),
        None => (text, Default::default()),
    };
    let mut taken = taken;
    while let [b'(' | b'[' | b'<' | b'{' | b' ', inner @ ..] = taken {
        taken = inner;
    }
    while let [inner @ .., b')' | b']' | b'>' | b'}' | b' '] = taken {
        taken = inner;
    }
    Some((taken, rest))
}

#[cold]
fn wrong_size(type_: &Type, found: usize, wanted: usize, what: &str) -> Error {
    Error::decode(format!(
        "a value of {} has {found} {what}, and the Rust type has {wanted}",
        describe(type_)
    ))
    .hint("a packed struct lists all the fields of the type, in its binary form's order")
}

#[cfg(test)]
mod tests {
    use super::split_numbers;

    #[test]
    fn numbers_are_taken_without_their_brackets() {
        let circle = b"<(1.5,-2),3>";
        let (center, rest) = split_numbers(circle, 2).unwrap();
        assert_eq!((center, rest), (&b"1.5,-2"[..], &b"3>"[..]));
        assert_eq!(split_numbers(rest, 1).unwrap(), (&b"3"[..], &b""[..]));
    }
}
