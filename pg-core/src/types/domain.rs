//! Domains: what `#[derive(ToSql, FromSql)]` calls for a newtype with `#[pg(domain)]`.
//! A domain travels as the type it is made over. A column arrives with that type's OID, an array's element and a
//! composite's attribute with the domain's own, so the plan keeps the type it was asked for and has the field's inside.

use super::adapter::Encode;
use super::name::{NamedKind, TypeName};
use super::plan::{Plan, Planner};
use super::typecaster::RawValue;
use crate::error::Result;
use crate::message::Format;
use postgres_types::{Kind, Type};

/// The OID of `money`.
const MONEY: u32 = 790;

/// What a domain over a type named `field` is, as far as sending it unresolved goes: its text form serves unless
/// what it is made over must be looked up first, or has no text form that can be written.
pub const fn kind(field: TypeName) -> NamedKind {
    match field.named() {
        Some(named) if named.kind.needs_catalog() => named.kind,
        _ if is_money(&field) => NamedKind::Base,
        _ => NamedKind::Domain,
    }
}

/// Whether it is `money`, or made of it: that is written in binary only.
const fn is_money(name: &TypeName) -> bool {
    match name {
        TypeName::Oid(oid) => *oid == MONEY,
        TypeName::Array(inner) | TypeName::Range(inner) | TypeName::Multirange(inner) => is_money(inner),
        TypeName::Inferred | TypeName::Described | TypeName::Named(_) | TypeName::Record(_) => false,
    }
}

/// Plans a domain: `type_` may be the domain, a domain over it, or the type it is made over. `field` and `field_name`
/// are the plan and the name of the newtype's field.
///
/// # Errors
/// The field's error, if it doesn't fit the type that the domain is made over.
pub fn plan(
    name: TypeName,
    field_name: TypeName,
    field: fn(&Type, &Planner<'_>) -> Result<Plan>,
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    let of_field = || planner.catalog.resolve(field_name);
    let inner = if *type_ == Type::UNKNOWN {
        match (field(type_, planner), of_field()) {
            (Err(_), Some(own)) => field(&own, planner),
            (planned, _) => planned,
        }
        .map(|mut plan| {
            plan.set_format(Format::Text);
            plan
        })
    } else {
        match base(name, type_, planner) {
            Some(base) => field(base, planner),
            // A type that nobody has looked up and that may be the domain: the field's own type tells its form.
            None => match of_field() {
                Some(own) => field(&own, planner),
                None => field(type_, planner),
            },
        }
    };
    let inner = inner.map_err(|e| e.within(format_args!("domain {name}")))?;
    Ok(Plan::nested(type_, vec![inner], Vec::new()))
}

/// The type beneath the domain, or `type_` itself if it is no domain; `None` if nothing is known of it.
fn base<'t>(name: TypeName, type_: &'t Type, planner: &Planner<'_>) -> Option<&'t Type> {
    let mut over = type_;
    while let Kind::Domain(base) = over.kind() {
        let found = planner.is(name, over);
        over = base;
        if found {
            return Some(over);
        }
    }
    if planner.catalog.knows(over.oid()) { Some(over) } else { None }
}

/// Where the newtype's field is written.
pub fn encode<'e>(to: &'e mut Encode<'_>) -> Encode<'e> {
    // A value of inferred type has no plan inside.
    Encode { plan: to.plan.children.first().unwrap_or(to.plan), out: to.out, settings: to.settings }
}

/// What the newtype's field is read from.
pub fn decode<'a, 'p>(raw: RawValue<'a, 'p>) -> RawValue<'a, 'p> {
    RawValue { plan: raw.plan.children.first().unwrap_or(raw.plan), ..raw }
}
