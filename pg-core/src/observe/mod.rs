//! Watching a session: an [`Observer`] is told of all that goes on, with times, rows, bytes and errors.
//!
#![doc = include_str!("../../docs/observing.md")]

mod event;
mod log;
mod session;
mod tally;
mod text;
#[cfg(feature = "tracing")]
mod tracing;

pub use event::{Call, Ended, Event, Observer};
#[cfg(feature = "log")]
pub use log::LogCrate;
pub use log::{Log, Sink};
pub use session::{Clock, Observed};
#[cfg(feature = "tracing")]
pub use tracing::Tracing;
