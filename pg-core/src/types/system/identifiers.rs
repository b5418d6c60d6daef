//! Numbers that name something on the server. Binary form: the number, big-endian. Text form: its decimal digits.

use super::super::forms::{Forms, codec, not, trimmed};
use super::super::name::TypeName;
use super::super::plan::{Plan, Planner};
use super::super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::types::adapter::{Adapter, Encode, IsNull};
use crate::wire::reader::Reader;
use crate::wire::writer::Buffer;
use postgres_types::Type;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A transaction's number of 32 bits, `xid`. It wraps around, so that it has no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Xid(pub u32);

/// A transaction's number that never wraps around, `xid8`. Ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Xid8(pub u64);

/// A command's number within its transaction, `cid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cid(pub u32);

/// A row version's place in its table, `tid`, the type of `ctid`: `(0,1)`. Ordered by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tid {
    /// The block.
    pub block: u32,
    /// The place of the row's pointer in the block.
    pub offset: u16,
}

/// An access right, `aclitem`: `role=privileges/grantor`. The type has only this text form, with letters that newer
/// servers add to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AclItem(pub String);

codec!(
    Xid = TypeName::Oid(28),
    Xid8 = TypeName::Oid(5069),
    Cid = TypeName::Oid(29),
    Tid = TypeName::Oid(27),
    Lsn = TypeName::Oid(3220),
);

macro_rules! number {
    ($($rust:ident($number:ty) = $what:literal;)+) => { $(
        impl Display for $rust {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $rust {
            type Err = Error;

            fn from_str(text: &str) -> Result<$rust> {
                trimmed(text).parse().map($rust).map_err(|_| not::<$rust>())
            }
        }

        impl Forms for $rust {
            const WHAT: &'static str = $what;

            fn write(&self, out: &mut Buffer) -> Result<()> {
                out.extend_from_slice(&self.0.to_be_bytes());
                Ok(())
            }

            fn read(from: &mut Reader<'_>) -> Result<$rust> {
                from.array().map(<$number>::from_be_bytes).map($rust)
            }
        }
    )+ };
}

number! {
    Xid(u32) = "an xid";
    Xid8(u64) = "an xid8";
    Cid(u32) = "a cid";
}

impl Display for Tid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

impl FromStr for Tid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Tid> {
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let tid = inner.and_then(|inner| inner.split_once(',')).and_then(|(block, offset)| {
            Some(Tid { block: block.parse().ok()?, offset: offset.parse().ok()? })
        });
        tid.ok_or_else(not::<Tid>)
    }
}

impl Forms for Tid {
    const WHAT: &'static str = "a tid";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Tid> {
        Ok(Tid { block: from.u32()?, offset: from.u16()? })
    }
}

impl Forms for Lsn {
    const WHAT: &'static str = "a pg_lsn";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Lsn> {
        from.array().map(u64::from_be_bytes).map(Lsn)
    }
}

impl Adapter for AclItem {
    const TYPE: TypeName = TypeName::Oid(1033);
    const TEXT_ONLY: bool = true;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.encode_leaf::<Self>(<Self as Adapter>::TYPE, true, type_)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        self.0.encode(to)
    }
}

impl<'a> Typecaster<'a> for AclItem {
    const TYPE: TypeName = TypeName::Oid(1033);
    const TEXT_ONLY: bool = true;

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        raw.text().map(|text| AclItem(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, decode, encode, garbage, refused};

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::XID).case(Xid(u32::MAX), "ffffffff", "4294967295");
        Cases::of(&Type::XID8).case(Xid8(u64::MAX), "ffffffffffffffff", "18446744073709551615");
        Cases::of(&Type::CID).case(Cid(7), "00000007", "7");
        Cases::of(&Type::TID).case(Tid { block: 1, offset: 2 }, "000000010002", "(1,2)");
        Cases::of(&Type::PG_LSN).case(Lsn(0), "0000000000000000", "0/0").case(
            Lsn(0x16_b374_d848),
            "00000016b374d848",
            "16/B374D848",
        );
    }

    #[test]
    fn rights_are_text() {
        let item = AclItem("alice=r*w/bob".to_owned());
        assert_eq!(encode(&item, &Type::ACLITEM, Format::Text).unwrap(), b"alice=r*w/bob");
        assert_eq!(decode::<AclItem>(b"alice=r*w/bob", &Type::ACLITEM, Format::Text).unwrap(), item);
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Xid>(&Type::XID, "0000000000", "4294967296");
        refused::<Xid8>(&Type::XID8, "00000000", "-");
        refused::<Cid>(&Type::CID, "", "x");
        refused::<Tid>(&Type::TID, "0000000100", "(1,65536)");
        refused::<Lsn>(&Type::PG_LSN, "00", "1/123456789");
        refused::<Lsn>(&Type::PG_LSN, "", "/");
        garbage::<Xid>(&Type::XID);
        garbage::<Xid8>(&Type::XID8);
        garbage::<Cid>(&Type::CID);
        garbage::<Tid>(&Type::TID);
        garbage::<Lsn>(&Type::PG_LSN);
    }
}
