//! What this crate needs of a runtime, one file a runtime: a socket that is polled, name resolution, and a deadline.

#[cfg(feature = "runtime-tokio")]
mod tokio;
#[cfg(feature = "runtime-tokio")]
pub(crate) use tokio::{Instant, Socket, before, resolve, yield_now};
