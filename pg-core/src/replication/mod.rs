//! Replication: its commands, and how far a stream has come. Nothing here needs a connection.

pub mod change;
pub mod command;
pub mod pgoutput;
pub mod progress;
pub mod test_decoding;
