//! Layer 6: what a session lends for a while, to be read or written piece by piece. Each borrows its session, owns no
//! bytes of the connection, and can be dropped at any point.
//!
#![doc = include_str!("../../docs/cursors.md")]

mod changes;
mod copy_in;
mod copy_out;
mod cursor;
pub(crate) mod large_object;
pub(crate) mod notifying;
mod replication;
mod rows;

pub use changes::{ChangeStream, TransactionStream};
pub use copy_in::{CopyIn, CopyRowsIn, Progress};
pub use copy_out::{CopyOut, CopyRowsOut};
pub use cursor::NamedCursor;
pub use large_object::{LargeObject, LargeObjectMode};
pub use notifying::Notifications;
pub use replication::{Flow, ReplicationStream};
pub use rows::Rows;
