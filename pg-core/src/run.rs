//! What runs an exchange, and what guards (streams, COPY, cursors) need of the session that lent them.

use crate::error::Result;
use crate::exchange::Exchange;
use crate::protocol::connection::Connection;
use std::future::Future;

/// What can run an exchange.
pub trait Run: Send {
    /// Runs an exchange to its end.
    ///
    /// # Errors
    /// What the exchange ends with.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point. The next call first reads what the server still owes.
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send;
}

impl<S: Run> Run for &mut S {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        (**self).run(exchange)
    }
}

/// A session as its guards see it. Every [`Session`](crate::session::Session) is one; nobody else needs to be.
pub trait Lender: Run + Sized {
    /// The connection beneath.
    fn lent(&mut self) -> &mut Connection;

    /// One attempt to send what is queued, without waiting.
    fn send_now(&mut self);
}
