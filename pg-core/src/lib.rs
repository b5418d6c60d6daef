//! placeholder

pub mod error;
pub mod sqlstate;
pub mod message;
pub mod row;
pub mod types;
pub mod wire;
pub mod auth;
pub mod config;
#[cfg(feature = "tls")]
pub mod tls;
