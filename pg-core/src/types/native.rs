//! The bridge to postgres-types' traits: [`Native`] brings values that have only those into our clients, [`AsToSql`]
//! takes values that have only ours to other drivers. Those traits know the binary form only.

use super::adapter::{Adapter, Encode, IsNull};
use super::catalog::Catalog;
use super::context::Settings;
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, describe, is_text_like, short_name};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use bytes::BytesMut;
use postgres_types::{FromSql, ToSql, Type};
use std::error::Error as StdError;
use std::fmt::Debug;

/// A value of a type that has postgres-types' `ToSql` or `FromSql`: written and read by them.
///
/// Its SQL type is what the server infers: the statement is described before its first run, one more round trip that
/// once. What `accepts` refuses is an error that names both types. NULL is `Option<Native<T>>` or `Native<Option<T>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Native<T>(pub T);

impl<T: ToSql> Adapter for Native<T> {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        // What the server will infer is asked for: nothing goes by this plan.
        if *type_ == Type::UNKNOWN || T::accepts(type_) || T::accepts(base_type(type_)) {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        Err(not_accepted::<T>(type_).with_kind(ErrorKind::Encode))
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let type_ = accepted(&to.plan.type_, T::accepts);
        let writes = match self.0.encode_format(type_) {
            postgres_types::Format::Text => Format::Text,
            postgres_types::Format::Binary => Format::Binary,
        };
        if writes != to.format() && !is_text_like(type_) {
            return Err(other_form::<T>(type_));
        }
        let mut bytes = BytesMut::new();
        let is_null = self.0.to_sql(type_, &mut bytes).map_err(|e| {
            Error::encode(format!("{} can't be written", short_name(std::any::type_name::<T>())))
                .with_source(e)
        })?;
        to.out.extend_from_slice(&bytes);
        Ok(match is_null {
            postgres_types::IsNull::Yes => IsNull::Yes,
            postgres_types::IsNull::No => IsNull::No,
        })
    }
}

impl<'a, T: FromSql<'a>> Typecaster<'a> for Native<T> {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        if T::accepts(type_) || T::accepts(base_type(type_)) {
            return Ok(Plan::leaf(type_, Format::Binary));
        }
        Err(not_accepted::<T>(type_))
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let type_ = accepted(&raw.plan.type_, T::accepts);
        if raw.format() == Format::Text && !is_text_like(type_) {
            return Err(other_form::<T>(type_).with_kind(ErrorKind::Decode));
        }
        T::from_sql(type_, raw.bytes).map(Native).map_err(|e| {
            Error::decode(format!("{} can't read it", short_name(std::any::type_name::<T>()))).with_source(e)
        })
    }

    fn null() -> Result<Self> {
        T::from_sql_null(&Type::UNKNOWN).map(Native).map_err(|_| {
            let rust = short_name(std::any::type_name::<T>());
            Error::decode(format!("the value is NULL, which {rust} can't hold"))
                .hint(format!("use Option<Native<{rust}>>, or coalesce(..) in the query"))
        })
    }
}

/// The type itself or the one beneath a domain, whichever is accepted.
fn accepted(type_: &Type, accepts: fn(&Type) -> bool) -> &Type {
    if accepts(type_) { type_ } else { base_type(type_) }
}

#[cold]
fn not_accepted<T>(type_: &Type) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    Error::decode(format!("the SQL type is {}, which {rust} doesn't accept", describe(type_)))
        .hint("cast the parameter, column or field to a type that it accepts")
}

#[cold]
fn other_form<T>(type_: &Type) -> Error {
    Error::encode(format!(
        "{} knows {} in one form only, and the value travels in the other",
        short_name(std::any::type_name::<T>()),
        describe(type_)
    ))
    .hint("something beside it in the same value has only a text form: read or write them apart")
}

/// A value of ours as a parameter of another driver: a `postgres_types::ToSql`.
///
/// ```
/// use pg_core::types::native::AsToSql;
/// use postgres_types::{ToSql, Type};
///
/// let parameters: [&(dyn ToSql + Sync); 1] = [&AsToSql(7i32)];
/// let mut out = bytes::BytesMut::new();
/// parameters[0].to_sql_checked(&Type::INT4, &mut out).unwrap();
/// assert_eq!(&out[..], [0, 0, 0, 7]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AsToSql<T>(pub T);

impl<T: Adapter> AsToSql<T> {
    fn plan(type_: &Type) -> Result<Plan> {
        // The other driver has looked the type up, with all that it is made of.
        T::plan(type_, &Planner { catalog: &Catalog::of(type_) })
    }
}

impl<T: Adapter + Debug> ToSql for AsToSql<T> {
    fn to_sql(
        &self,
        type_: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<postgres_types::IsNull, Box<dyn StdError + Sync + Send>> {
        let plan = AsToSql::<T>::plan(type_)?;
        let mut bytes = Vec::new();
        let to = &mut Encode { out: &mut bytes, plan: &plan, settings: &Settings::default() };
        let is_null = self.0.encode(to)?;
        out.extend_from_slice(&bytes);
        Ok(match is_null {
            IsNull::Yes => postgres_types::IsNull::Yes,
            IsNull::No => postgres_types::IsNull::No,
        })
    }

    fn accepts(type_: &Type) -> bool {
        AsToSql::<T>::plan(type_).is_ok()
    }

    fn to_sql_checked(
        &self,
        type_: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<postgres_types::IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(type_, out) // planning is the check
    }

    fn encode_format(&self, type_: &Type) -> postgres_types::Format {
        match AsToSql::<T>::plan(type_).map(|plan| plan.format) {
            Ok(Format::Text) => postgres_types::Format::Text,
            _ => postgres_types::Format::Binary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToSql as DeriveToSql;
    use postgres_types::{Field, Kind};

    #[derive(Debug, DeriveToSql)]
    #[pg(name = "item", schema = "shop")]
    struct Item {
        count: i32,
        name: &'static str,
    }

    fn item_of(fields: &[(&str, Type)]) -> Type {
        let fields = fields.iter().map(|(name, of)| Field::new((*name).to_owned(), of.clone())).collect();
        Type::new("item".to_owned(), 20_001, Kind::Composite(fields), "shop".to_owned())
    }

    /// Another driver gives the type with all it is made of, which is all that planning needs.
    #[test]
    fn a_derived_composite_goes_to_other_drivers_in_the_server_s_order() {
        let type_ = item_of(&[("name", Type::TEXT), ("count", Type::INT4)]);
        let item = AsToSql(Item { count: 7, name: "x" });
        assert!(<AsToSql<Item> as ToSql>::accepts(&type_));
        let mut out = BytesMut::new();
        item.to_sql_checked(&type_, &mut out).unwrap();
        let wanted = [0, 0, 0, 2, 0, 0, 0, 25, 0, 0, 0, 1, b'x', 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 7];
        assert_eq!(&out[..], wanted);
        let other = item_of(&[("name", Type::TEXT), ("count", Type::INT8)]);
        assert!(!<AsToSql<Item> as ToSql>::accepts(&other));
        let error = item.to_sql_checked(&other, &mut out).err().unwrap().to_string();
        assert!(error.contains("attribute \"count\""), "{error}");
    }

    #[test]
    fn null_stays_null() {
        let mut out = BytesMut::new();
        let is_null = AsToSql(None::<i32>).to_sql_checked(&Type::INT4, &mut out).unwrap();
        assert!(matches!(is_null, postgres_types::IsNull::Yes) && out.is_empty());
    }
}
