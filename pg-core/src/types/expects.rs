//! What a Rust type expects of its SQL type, as a constant, and how the two have drifted apart.

use super::catalog::Catalog;
use super::name::{NamedType, TypeName};
use super::plan::{Plan, Planner, base_type, describe, is_string_like};
use crate::error::Result;
use postgres_types::{Field, Kind, Type};
use std::fmt;

/// What a Rust type expects of its SQL type, beyond its name. Derives write it.
#[derive(Debug, Clone, Copy)]
pub enum Expects {
    /// That it is there.
    Existence,
    /// An enum with just these labels.
    Labels {
        /// The labels, in the Rust type's order.
        labels: &'static [&'static str],
        /// Labels that are read and never written: they may be there.
        aliases: &'static [&'static str],
        /// Others may be there: a variant takes them.
        others: bool,
    },
    /// A composite with these attributes, in any order.
    Attributes {
        /// Those that are written, in the Rust type's order.
        fields: &'static [Attribute],
        /// Others may be there.
        allow_extra: bool,
    },
    /// A domain over this.
    DomainOver(&'static TypeName, &'static Expects),
    /// A base type that has a binary form.
    Packed,
}

/// An attribute that a derived composite expects.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name, and others that it may have; without any, the attribute at the field's place.
    pub names: &'static [&'static str],
    /// The field's SQL type.
    pub type_name: TypeName,
    /// How the field is written as the attribute's type, or why it can't be.
    pub plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
    /// The server may lack it.
    pub optional: bool,
    /// What the field's type expects.
    pub expects: &'static Expects,
}

/// A difference between a Rust type and its SQL type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    type_name: String,
    told: String,
}

impl Drift {
    /// The SQL type, as the Rust type names it.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.type_name, self.told)
    }
}

/// Adds how `name` differs from what is expected of it, and those inside it; each type once.
pub(crate) fn compare(name: TypeName, expects: &Expects, catalog: &Catalog, drifts: &mut Vec<Drift>) {
    let Some(named) = name.named() else { return };
    let type_name = named.to_string();
    let mut tell = |told: String| {
        let drift = Drift { type_name: type_name.clone(), told };
        if !drifts.contains(&drift) {
            drifts.push(drift);
        }
    };
    let Some(found) = catalog.resolve(TypeName::Named(named)) else {
        let place = named.schema.map_or_else(|| "the search path".to_owned(), |s| format!("schema {s:?}"));
        return tell(format!("there is no such type in {place}"));
    };
    match (expects, found.kind()) {
        (Expects::Existence, _) => {}
        (Expects::Labels { labels, aliases, others }, Kind::Enum(there)) => {
            for label in labels.iter().filter(|label| !there.iter().any(|l| l == *label)) {
                tell(format!("the server has no label {label:?}; it has {}", there.join(", ")));
            }
            let is_known = |label: &str| labels.contains(&label) || aliases.contains(&label);
            for label in there.iter().filter(|label| !others && !is_known(label)) {
                tell(format!("the Rust type has no variant for the label {label:?}"));
            }
        }
        (Expects::Attributes { fields, allow_extra }, Kind::Composite(attributes)) => {
            let place = |field: &Attribute, at: usize| match field.names {
                [] => Some(at).filter(|at| *at < attributes.len()),
                names => attributes.iter().position(|attribute| names.contains(&attribute.name())),
            };
            let places: Vec<Option<usize>> =
                fields.iter().enumerate().map(|(at, field)| place(field, at)).collect();
            for (at, (field, place)) in fields.iter().zip(&places).enumerate() {
                match place.and_then(|place| attributes.get(place)) {
                    Some(attribute) => {
                        if let Err(error) = (field.plan)(attribute.type_(), &Planner { catalog }) {
                            tell(format!("attribute {:?}: {}", attribute.name(), error.message()));
                        }
                    }
                    None if field.optional => {}
                    None => {
                        let names: Vec<&str> = attributes.iter().map(Field::name).collect();
                        let wanted = match field.names.first() {
                            Some(name) => format!("attribute {name:?}"),
                            None => format!("attribute number {}", at.saturating_add(1)),
                        };
                        tell(format!("the server has no {wanted}; it has {}", names.join(", ")));
                    }
                }
            }
            for (at, attribute) in attributes.iter().enumerate() {
                if !allow_extra && !places.contains(&Some(at)) {
                    tell(format!("the Rust type has no field for the attribute {:?}", attribute.name()));
                }
            }
            for field in *fields {
                compare(field.type_name, field.expects, catalog, drifts);
            }
        }
        (Expects::DomainOver(over, inside), Kind::Domain(base)) => {
            let planner = Planner { catalog };
            // A string is written as any type's text, and read from few; a domain over a domain stands for both.
            if **over == TypeName::Inferred {
                if !is_string_like(base) {
                    tell(format!("the server's domain is over {}, which no string reads", describe(base)));
                }
            } else if !planner.is(**over, base) && !planner.is(**over, base_type(base)) {
                tell(format!("the server's domain is over {}, the Rust type's over {over}", describe(base)));
            }
            compare(**over, inside, catalog, drifts);
        }
        (Expects::Packed, _) => {
            if !catalog.has_binary_form(&found) {
                tell("the server's type has no binary form".to_owned());
            }
        }
        (expected, kind) => {
            tell(format!("the server's type is {}, not {}", kind_word(kind), expected.word()))
        }
    }
}

/// Adds the names of a type and of those inside it.
pub(crate) fn names(name: TypeName, expects: &Expects, to: &mut Vec<&'static NamedType>) {
    to.extend(name.named().filter(|named| !to.contains(named)));
    match expects {
        Expects::Attributes { fields, .. } => {
            fields.iter().for_each(|field| names(field.type_name, field.expects, to));
        }
        Expects::DomainOver(over, inside) => names(**over, inside, to),
        Expects::Existence | Expects::Labels { .. } | Expects::Packed => {}
    }
}

impl Expects {
    fn word(&self) -> &'static str {
        match self {
            Expects::Existence => "any type",
            Expects::Labels { .. } => "an enum",
            Expects::Attributes { .. } => "a composite",
            Expects::DomainOver(..) => "a domain",
            Expects::Packed => "a base type",
        }
    }
}

fn kind_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Simple => "a base type",
        Kind::Enum(_) => "an enum",
        Kind::Pseudo => "a pseudo-type",
        Kind::Array(_) => "an array",
        Kind::Range(_) => "a range",
        Kind::Multirange(_) => "a multirange",
        Kind::Domain(_) => "a domain",
        Kind::Composite(_) => "a composite",
        _ => "of another kind",
    }
}
