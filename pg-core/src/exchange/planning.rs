//! What is known of a statement before it is sent: which types must be asked for, and how its parameters go.

use super::prelude::{Needs, Wanted};
use super::text;
use crate::error::{Error, Result};
use crate::params::{ParamField, Params, named};
use crate::protocol::conversation::Conversation;
use crate::row::{Column, Shape};
use crate::types::catalog::Catalog;
use crate::types::name::{NamedKind, NamedType, TypeName};
use crate::types::plan::{Plan, Planner};
use postgres_types::{Oid, Type};

/// [`Params`] without its writing, for code that needn't be made anew for every list of types.
pub(super) trait Described {
    fn fields(&self) -> &'static [ParamField];
    fn len(&self) -> usize;
    fn name(&self, index: usize) -> TypeName;
    fn plan_at(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan>;
}

impl<P: Params> Described for P {
    fn fields(&self) -> &'static [ParamField] {
        Params::fields(self)
    }

    fn len(&self) -> usize {
        self.count()
    }

    fn name(&self, index: usize) -> TypeName {
        self.type_name(index)
    }

    fn plan_at(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        self.plan(index, type_, planner)
    }
}

/// Statements whose `$n` are parameters, and nothing else: what others define may have parameters of its own.
const WITH_PARAMETERS: &[&str] =
    &["select", "insert", "update", "delete", "merge", "with", "values", "table"];

/// Refuses parameters that the statement has no place for, which the server takes in silence if they have a type, and
/// places without a parameter. `escapes` says that backslashes escape in every string.
pub(super) fn check_count(sql: &str, params: &dyn Described, escapes: bool) -> Result<()> {
    let count = params.len();
    if count > usize::from(u16::MAX) {
        return Err(Error::usage(format!("{count} parameters: PostgreSQL takes at most 65535"))
            .hint("pass an array and `unnest($1)` it, or use COPY"));
    }
    let highest = named::highest_number(sql, escapes);
    let first =
        text::from_first_word(sql).split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let takes_them = WITH_PARAMETERS.iter().any(|word| first.eq_ignore_ascii_case(word));
    if highest < count || (takes_them && highest > count) {
        return Err(other_count(count, highest));
    }
    Ok(())
}

/// So many parameters were given to a statement that has another number of them.
#[cold]
pub(super) fn other_count(given: usize, has: usize) -> Error {
    let were = if given == 1 { "parameter was" } else { "parameters were" };
    let cure = match given > has {
        true => "write $1, $2 .. in the SQL where the parameters belong, or leave them out",
        false => "give a parameter for each $1, $2 .. of the statement",
    };
    Error::usage(format!("{given} {were} given to a statement that has {has}")).hint(cure)
}

/// The types that the catalog must tell before the statement can be sent.
pub(super) fn missing_types(
    c: &mut Conversation,
    params: &dyn Described,
    shape: &'static Shape,
) -> Option<Needs> {
    unresolved(&c.catalog, params, shape)?;
    // Another connection of the registry may have asked since.
    c.adopt_types();
    unresolved(&c.catalog, params, shape).map(Needs::Types)
}

/// The types of columns that the catalog must be asked for.
pub(super) fn unknown(catalog: &Catalog, columns: &[Column]) -> Option<Needs> {
    let oids = columns.iter().map(|column| column.type_().oid());
    let oids: Vec<Oid> = oids.filter(|oid| !catalog.knows(*oid)).collect();
    (!oids.is_empty()).then(|| Needs::Types(Wanted { oids, ..wanted(catalog) }))
}

/// What goes along with whatever is asked: the names of registered codecs.
pub(super) fn wanted(catalog: &Catalog) -> Wanted {
    Wanted { expressions: catalog.expressions(), ..Wanted::default() }
}

/// What must be asked because a text form can't stand in for it, and all else of the statement that isn't known: one
/// query answers for all, and what was sent as text of inferred type might come back as text. The names of registered
/// codecs must be known where a type may be one of theirs: not where all are PostgreSQL's own.
fn unresolved(catalog: &Catalog, params: &dyn Described, shape: &'static Shape) -> Option<Wanted> {
    let (mut names, mut also, mut oids) = (Vec::new(), Vec::new(), Vec::new());
    let mut open = shape.is_dynamic();
    let mut needed = |name: TypeName| {
        open |= matches!(name, TypeName::Described | TypeName::Named(_));
        match name {
            TypeName::Named(named) if catalog.resolve(name).is_none() => match named.kind.needs_catalog() {
                true => names.push(named),
                false => also.push(named),
            },
            TypeName::Range(subtype) | TypeName::Multirange(subtype)
                if catalog.resolve(name).is_none() && catalog.ranges_of(*subtype).is_none() =>
            {
                match catalog.resolve(*subtype) {
                    Some(subtype) => oids.push(subtype.oid()),
                    None => names.extend(subtype.named()),
                }
            }
            // The delimiter is the type's own affair.
            TypeName::Array(TypeName::Named(named @ NamedType { kind: NamedKind::Text, .. }))
                if catalog.resolve(TypeName::Named(named)).is_none() =>
            {
                names.push(named);
            }
            _ => {}
        }
    };
    (0..params.len()).for_each(|index| params.name(index).each(&mut needed));
    shape.each_type(&mut |name| name.each(&mut needed));
    if names.is_empty() && oids.is_empty() && (!open || catalog.is_settled()) {
        return None;
    }
    also.retain(|named| !names.contains(named));
    Some(Wanted { names: distinct(names), also: distinct(also), oids, ..wanted(catalog) })
}

/// A type that stands in several places is asked for once.
fn distinct(names: Vec<&'static NamedType>) -> Vec<&'static NamedType> {
    let mut once = Vec::with_capacity(names.len());
    for named in names {
        if !once.contains(&named) {
            once.push(named);
        }
    }
    once
}

/// Whether some type is looked for in the search path: it has a name without a schema, or one that was registered.
pub(super) fn goes_by_path(params: &dyn Described, shape: &'static Shape) -> bool {
    let mut by_path = shape.is_dynamic();
    let mut visit = |name: TypeName| match name {
        TypeName::Named(named) => by_path |= named.schema.is_none(),
        TypeName::Described => by_path = true,
        _ => {}
    };
    (0..params.len()).for_each(|index| params.name(index).each(&mut visit));
    shape.each_type(&mut |name| name.each(&mut visit));
    by_path
}

/// How parameters are sent.
pub(super) struct Planned {
    /// The declared types, 0 for what the server infers.
    pub(super) types: Vec<Oid>,
    pub(super) plans: Vec<Plan>,
    /// The server must say what it infers before they can be written.
    pub(super) waits: bool,
}

/// The declared OID and the plan of each parameter. What the catalog doesn't know yet goes as text of inferred type.
/// `inferred` is what the server has inferred, if it was asked.
pub(super) fn plan_params(catalog: &Catalog, params: &dyn Described, inferred: &[Oid]) -> Result<Planned> {
    let planner = Planner { catalog };
    let mut types = Vec::with_capacity(params.len());
    let mut plans = Vec::with_capacity(params.len());
    let mut waits = false;
    for index in 0..params.len() {
        let name = params.name(index);
        let type_ = catalog.resolve(name).unwrap_or(Type::UNKNOWN);
        let within = |e: Error| e.within(ParamField::describe(params.fields(), index));
        let mut plan = params.plan_at(index, &type_, &planner).map_err(within)?;
        // A registered codec knows its type; what doesn't is what the server has inferred.
        let declared = if name.is_described() { &plan.type_ } else { &type_ };
        types.push(if *declared == Type::UNKNOWN { 0 } else { declared.oid() });
        if name.is_described() && plan.type_ == Type::UNKNOWN {
            waits = true;
            if let Some(oid) = inferred.get(index) {
                plan = params.plan_at(index, &catalog.type_or_stand_in(*oid), &planner).map_err(within)?;
            }
        }
        plans.push(plan);
    }
    Ok(Planned { types, plans, waits })
}
