//! Layer 6, a session for replication: what it can do beside [`Session`](crate::session::Session), and its blocking face.

mod blocking;
mod commands;
mod follow;
mod target;

pub use blocking::{BlockingChangeStream, BlockingReplicationStream, BlockingTransactionStream};
pub use commands::ReplicationSession;
pub use follow::{Follow, Follower};
