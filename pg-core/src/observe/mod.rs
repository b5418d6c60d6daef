//! Watching a session: an [`Observer`] is told of all that goes on, with times, rows, bytes and errors.
//!
//! [`Observed`] is a decorator: it is a session around another, so that blocking, async and generic code take it
//! unchanged, and who observes nothing pays nothing. Two observers are a pair, or one around the other. [`Log`] is an
//! observer that writes lines; with the feature `tracing`, `Tracing` is one that makes spans with OpenTelemetry's
//! names.
//!
//! ```no_run
//! # use pg_core::{Result, Session, observe::{Event, Log, Observed}};
//! # async fn show<S: Session>(client: S, clock: fn() -> std::time::Duration) -> Result<()> {
//! // What takes 100 ms or longer, and what fails. The client crates have `observe`, which brings the clock.
//! let log = Log::to(std::io::stderr()).min_time(std::time::Duration::from_millis(100));
//! let mut client = Observed::new(client, log, clock);
//! client.execute("update account set cents = cents + $1", (1_i64,)).await?;
//! # Ok(())
//! # }
//! ```

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
