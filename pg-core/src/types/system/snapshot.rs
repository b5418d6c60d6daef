//! [`Snapshot`] <-> `pg_snapshot`, and `txid_snapshot`, its older name.
//!
//! Binary form: how many transactions are listed, `xmin`, `xmax`, and those transactions, eight bytes each. Text form:
//! `xmin:xmax:xip,..`.

use super::super::adapter::{Adapter, Encode, IsNull};
use super::super::forms::{self, Forms, not};
use super::super::name::TypeName;
use super::super::plan::{Plan, Planner, base_type};
use super::super::typecaster::{RawValue, Typecaster};
use super::identifiers::Xid8;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32};
use postgres_types::Type;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

const NAME: TypeName = TypeName::Oid(5038);
const OLD_NAME: TypeName = TypeName::Oid(2970);

/// Which transactions are visible, `pg_snapshot`: `10:20:10,14,15`. Manual: "Transaction ID and Snapshot Information
/// Functions".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    xmin: u64,
    xmax: u64,
    in_progress: Vec<u64>,
}

impl Snapshot {
    /// A snapshot. Transactions that are listed twice count once.
    ///
    /// # Errors
    /// `xmin` 0 or above `xmax`, and transactions out of order or outside `xmin..xmax`, as the server has it.
    pub fn new(xmin: Xid8, xmax: Xid8, in_progress: impl IntoIterator<Item = Xid8>) -> Result<Snapshot> {
        let mut snapshot = Snapshot { xmin: xmin.0, xmax: xmax.0, in_progress: Vec::new() };
        let mut fine = 0 < xmin.0 && xmin <= xmax && xmax.0 <= i64::MAX.unsigned_abs();
        for Xid8(xid) in in_progress {
            let last = snapshot.in_progress.last().copied().unwrap_or(xmin.0);
            fine &= last <= xid && xid < xmax.0;
            if snapshot.in_progress.last() != Some(&xid) {
                snapshot.in_progress.push(xid);
            }
        }
        if fine { Ok(snapshot) } else { Err(not::<Snapshot>()) }
    }

    /// The lowest transaction that was still active: all below are visible or have failed.
    pub fn xmin(&self) -> Xid8 {
        Xid8(self.xmin)
    }

    /// One above the highest transaction that was complete: from here on none is visible.
    pub fn xmax(&self) -> Xid8 {
        Xid8(self.xmax)
    }

    /// The transactions between the two that were active, in order.
    pub fn in_progress(&self) -> impl ExactSizeIterator<Item = Xid8> {
        self.in_progress.iter().copied().map(Xid8)
    }

    /// Whether the transaction was complete, committed or failed: `pg_visible_in_snapshot`.
    pub fn has_completed(&self, xid: Xid8) -> bool {
        xid.0 < self.xmin || (xid.0 < self.xmax && self.in_progress.binary_search(&xid.0).is_err())
    }
}

/// The type by either name.
fn name_of(type_: &Type) -> TypeName {
    if *base_type(type_) == Type::TXID_SNAPSHOT { OLD_NAME } else { NAME }
}

impl Adapter for Snapshot {
    const TYPE: TypeName = NAME;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.encode_leaf::<Self>(name_of(type_), false, type_)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        forms::encode(self, to)
    }
}

impl<'a> Typecaster<'a> for Snapshot {
    const TYPE: TypeName = NAME;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        planner.leaf::<Self>(name_of(type_), false, type_)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        forms::decode(raw)
    }
}

impl Display for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (at, xid) in self.in_progress.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            xid.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for Snapshot {
    type Err = Error;

    fn from_str(text: &str) -> Result<Snapshot> {
        let xid = |digits: &str| {
            let only = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if only {
                digits.parse().map(Xid8).map_err(|_| not::<Snapshot>())
            } else {
                Err(not::<Snapshot>())
            }
        };
        let mut parts = text.splitn(3, ':');
        let (Some(xmin), Some(xmax), Some(list)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(not::<Snapshot>());
        };
        let list: Vec<Xid8> = match list {
            "" => Vec::new(),
            // As the server, which doesn't mind a comma behind the last.
            list => list.strip_suffix(',').unwrap_or(list).split(',').map(xid).collect::<Result<_>>()?,
        };
        Snapshot::new(xid(xmin)?, xid(xmax)?, list)
    }
}

impl Forms for Snapshot {
    const WHAT: &'static str = "a pg_snapshot";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        let count = i32::try_from(self.in_progress.len())
            .map_err(|_| Error::encode("there are more transactions than a pg_snapshot holds"))?;
        put_i32(out, count);
        for number in [self.xmin, self.xmax].iter().chain(&self.in_progress) {
            out.extend_from_slice(&number.to_be_bytes());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Snapshot> {
        let count = usize::try_from(from.i32()?).unwrap_or(usize::MAX);
        let (xmin, xmax) = (from.array()?, from.array()?);
        // A transaction has eight bytes, so this bounds what is allocated.
        if count != from.rest().len() / 8 {
            return Err(not::<Snapshot>());
        }
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(Xid8(u64::from_be_bytes(from.array()?)));
        }
        Snapshot::new(Xid8(u64::from_be_bytes(xmin)), Xid8(u64::from_be_bytes(xmax)), list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};

    #[test]
    fn both_forms_are_the_servers() {
        let snapshot: Snapshot = "10:20:10,14,15".parse().unwrap();
        let binary =
            "00000003000000000000000a0000000000000014000000000000000a000000000000000e000000000000000f";
        for type_ in [Type::PG_SNAPSHOT, Type::TXID_SNAPSHOT] {
            Cases::of(&type_).case(snapshot.clone(), binary, "10:20:10,14,15").case(
                Snapshot::new(Xid8(7), Xid8(7), []).unwrap(),
                "0000000000000000000000070000000000000007",
                "7:7:",
            );
        }
        assert!(snapshot.has_completed(Xid8(9)) && snapshot.has_completed(Xid8(11)));
        assert!(!snapshot.has_completed(Xid8(14)) && !snapshot.has_completed(Xid8(20)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1:2", "0:1:", "2:1:", "1:5:5", "1:5:3,2", "1:5:0", "1:5:,", "+1:5:"] {
            text.parse::<Snapshot>().unwrap_err();
        }
        let two = "00000000000000010000000000000005";
        for count in ["00000001", "ffffffff", "7fffffff"] {
            refused::<Snapshot>(&Type::PG_SNAPSHOT, &format!("{count}{two}"), "");
        }
        garbage::<Snapshot>(&Type::PG_SNAPSHOT);
    }
}
