//! How a Rust type names its SQL type, without asking a server.

use postgres_types::Oid;

/// The SQL type that a Rust type stands for, known at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeName {
    /// The server infers it from where the parameter stands; the value goes as text.
    Inferred,
    /// A type of PostgreSQL's own, whose OID is the same on every server.
    Oid(Oid),
    /// A type that the server's catalog must tell: enums, composites, domains, extensions' types.
    Named(&'static NamedType),
    /// An array of another type. PostgreSQL has no arrays of arrays: see [`TypeName::array_of`].
    Array(&'static TypeName),
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
}

impl TypeName {
    /// The array of `element`; an array of an array is the same SQL type with one more dimension.
    pub const fn array_of(element: &'static TypeName) -> TypeName {
        match element {
            TypeName::Array(_) => *element,
            _ => TypeName::Array(element),
        }
    }

    /// The named type inside, of an array its element.
    pub const fn named(&self) -> Option<&'static NamedType> {
        match self {
            TypeName::Named(named) => Some(named),
            TypeName::Array(element) => element.named(),
            TypeName::Inferred | TypeName::Oid(_) => None,
        }
    }
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TypeName::Inferred => f.write_str("text of inferred type"),
            TypeName::Oid(oid) => match postgres_types::Type::from_oid(*oid) {
                Some(type_) => f.write_str(type_.name()),
                None => write!(f, "the type with OID {oid}"),
            },
            TypeName::Named(named) => named.fmt(f),
            TypeName::Array(element) => write!(f, "{element}[]"),
        }
    }
}

impl std::fmt::Display for NamedType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(self.name)
    }
}
