//! Plans: what is found out once per statement, so that each value is read or written without looking anything up.

use super::catalog::Catalog;
use super::codecs::Registered;
use super::name::{NamedKind, NamedType, TypeName};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::{Kind, Type};
use std::borrow::Cow;
use std::sync::Arc;

/// How one value of a statement is read or written: its SQL type, its format, and the plans of what is inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The SQL type on the server.
    pub type_: Type,
    /// The form in which the value travels.
    pub format: Format,
    /// Of an array its element, of a composite its fields in the Rust type's order.
    pub children: Box<[Plan]>,
    /// Of a composite: for each of its attributes in the server's order, the Rust field's number, or
    /// [`Plan::NO_FIELD`]. Empty where the two orders are the same.
    pub order: Box<[u16]>,
    /// Of an array's element: what stands between elements in the array's text.
    pub delimiter: u8,
    /// What was registered at run time for this value, if that reads or writes it.
    pub(super) codec: Option<RunTime>,
}

/// What was registered at run time for a value.
#[derive(Debug, Clone)]
pub(super) enum RunTime {
    /// It reads or writes the value.
    Value(Arc<Registered>),
    /// It answers for NULL.
    Null(Arc<Registered>),
}

impl PartialEq for RunTime {
    fn eq(&self, other: &RunTime) -> bool {
        match (self, other) {
            (RunTime::Value(a), RunTime::Value(b)) | (RunTime::Null(a), RunTime::Null(b)) => {
                Arc::ptr_eq(a, b)
            }
            _ => false,
        }
    }
}

impl Plan {
    /// In [`Plan::order`]: an attribute for which the Rust type has no field.
    pub const NO_FIELD: u16 = u16::MAX;

    /// Of a field for which the composite has no attribute.
    pub fn absent() -> Plan {
        // No attribute is of this type, so that nothing else can be taken for it.
        Plan::leaf(&Type::VOID, Format::Binary)
    }

    /// Whether it is [`Plan::absent`].
    pub fn is_absent(&self) -> bool {
        self.type_ == Type::VOID
    }

    /// A value with nothing inside.
    pub fn leaf(type_: &Type, format: Format) -> Plan {
        Plan {
            type_: type_.clone(),
            format,
            children: Box::default(),
            order: Box::default(),
            delimiter: b',',
            codec: None,
        }
    }

    /// A value with others inside. Text spreads up: if one of them has only a text form, so has the whole.
    pub fn nested(type_: &Type, children: Vec<Plan>, order: Vec<u16>) -> Plan {
        let text = children.iter().any(|child| child.format == Format::Text);
        let format = if text { Format::Text } else { Format::Binary };
        let mut plan = Plan { children: children.into(), order: order.into(), ..Plan::leaf(type_, format) };
        plan.set_format(format);
        plan
    }

    /// The plan inside, at `index`.
    #[inline]
    pub fn child(&self, index: usize) -> Result<&Plan> {
        self.children.get(index).ok_or_else(|| Error::usage("a plan has no such child"))
    }

    /// How NULL is read, if a typecaster was registered that wants to see it: by `decode`, of no bytes.
    #[inline]
    pub fn for_null(&self) -> Option<&Plan> {
        self.codec.as_ref()?;
        self.children.last().filter(|child| matches!(child.codec, Some(RunTime::Null(_))))
    }

    /// Whether it is how NULL is read: see [`Plan::for_null`].
    pub(crate) fn is_for_null(&self) -> bool {
        matches!(self.codec, Some(RunTime::Null(_)))
    }

    /// Whether the value, or one inside, goes by what was registered at run time.
    pub(crate) fn has_codec(&self) -> bool {
        self.codec.is_some() || self.children.iter().any(Plan::has_codec)
    }

    /// Sets the form of the whole; what is inside travels in the same.
    pub fn set_format(&mut self, format: Format) {
        self.format = format;
        for child in &mut self.children {
            child.set_format(format);
        }
    }
}

/// What planning may ask: the catalog as it is known now.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The types known so far.
    pub catalog: &'a Catalog,
}

impl Planner<'_> {
    /// Whether a column of type `type_` is what `name` stands for. A type that the catalog doesn't know yet is given
    /// the benefit of the doubt where its text form serves.
    pub fn is(&self, name: TypeName, type_: &Type) -> bool {
        match name {
            TypeName::Inferred | TypeName::Described => true,
            TypeName::Oid(oid) => type_.oid() == oid,
            TypeName::Array(element) => match type_.kind() {
                Kind::Array(inner) => self.is(*element, inner),
                _ => self.unknown(name, type_),
            },
            TypeName::Range(subtype) => match type_.kind() {
                Kind::Range(inner) => self.is(*subtype, inner),
                _ => false,
            },
            TypeName::Multirange(subtype) => match type_.kind() {
                Kind::Multirange(inner) => self.is(*subtype, inner),
                _ => false,
            },
            TypeName::Record(_) => *type_ == Type::RECORD || matches!(type_.kind(), Kind::Composite(_)),
            TypeName::Named(named) => match self.catalog.resolve(name) {
                Some(known) => known.oid() == type_.oid(),
                // A part of a composite, or a column of a dynamic row, was looked up by its OID.
                None if self.catalog.knows(type_.oid()) => is_called(type_, named),
                None => self.unknown(name, type_),
            },
        }
    }

    /// Neither the name nor the OID has been looked up: nothing speaks against them being one.
    fn unknown(&self, name: TypeName, type_: &Type) -> bool {
        let text = name.named().is_some_and(|named| !named.kind.needs_catalog());
        text && self.catalog.resolve(name).is_none() && !self.catalog.knows(type_.oid())
    }

    /// The plan of a value with nothing inside, after checking that its type is the one `name` stands for.
    /// A domain is taken for its base type, and the label of an enum is read from text too.
    ///
    /// # Errors
    /// A decode error that names both types.
    pub fn leaf<T: ?Sized>(&self, name: TypeName, text_only: bool, type_: &Type) -> Result<Plan> {
        let is_label = matches!(name, TypeName::Named(NamedType { kind: NamedKind::Enum, .. }))
            && matches!(*base_type(type_), Type::TEXT | Type::VARCHAR | Type::UNKNOWN);
        if is_label {
            // The label is the same in all of them; text is what a parameter of inferred type comes back as.
            return Ok(Plan::leaf(type_, if text_only { Format::Text } else { Format::Binary }));
        }
        self.matching(name, text_only, type_).ok_or_else(|| mismatch::<T>(&name.to_string(), type_))
    }

    /// As [`Planner::leaf`], for a value that is written. [`Type::UNKNOWN`] is what the server will infer: text serves
    /// for every type.
    ///
    /// # Errors
    /// An encode error that names both types.
    pub fn encode_leaf<T: ?Sized>(&self, name: TypeName, text_only: bool, type_: &Type) -> Result<Plan> {
        if *type_ == Type::UNKNOWN {
            return Ok(Plan::leaf(type_, Format::Text));
        }
        self.matching(name, text_only, type_).ok_or_else(|| encode_mismatch::<T>(&name.to_string(), type_))
    }

    fn matching(&self, name: TypeName, text_only: bool, type_: &Type) -> Option<Plan> {
        let format = if text_only || name == TypeName::Inferred { Format::Text } else { Format::Binary };
        let mut base = type_;
        loop {
            if self.is(name, base) {
                return Some(Plan::leaf(type_, format));
            }
            let Kind::Domain(inner) = base.kind() else {
                return None;
            };
            base = inner;
        }
    }
}

/// Whether a type has this name; without a schema, in any.
fn is_called(type_: &Type, named: &NamedType) -> bool {
    type_.name() == named.name && named.schema.is_none_or(|schema| schema == type_.schema())
}

/// The type beneath a domain, and beneath a domain over a domain; any other type is its own.
pub fn base_type(type_: &Type) -> &Type {
    let mut base = type_;
    while let Kind::Domain(inner) = base.kind() {
        base = inner;
    }
    base
}

/// Types whose binary form is their text, but not enums: those are told by their kind.
pub fn is_text_like(type_: &Type) -> bool {
    match *base_type(type_) {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => true,
        Type::JSON | Type::XML | Type::REFCURSOR | Type::CSTRING => true,
        // An extension's type has no fixed OID. (ltree and jsonb are not on this list: they begin with a version.)
        ref other => other.name() == "citext" && *other.kind() == Kind::Simple,
    }
}

/// Types whose binary form is a version and their text. An extension's type has no fixed OID.
pub fn is_versioned(type_: &Type) -> bool {
    let named = || matches!(type_.name(), "ltree" | "lquery" | "ltxtquery") && *type_.kind() == Kind::Simple;
    matches!(*type_, Type::JSONB | Type::JSONPATH) || named()
}

/// Whether a string reads it.
pub fn is_string_like(type_: &Type) -> bool {
    let base = base_type(type_);
    is_text_like(base) || is_versioned(base) || matches!(base.kind(), Kind::Enum(_))
}

/// A value of `found` can't be read as the Rust type `T`, which stands for `wanted`.
#[cold]
pub fn mismatch<T: ?Sized>(wanted: &str, found: &Type) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    let error = Error::decode(format!("the SQL type is {}, but {rust} stands for {wanted}", describe(found)));
    match (default_rust_type(found), cast_to(wanted)) {
        (Some(better), Some(cast)) => {
            error.hint(format!("use {better} in place of {rust}, or cast the column or field: {cast}"))
        }
        (Some(better), None) => error.hint(format!("use {better} in place of {rust}")),
        (None, Some(cast)) => {
            error.hint(format!("cast the column or field: {cast}, or derive a type for it"))
        }
        (None, None) => error.hint("derive a type for it"),
    }
}

/// A value of the Rust type `T`, which stands for `wanted`, can't be written as `found`.
#[cold]
pub fn encode_mismatch<T: ?Sized>(wanted: &str, found: &Type) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    let error =
        Error::encode(format!("the SQL type is {}, but {rust} is written as {wanted}", describe(found)));
    match default_rust_type(found) {
        Some(better) => match cast_to(wanted) {
            Some(_) => error
                .hint(format!("use {better} in place of {rust}, or cast the parameter: `$1 :: {wanted}`")),
            None => error.hint(format!("use {better} in place of {rust}")),
        },
        None if cast_to(wanted).is_some() => {
            error.hint(format!("cast the parameter: `$1 :: {wanted}`, or derive a type for it"))
        }
        None => error.hint("derive a type for it"),
    }
}

/// A cast to what a Rust type stands for, if that is a type's name and not a description in words, such as
/// `a range of float8`.
fn cast_to(wanted: &str) -> Option<String> {
    (!wanted.contains(' ')).then(|| format!("`... :: {wanted}`"))
}

/// A type's name for people: qualified where it isn't one of PostgreSQL's own.
pub fn describe(type_: &Type) -> String {
    match type_.kind() {
        Kind::Array(element) => format!("{}[]", describe(element)),
        _ if type_.schema() == "pg_catalog" => type_.name().to_owned(),
        _ if type_.schema().is_empty() => type_.name().to_owned(),
        _ => format!("{}.{}", type_.schema(), type_.name()),
    }
}

/// A Rust path without its modules: `alloc::vec::Vec<app::Item>` becomes `Vec<Item>`.
pub fn short_name(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut word = 0;
    for c in path.chars() {
        if c == ':' {
            #[expect(clippy::disallowed_methods, reason = "`word` is where a character ended")]
            out.truncate(word);
        } else {
            out.push(c);
            if !(c.is_alphanumeric() || c == '_') {
                word = out.len();
            }
        }
    }
    out
}

/// The Rust type that stands for a built-in type, for the hint of a mismatch.
fn default_rust_type(type_: &Type) -> Option<Cow<'static, str>> {
    let type_ = base_type(type_);
    match type_.kind() {
        Kind::Array(element) => return Some(format!("Vec<{}>", default_rust_type(element)?).into()),
        Kind::Range(subtype) => return Some(format!("Range<{}>", default_rust_type(subtype)?).into()),
        Kind::Multirange(subtype) => {
            return Some(format!("Multirange<{}>", default_rust_type(subtype)?).into());
        }
        _ => {}
    }
    Some(Cow::Borrowed(match *type_ {
        Type::BOOL => "bool",
        Type::CHAR => "i8",
        Type::INT2 => "i16",
        Type::INT4 => "i32",
        Type::INT8 => "i64",
        Type::OID => "u32",
        Type::FLOAT4 => "f32",
        Type::FLOAT8 => "f64",
        Type::MONEY => "pg_core::types::money::Money",
        Type::BIT | Type::VARBIT => "pg_core::types::bit::Bits",
        Type::NUMERIC => "pg_core::types::numeric::Numeric",
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => "String",
        Type::BYTEA => "Vec<u8>",
        Type::UUID => "uuid::Uuid",
        Type::TIMESTAMPTZ => "std::time::SystemTime",
        Type::TIMESTAMP => "pg_core::types::time::Timestamp",
        Type::INTERVAL => "pg_core::types::interval::Interval",
        Type::DATE => "pg_core::types::time::Date",
        Type::TIME => "pg_core::types::time::Time",
        Type::TIMETZ => "pg_core::types::time::TimeTz",
        Type::INET => "std::net::IpAddr",
        Type::CIDR => "network::Cidr",
        Type::JSON | Type::JSONB => "Json<T>",
        Type::TS_VECTOR => "text_search::TsVector",
        Type::TSQUERY => "text_search::TsQuery",
        Type::PG_LSN => "Lsn",
        Type::XID => "system::Xid",
        Type::XID8 => "system::Xid8",
        Type::TID => "system::Tid",
        Type::PG_SNAPSHOT => "system::Snapshot",
        Type::MACADDR => "network::MacAddr",
        Type::MACADDR8 => "network::MacAddr8",
        Type::POINT => "geometry::Point",
        Type::LINE => "geometry::Line",
        Type::LSEG => "geometry::LineSegment",
        Type::BOX => "geometry::Rect",
        Type::PATH => "geometry::Path",
        Type::POLYGON => "geometry::Polygon",
        Type::CIRCLE => "geometry::Circle",
        _ => return None,
    }))
}

/// Whether a type is itself an array, and so a dimension of the array it is in.
pub(super) const fn is_dimension(name: TypeName) -> bool {
    matches!(name, TypeName::Array(_))
}

/// What is wrong with an array that isn't passed on to the array it is in.
#[cold]
pub(super) fn no_dimension<T: ?Sized>() -> String {
    let rust = short_name(std::any::type_name::<T>());
    format!("{rust} becomes an array by a conversion, and can't be a dimension of another array")
}

/// What to do about that.
pub(super) const NO_DIMENSION: &str =
    "an array's elements are no arrays in SQL: use `Vec<Vec<T>>`, or make it a domain: `#[pg(domain)]`";

#[cfg(test)]
mod tests {
    use super::{encode_mismatch, mismatch, short_name};
    use postgres_types::Type;

    #[test]
    fn a_cast_is_advised_only_where_sql_has_a_name_for_the_type() {
        let cure = |error: crate::error::Error| error.cure().unwrap_or_default().to_owned();
        assert_eq!(
            cure(mismatch::<i64>("int8", &Type::INT4)),
            "use i32 in place of i64, or cast the column or field: `... :: int8`"
        );
        assert_eq!(cure(mismatch::<i64>("a range of text", &Type::INT4)), "use i32 in place of i64");
        assert_eq!(cure(encode_mismatch::<i64>("a range of text", &Type::INT4)), "use i32 in place of i64");
        assert_eq!(cure(mismatch::<i64>("a range of text", &Type::ANY)), "derive a type for it");
        assert_eq!(cure(encode_mismatch::<i64>("a range", &Type::ANY)), "derive a type for it");
    }

    #[test]
    fn rust_names_lose_their_modules() {
        assert_eq!(short_name("alloc::vec::Vec<app::shop::Item>"), "Vec<Item>");
        assert_eq!(short_name("(i64, core::option::Option<&str>)"), "(i64, Option<&str>)");
    }
}
