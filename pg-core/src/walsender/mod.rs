//! Layer 6, a session for replication: what it can do beside [`Session`](crate::session::Session), and its blocking face.

mod blocking;
mod commands;

pub use blocking::{BlockingChangeStream, BlockingReplicationStream, BlockingTransactionStream};
pub use commands::ReplicationSession;
