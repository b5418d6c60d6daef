//! `u32` <-> `oid`, and the types that show an OID as a name.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::name::TypeName;
use super::super::numbers::{parse, print};
use super::super::plan::{Plan, Planner, base_type};
use super::super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;

/// `regclass` and the like: in binary the OID, in text the name of what it stands for.
fn shows_a_name(type_: &Type) -> bool {
    matches!(
        *base_type(type_),
        Type::REGCLASS
            | Type::REGCOLLATION
            | Type::REGCONFIG
            | Type::REGDICTIONARY
            | Type::REGNAMESPACE
            | Type::REGOPER
            | Type::REGOPERATOR
            | Type::REGPROC
            | Type::REGPROCEDURE
            | Type::REGROLE
            | Type::REGTYPE
    )
}

fn name_of(type_: &Type) -> TypeName {
    TypeName::Oid(if shows_a_name(type_) { base_type(type_).oid() } else { 26 })
}

impl Adapter for u32 {
    const TYPE: TypeName = TypeName::Oid(26);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.encode_leaf::<Self>(name_of(type_), false, type_)
    }

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&self.to_be_bytes()),
            // Digits are taken for the OID by all of these types.
            Format::Text => print(self, to),
        }
    }
}

impl<'a> Typecaster<'a> for u32 {
    const TYPE: TypeName = TypeName::Oid(26);

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.leaf::<Self>(name_of(type_), false, type_)
    }

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        match raw.format() {
            Format::Binary => raw.exactly().map(u32::from_be_bytes),
            Format::Text => read_text(raw),
        }
    }
}

#[inline(never)]
fn read_text(raw: RawValue<'_, '_>) -> Result<u32> {
    match (shows_a_name(&raw.plan.type_), raw.bytes) {
        (true, b"-") => Ok(0),
        // What stands for nothing is shown as its digits.
        (true, bytes) => parse(bytes, "an oid").map_err(|_| {
            let type_ = base_type(&raw.plan.type_).name();
            Error::decode(format!("in text a {type_} is a name, which u32 can't hold"))
                .hint("cast it in the query: `column::oid`, or `column::text` for the name")
        }),
        (false, bytes) => parse(bytes, "an oid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, garbage, mismatched, refused};

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::OID).case(u32::MAX, "ffffffff", "4294967295").case(26u32, "0000001a", "26");
        refused::<u32>(&Type::OID, "", "-1");
        refused::<u32>(&Type::OID, "0000000001", "-");
        garbage::<u32>(&Type::OID);
        mismatched::<u32>(&Type::INT4);
    }

    #[test]
    fn a_name_is_an_oid_in_binary_only() {
        assert_eq!(decode::<u32>(&1259u32.to_be_bytes(), &Type::REGCLASS, Format::Binary).unwrap(), 1259);
        assert_eq!(decode::<u32>(b"-", &Type::REGPROC, Format::Text).unwrap(), 0);
        assert_eq!(decode::<u32>(b"99999", &Type::REGTYPE, Format::Text).unwrap(), 99_999);
        let error = decode::<u32>(b"pg_class", &Type::REGCLASS, Format::Text).unwrap_err();
        assert_eq!(error.message(), "in text a regclass is a name, which u32 can't hold");
        assert!(error.cure().unwrap().contains("`column::oid`"));
    }
}
