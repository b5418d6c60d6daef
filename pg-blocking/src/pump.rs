//! Work that takes longer than the server waits for a sign of life: a thread tells it meanwhile that we are there.

use pg_core::session::Session;
use pg_core::walsender::{BlockingChangeStream, BlockingReplicationStream, BlockingTransactionStream};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A replication stream whose positions are told while the application is busy. (The async client's streams have a method
/// `pump` of their own, which takes a future.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be pumped",
    note = "streams of replication can: those of `start`, `start_logical` and `start_physical`"
)]
pub trait Pump: Send {
    /// Tells the server where we are if it is time to, without waiting; how long until the next time.
    fn beat(&mut self) -> Duration;

    /// Runs `work` in this thread and meanwhile, in another, tells the server at the stream's status interval that we are
    /// there, so that `wal_sender_timeout` doesn't end the connection. Nothing is read; a lost connection is told by the
    /// next call that reads.
    ///
    /// A message borrows from its stream, so take out of it what the work needs.
    fn pump<T>(&mut self, work: impl FnOnce() -> T) -> T
    where
        Self: Sized,
    {
        let (working, done) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || while let Err(RecvTimeoutError::Timeout) = done.recv_timeout(self.beat()) {});
            let output = work();
            drop(working);
            output
        })
    }
}

macro_rules! pumps {
    ($($stream:ident),+) => { $(
        impl<S: Session> Pump for $stream<'_, S> {
            fn beat(&mut self) -> Duration {
                // It fails for nothing but a message too long, and this one isn't.
                self.tick().unwrap_or(Duration::from_secs(1))
            }
        }
    )+ };
}

pumps!(BlockingReplicationStream, BlockingChangeStream, BlockingTransactionStream);
