//! PostgreSQL's own types about itself: [`Xid`], [`Xid8`], [`Cid`], [`Tid`], [`Snapshot`], [`OidVector`], [`Int2Vector`],
//! [`AclItem`], [`Lsn`](crate::lsn::Lsn) for `pg_lsn`, and `()` for `void`.
//! Manual: "System Columns", "Object Identifier Types", "Transactions and Identifiers".
//!
//! `oid` is `u32`, and so is each of the types that show an OID as a name (`regclass`, `regproc`, `regtype` ..): in
//! binary, which is how columns come, they are the OID; in text they are the name, which a `u32` can't hold, so that
//! there it is an error. `column::text` gives the name as a String, and a string parameter is looked up as a name.

mod identifiers;
mod oid;
mod snapshot;
mod vectors;
mod void;

pub use identifiers::{AclItem, Cid, Tid, Xid, Xid8};
pub use snapshot::Snapshot;
pub use vectors::{Int2Vector, OidVector};
