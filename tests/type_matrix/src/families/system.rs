//! PostgreSQL's own types about itself.

use super::{shown_row, unordered_row};
use crate::{AnyRow, Row};
use pg_core::lsn::Lsn;
use pg_core::types::system::{AclItem, Cid, Int2Vector, OidVector, Snapshot, Tid, Xid, Xid8};
use pg_tests::seed::Rng;

fn snapshot(rng: &mut Rng) -> Snapshot {
    let mut at = 1 + (rng.number() >> rng.below(40) >> 24);
    let xmin = at;
    let list: Vec<Xid8> = (0..rng.below(5))
        .map(|_| {
            at += rng.below(3);
            Xid8(at)
        })
        .collect();
    Snapshot::new(Xid8(xmin), Xid8(at + 1), list).expect("in order")
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let none = || Snapshot::new(Xid8(7), Xid8(7), []).expect("in order");
    let rights = |rng: &mut Rng| {
        let text = rng.pick(&["postgres=r/postgres", "=arw*/postgres", "postgres=/postgres"]);
        (AclItem(text.to_owned()), text.to_owned())
    };
    vec![
        Box::new(shown_row("pg_lsn", "Lsn", |rng| Lsn(rng.number() >> rng.below(64))).edges([
            (Lsn(0), "0/0"),
            (Lsn(u64::MAX), "FFFFFFFF/FFFFFFFF"),
            (Lsn(0x16_b374_d848), "16/B374D848"),
        ])),
        Box::new(
            unordered_row("xid", "system::Xid", |rng| Xid(rng.number() as u32))
                .edges([(Xid(u32::MAX), "4294967295")]),
        ),
        Box::new(
            shown_row("xid8", "system::Xid8", |rng| Xid8(rng.number() >> rng.below(64)))
                .edges([(Xid8(u64::MAX), "18446744073709551615")]),
        ),
        Box::new(unordered_row("cid", "system::Cid", |rng| Cid(rng.number() as u32)).edges([(Cid(0), "0")])),
        Box::new(
            shown_row("tid", "system::Tid", |rng| Tid {
                block: rng.number() as u32,
                offset: rng.number() as u16,
            })
            .edges([(Tid { block: u32::MAX, offset: u16::MAX }, "(4294967295,65535)")]),
        ),
        Box::new(unordered_row("pg_snapshot", "system::Snapshot", snapshot).edges([(none(), "7:7:")])),
        Box::new(
            shown_row("oidvector", "system::OidVector", |rng| {
                OidVector((0..rng.below(5)).map(|_| rng.number() as u32).collect())
            })
            .edges([(OidVector(vec![]), ""), (OidVector(vec![1, u32::MAX]), "1 4294967295")]),
        ),
        Box::new(
            unordered_row("int2vector", "system::Int2Vector", |rng| {
                Int2Vector((0..rng.below(5)).map(|_| rng.number() as i16).collect())
            })
            .edges([(Int2Vector(vec![]), ""), (Int2Vector(vec![i16::MIN, 7]), "-32768 7")]),
        ),
        Box::new(Row::new("aclitem", "system::AclItem", rights).text_only("the server has none").unordered()),
    ]
}
