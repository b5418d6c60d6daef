//! Layer 4, protocol: the legal transitions as one table, what the server tells unasked, prepared statements, the
//! transaction's state, and [`connection::Connection`], which holds it all and is driven by bytes.

pub(crate) mod aside;
pub mod connection;
pub mod conversation;
pub mod gate;
pub mod inbox;
pub mod notifications;
pub(crate) mod overheard;
#[cfg(feature = "tls")]
pub mod secured;
pub(crate) mod sharing;
pub mod state;
pub mod statements;
pub mod transactions;
