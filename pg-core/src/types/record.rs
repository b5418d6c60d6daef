//! Records read by position: tuples <- `record`, which `row(..)` and a whole table's row are, and <- any composite.
//!
//! `select row(1, 'a')` is read as `(i32, String)`, `select array(select t from t)` as `Vec<(i64, String)>`; a tuple may
//! have tuples inside, and up to 16 fields.
//!
//! - **Types.** In binary an anonymous record tells the type of each field, which is checked. A composite's fields are
//!   checked when the statement is planned. In text a record tells nothing: fields are read as the Rust types have it.
//! - **Fields.** As many as the tuple has, in the server's order; a derived struct reads a composite's by name.
//! - **NULL.** A field that may be NULL is an `Option`.
//! - **Sending.** PostgreSQL takes no anonymous record: derive a composite, or send the fields one by one.
//!
//! Binary form (`record_send`): a count, then for each field its type's OID and a value. Text form: see
//! [`literal`].

use super::catalog::Catalog;
use super::literal::{self, Attribute};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, describe, is_text_like, mismatch, short_name};
use super::typecaster::{RawValue, Typecaster, null_by};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::tuples;
use crate::wire::reader::Reader;
use postgres_types::{Kind, Type};
use std::borrow::Cow;

/// A field of a tuple.
struct Field {
    name: TypeName,
    plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
}

/// The plan of a record: its children are the tuple's fields.
fn plan<T>(fields: &[Field], type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
    let base = base_type(type_);
    let attributes: Vec<Type> = match base.kind() {
        Kind::Composite(attributes) => attributes.iter().map(|a| a.type_().clone()).collect(),
        // A composite that nobody has looked up comes with the types of its fields, as a record does.
        _ if *base == Type::RECORD || !planner.catalog.knows(base.oid()) => {
            fields.iter().map(|field| known(field.name, planner.catalog)).collect()
        }
        _ => return Err(mismatch::<T>("record", type_)),
    };
    if attributes.len() != fields.len() {
        return Err(other_count(attributes.len(), fields.len()).within(describe(type_)));
    }
    let mut children = Vec::with_capacity(fields.len());
    for (at, (field, attribute)) in fields.iter().zip(&attributes).enumerate() {
        children.push((field.plan)(attribute, planner).map_err(|e| within(e, at))?);
    }
    Ok(Plan::nested(type_, children, Vec::new()))
}

/// The type that a Rust type stands for, or a stand-in that any type is taken for.
fn known(name: TypeName, catalog: &Catalog) -> Type {
    let stand_in = || Type::new("a field".to_owned(), 0, Kind::Simple, String::new());
    match name {
        // A tuple stands for any composite as well.
        TypeName::Record(_) | TypeName::Array(TypeName::Record(_)) => stand_in(),
        _ => catalog.resolve(name).unwrap_or_else(stand_in),
    }
}

#[cold]
fn within(error: Error, at: usize) -> Error {
    error.within(format_args!("field {} of the record", at.saturating_add(1)))
}

#[cold]
fn other_count(found: usize, wanted: usize) -> Error {
    Error::decode(format!("the record has {found} fields, and the tuple has {wanted}"))
        .hint("a tuple reads all fields by position; a derived struct reads those of a composite by name")
}

/// The fields of a record, one after the other.
struct Fields<'a, 'p> {
    raw: RawValue<'a, 'p>,
    form: Form<'a>,
    next: usize,
}

enum Form<'a> {
    Binary(Reader<'a>),
    Text(std::vec::IntoIter<Attribute<'a>>),
}

impl<'a, 'p> Fields<'a, 'p> {
    fn new(raw: RawValue<'a, 'p>, count: usize) -> Result<Fields<'a, 'p>> {
        let (form, found) = match raw.format() {
            Format::Binary => {
                let mut reader = raw.reader();
                let found = reader.i32().map_err(decode)?;
                (Form::Binary(reader), usize::try_from(found).unwrap_or(usize::MAX))
            }
            Format::Text => {
                let fields = literal::parse_record(raw.bytes)?;
                let found = fields.len();
                (Form::Text(fields.into_iter()), found)
            }
        };
        if found != count {
            return Err(other_count(found, count));
        }
        Ok(Fields { raw, form, next: 0 })
    }

    fn next<T: Typecaster<'a>>(&mut self) -> Result<T> {
        let index = self.next;
        self.next = index.saturating_add(1);
        self.field().map_err(|e| within(e, index))
    }

    fn field<T: Typecaster<'a>>(&mut self) -> Result<T> {
        let (plan, context) = (self.raw.plan.child(self.next.saturating_sub(1))?, self.raw.context);
        let bytes = match &mut self.form {
            Form::Binary(reader) => {
                let oid = reader.u32().map_err(decode)?;
                let value = reader.value().map_err(decode)?;
                if oid != plan.type_.oid() && plan.type_.oid() != 0 {
                    return other_type(
                        oid,
                        RawValue { bytes: value.unwrap_or_default(), ..self.raw },
                        value.is_none(),
                    );
                }
                value
            }
            Form::Text(fields) => fields.next().flatten().map(|text| match text {
                Cow::Borrowed(text) => text,
                Cow::Owned(text) => context.scratch.keep(text),
            }),
        };
        match bytes {
            Some(bytes) => T::decode(RawValue { bytes, plan, context }),
            None => null_by(plan, context, T::decode, T::null),
        }
    }

    fn finish(self) -> Result<()> {
        match self.form {
            Form::Binary(reader) => reader.finish().map_err(decode),
            Form::Text(_) => Ok(()),
        }
    }
}

/// A field of another type than the one that the Rust type stands for first: a `varchar` for a `String`, a literal that
/// the server gave no type. Only types of PostgreSQL's own are known here.
#[cold]
fn other_type<'a, T: Typecaster<'a>>(oid: u32, raw: RawValue<'a, '_>, is_null: bool) -> Result<T> {
    let Some(type_) = Type::from_oid(oid) else {
        let rust = short_name(std::any::type_name::<T>());
        return Err(Error::decode(format!(
            "it has the type with OID {oid}, and {rust} stands for {}",
            T::TYPE
        ))
        .hint(
            "name the types in the query: `row(column::text, ..)`, or read a composite by a derived struct",
        ));
    };
    let catalog = Catalog::default();
    let mut plan = T::plan(&type_, &Planner { catalog: &catalog })?;
    if is_null {
        return null_by(&plan, raw.context, T::decode, T::null);
    }
    if plan.format == Format::Text && !is_text_like(&type_) {
        return Err(Error::decode(format!(
            "{} is read from its text form and arrived in binary",
            describe(&type_)
        ))
        .hint("cast it in the query: `row(column::text, ..)`"));
    }
    plan.set_format(Format::Binary);
    T::decode(RawValue { plan: &plan, ..raw })
}

/// What is wrong inside a value is no fault of the protocol's.
fn decode(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol { error.with_kind(ErrorKind::Decode) } else { error }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<'a, $($name: Typecaster<'a>),+> Typecaster<'a> for ($($name,)+) {
            const TYPE: TypeName = TypeName::Record(&[$($name::TYPE),+]);
            const TEXT_ONLY: bool = $($name::TEXT_ONLY)||+;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                plan::<Self>(&[$(Field { name: $name::TYPE, plan: $name::plan }),+], type_, planner)
            }

            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let mut fields = Fields::new(raw, raw.plan.children.len())?;
                let tuple = ($(fields.next::<$name>()?,)+);
                fields.finish()?;
                Ok(tuple)
            }
        }
    };
}

tuples::each!(tuples);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{decode, from_hex, plan_to_read};

    fn read<T: crate::types::typecaster::TypecasterOwned>(value: &str) -> Result<T> {
        decode(&from_hex(&value.replace(' ', "")), &Type::RECORD, Format::Binary)
    }

    #[test]
    fn fields_tell_their_types_in_binary() {
        // row(1, 'a'), whose second field the server gave no type.
        let row = "00000002 00000017 00000004 00000001 000002c1 00000001 61";
        assert_eq!(read::<(i32, String)>(row).unwrap(), (1, "a".to_owned()));
        assert_eq!(read::<(Option<i32>, Option<String>)>(row).unwrap(), (Some(1), Some("a".to_owned())));
        let error = read::<(i64, String)>(row).unwrap_err();
        assert_eq!(error.message(), "field 1 of the record: the SQL type is int4, but i64 stands for int8");
        let error = read::<(i32,)>(row).unwrap_err();
        assert_eq!(error.message(), "the record has 2 fields, and the tuple has 1");
        let null = "00000001 00000413 ffffffff";
        assert_eq!(read::<(Option<String>,)>(null).unwrap(), (None,));
        let error = read::<(String,)>(null).unwrap_err();
        assert_eq!(error.message(), "field 1 of the record: the value is NULL, which String can't hold");
        let nested = format!("00000001 000008c9 00000019 {row}");
        assert_eq!(read::<((i32, String),)>(&nested).unwrap(), ((1, "a".to_owned()),));
        let other = "00000001 00004e21 00000001 61";
        assert!(read::<(String,)>(other).unwrap_err().message().contains("the type with OID 20001"));
        for bad in [
            "",
            "00000001",
            "ffffffff",
            "00000001 00000017 00000004 00000001 00",
            "00000001 00000017 00000004",
        ] {
            assert_eq!(read::<(i32,)>(bad).unwrap_err().kind(), ErrorKind::Decode, "{bad}");
        }
    }

    #[test]
    fn in_text_the_rust_types_say_how() {
        let read = |text: &str| {
            decode::<(i32, Option<String>, (String, bool))>(text.as_bytes(), &Type::RECORD, Format::Text)
        };
        assert_eq!(read(r#"(1,,"(""a,b"",t)")"#).unwrap(), (1, None, ("a,b".to_owned(), true)));
        assert_eq!(read("(1,2)").unwrap_err().message(), "the record has 2 fields, and the tuple has 3");
        assert!(read("(x,,\"(,t)\")").unwrap_err().message().starts_with("field 1 of the record: "));
        assert!(plan_to_read::<(i32, i32)>(&Type::INT4).is_err());
    }
}
