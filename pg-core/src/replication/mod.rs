//! Replication: its commands, how far a stream has come, and what it carries. Nothing here needs a connection.
//!
#![doc = include_str!("../../docs/replication.md")]

pub mod change;
pub mod command;
pub mod pgoutput;
pub mod progress;
pub mod test_decoding;
pub mod transactions;
