//! How a Rust type names its SQL type, without asking a server.

use postgres_types::{Oid, Type};

/// The SQL type that a Rust type stands for, known at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeName {
    /// The server infers it from where the parameter stands; the value goes as text.
    Inferred,
    /// Known only at run time: a registered codec says it, or the server, which describes the statement first.
    Described,
    /// A type of PostgreSQL's own, whose OID is the same on every server.
    Oid(Oid),
    /// A type that the server's catalog must tell: enums, composites, domains, extensions' types.
    Named(&'static NamedType),
    /// An array of another type. PostgreSQL has no arrays of arrays: see [`TypeName::array_of`].
    Array(&'static TypeName),
    /// The range of a subtype: PostgreSQL's own by heart, any other as the catalog tells.
    Range(&'static TypeName),
    /// The multirange of a subtype.
    Multirange(&'static TypeName),
    /// A record whose fields are these, by position.
    Record(&'static [TypeName]),
}

/// A type known by name.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedType {
    /// The schema; `None` looks the name up as the server does, `pg_catalog` and then the search path.
    pub schema: Option<&'static str>,
    /// The name as the catalog spells it: no quotes, case kept.
    pub name: &'static str,
    /// What the Rust side takes it for.
    pub kind: NamedKind,
}

/// What the Rust side takes a named type for. It decides whether a value can be sent before the catalog is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedKind {
    /// Labels: the text form serves until the OID is known.
    Enum,
    /// A constrained base type: the text form serves until the OID is known.
    Domain,
    /// Read and written through its text form only.
    Text,
    /// Attributes in the server's order: the catalog must be asked first.
    Composite,
    /// A base type whose binary form is its fields in a row: the catalog must be asked first, unless it is built in.
    Packed,
    /// A range or multirange: the catalog must be asked first, unless it is built in.
    Range,
    /// A base type of an extension, with a binary form of its own: the catalog must be asked first.
    Base,
}

impl NamedKind {
    /// Whether nothing can be sent before the catalog was asked; else the text form serves until then.
    pub const fn needs_catalog(self) -> bool {
        match self {
            NamedKind::Composite | NamedKind::Packed | NamedKind::Range | NamedKind::Base => true,
            NamedKind::Enum | NamedKind::Domain | NamedKind::Text => false,
        }
    }
}

impl TypeName {
    /// The array of `element`; an array of an array is the same SQL type with one more dimension.
    pub const fn array_of(element: &'static TypeName) -> TypeName {
        match element {
            TypeName::Array(_) => *element,
            _ => TypeName::Array(element),
        }
    }

    /// Whether the type, or one inside, is known only at run time.
    pub const fn is_described(&self) -> bool {
        match self {
            TypeName::Described => true,
            TypeName::Array(inner) | TypeName::Range(inner) | TypeName::Multirange(inner) => {
                inner.is_described()
            }
            TypeName::Record(fields) => {
                let mut rest = *fields;
                while let [field, others @ ..] = rest {
                    if field.is_described() {
                        return true;
                    }
                    rest = others;
                }
                false
            }
            TypeName::Inferred | TypeName::Oid(_) | TypeName::Named(_) => false,
        }
    }

    /// The named type inside: of an array its element, of a range its subtype.
    pub const fn named(&self) -> Option<&'static NamedType> {
        match self {
            TypeName::Named(named) => Some(named),
            TypeName::Array(inner) | TypeName::Range(inner) | TypeName::Multirange(inner) => inner.named(),
            TypeName::Inferred | TypeName::Described | TypeName::Oid(_) | TypeName::Record(_) => None,
        }
    }

    /// Visits this name and those inside it.
    pub fn each(self, visit: &mut impl FnMut(TypeName)) {
        visit(self);
        match self {
            TypeName::Array(inner) | TypeName::Range(inner) | TypeName::Multirange(inner) => {
                inner.each(visit)
            }
            TypeName::Record(fields) => fields.iter().for_each(|field| field.each(visit)),
            TypeName::Inferred | TypeName::Described | TypeName::Oid(_) | TypeName::Named(_) => {}
        }
    }
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TypeName::Inferred => f.write_str("text of inferred type"),
            TypeName::Described => f.write_str("a type known at run time"),
            TypeName::Oid(oid) => match Type::from_oid(*oid) {
                Some(type_) => f.write_str(type_.name()),
                None => write!(f, "the type with OID {oid}"),
            },
            TypeName::Named(named) => named.fmt(f),
            TypeName::Array(element) => write!(f, "{element}[]"),
            TypeName::Range(subtype) | TypeName::Multirange(subtype) => {
                let multi = matches!(self, TypeName::Multirange(_));
                match built_in_range(**subtype, multi) {
                    Some(type_) => f.write_str(type_.name()),
                    None => write!(f, "a {}range of {subtype}", if multi { "multi" } else { "" }),
                }
            }
            TypeName::Record(_) => f.write_str("record"),
        }
    }
}

/// PostgreSQL's own range or multirange of a subtype: no two of them are of one.
pub fn built_in_range(subtype: TypeName, multi: bool) -> Option<Type> {
    let TypeName::Oid(oid) = subtype else {
        return None;
    };
    Some(match (Type::from_oid(oid)?, multi) {
        (Type::INT4, false) => Type::INT4_RANGE,
        (Type::INT4, true) => Type::INT4MULTI_RANGE,
        (Type::INT8, false) => Type::INT8_RANGE,
        (Type::INT8, true) => Type::INT8MULTI_RANGE,
        (Type::NUMERIC, false) => Type::NUM_RANGE,
        (Type::NUMERIC, true) => Type::NUMMULTI_RANGE,
        (Type::DATE, false) => Type::DATE_RANGE,
        (Type::DATE, true) => Type::DATEMULTI_RANGE,
        (Type::TIMESTAMP, false) => Type::TS_RANGE,
        (Type::TIMESTAMP, true) => Type::TSMULTI_RANGE,
        (Type::TIMESTAMPTZ, false) => Type::TSTZ_RANGE,
        (Type::TIMESTAMPTZ, true) => Type::TSTZMULTI_RANGE,
        _ => return None,
    })
}

impl std::fmt::Display for NamedType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(self.name)
    }
}
