//! The body for types of other crates, and for those of ours that no other body reads; see [`bodies`](super).

use super::{Source, builtin, catalog, decode, planned, round_trip};
use pg_core::message::Format;
use pg_core::types::Type;
use pg_core::types::bit::Bits;
use pg_core::types::catalog::Catalog;
use pg_core::types::json::Json;
use pg_core::types::jsonpath::JsonPath;
use pg_core::types::ltree::{Lquery, Ltxtquery};
use pg_core::types::money::Money;
use pg_core::types::system::{AclItem, Cid, Xid, Xid8};
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, FromSql, ToSql};
use std::fmt::Debug;

/// An enum by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(repr = i32)]
enum Level {
    Low = 0x0000_0001,
    High = -1,
}

/// Fields in a row.
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "point", packed)]
struct Place {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "circle", packed)]
struct Round {
    center: Place,
    radius: f64,
}

/// The first byte picks the family.
pub(crate) fn integrations(data: &[u8]) {
    let mut source = Source(data);
    let family = FAMILIES[source.below(FAMILIES.len())];
    family(source.0);
}

const FAMILIES: [fn(&[u8]); 9] = [chrono, time, jiff, numbers, networks, geometries, vectors, documents, own];

fn chrono(data: &[u8]) {
    use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
    builtin::<NaiveDate>(data, &Type::DATE);
    builtin::<NaiveTime>(data, &Type::TIME);
    builtin::<NaiveDateTime>(data, &Type::TIMESTAMP);
    builtin::<DateTime<Utc>>(data, &Type::TIMESTAMPTZ);
    builtin::<DateTime<Local>>(data, &Type::TIMESTAMPTZ);
    builtin::<DateTime<FixedOffset>>(data, &Type::TIMESTAMPTZ);
    builtin::<TimeDelta>(data, &Type::INTERVAL);
}

fn time(data: &[u8]) {
    builtin::<time::Date>(data, &Type::DATE);
    builtin::<time::Time>(data, &Type::TIME);
    builtin::<time::PrimitiveDateTime>(data, &Type::TIMESTAMP);
    builtin::<time::OffsetDateTime>(data, &Type::TIMESTAMPTZ);
    builtin::<time::Duration>(data, &Type::INTERVAL);
}

fn jiff(data: &[u8]) {
    builtin::<jiff::civil::Date>(data, &Type::DATE);
    builtin::<jiff::civil::Time>(data, &Type::TIME);
    builtin::<jiff::civil::DateTime>(data, &Type::TIMESTAMP);
    builtin::<jiff::Timestamp>(data, &Type::TIMESTAMPTZ);
    builtin::<jiff::SignedDuration>(data, &Type::INTERVAL);
    // Its units may be balanced otherwise.
    reads::<jiff::Span>(data, &Type::INTERVAL);
}

fn numbers(data: &[u8]) {
    builtin::<rust_decimal::Decimal>(data, &Type::NUMERIC);
    builtin::<Bits>(data, &Type::VARBIT);
    builtin::<Bits>(data, &Type::BIT);
    // Its text is never written.
    reads::<Money>(data, &Type::MONEY);
}

fn networks(data: &[u8]) {
    for type_ in [&Type::INET, &Type::CIDR] {
        builtin::<ipnet::IpNet>(data, type_);
        builtin::<ipnet::Ipv4Net>(data, type_);
        builtin::<ipnet::Ipv6Net>(data, type_);
    }
}

fn geometries(data: &[u8]) {
    builtin::<geo_types::Point<f64>>(data, &Type::POINT);
    builtin::<geo_types::Coord<f64>>(data, &Type::POINT);
    builtin::<geo_types::Line<f64>>(data, &Type::LSEG);
    builtin::<geo_types::Rect<f64>>(data, &Type::BOX);
    builtin::<geo_types::LineString<f64>>(data, &Type::PATH);
    reads::<Place>(data, &Type::POINT);
    reads::<Round>(data, &Type::CIRCLE);
}

fn vectors(data: &[u8]) {
    extension::<pgvector::Vector>(data, 20_104);
    extension::<pgvector::HalfVector>(data, 20_105);
    extension::<pgvector::SparseVector>(data, 20_106);
}

fn documents(data: &[u8]) {
    for type_ in [&Type::JSON, &Type::JSONB] {
        // serde_json rounds a number in its last bit, each time it is read.
        reads::<serde_json::Value>(data, type_);
        builtin::<Json<Vec<Option<bool>>>>(data, type_);
    }
    reads::<JsonPath>(data, &Type::JSONPATH);
}

fn own(data: &[u8]) {
    builtin::<Xid>(data, &Type::XID);
    builtin::<Xid8>(data, &Type::XID8);
    builtin::<Cid>(data, &Type::CID);
    builtin::<Level>(data, &Type::INT4);
    reads::<AclItem>(data, &Type::ACLITEM);
    reads_extension::<Lquery>(data, 20_102);
    reads_extension::<Ltxtquery>(data, 20_103);
}

fn extension<T: Adapter + TypecasterOwned + Debug>(data: &[u8], oid: u32) {
    let catalog = &catalog().0;
    round_trip::<T>(data, &catalog.type_by_oid(oid).expect("the type that was told"), catalog);
}

fn reads<T: TypecasterOwned + Debug>(data: &[u8], type_: &Type) {
    reads_by::<T>(data, type_, &Catalog::default());
}

fn reads_extension<T: TypecasterOwned + Debug>(data: &[u8], oid: u32) {
    let catalog = &catalog().0;
    reads_by::<T>(data, &catalog.type_by_oid(oid).expect("the type that was told"), catalog);
}

/// Nothing is promised but that it is read, or refused.
fn reads_by<T: TypecasterOwned + Debug>(data: &[u8], type_: &Type, catalog: &Catalog) {
    for format in [Format::Binary, Format::Text] {
        if let Ok(value) = decode::<T>(data, &planned::<T>(type_, catalog, format).expect("a plan")) {
            let _ = format!("{value:?}");
        }
    }
}
