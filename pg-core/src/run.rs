//! What runs an exchange, and what guards (streams, COPY, cursors) need of the session that lent them.

use crate::error::Result;
use crate::exchange::Exchange;
use crate::protocol::connection::Connection;
use std::future::Future;
use std::pin::Pin;

/// What can run an exchange.
#[diagnostic::on_unimplemented(
    message = "`{Self}` runs no exchanges",
    note = "clients, transactions and pooled connections do; take one by `&mut`. A decorator implements `Run` and `Session`"
)]
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

/// A future in a box. What takes an iterator gives one: a future whose type names the iterator's can't be spawned where a
/// closure in it takes references, `users.iter().map(|user| (user.id,))`.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Runs an exchange that may be written in pieces. Dropped between two of them, what was sent is failed, and one attempt
/// is made to say so: nothing of it remains, and its locks are free.
pub(crate) async fn in_pieces<S: Lender, E: Exchange>(session: &mut S, exchange: E) -> Result<E::Output> {
    struct Whole<'s, S: Lender>(&'s mut S);
    impl<S: Lender> Drop for Whole<'_, S> {
        fn drop(&mut self) {
            if self.0.lent().give_up_half() {
                self.0.send_now();
            }
        }
    }
    let whole = Whole(session);
    whole.0.run(exchange).await
}

/// A session as its guards see it. Every [`Session`](crate::session::Session) is one; nobody else needs to be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no session",
    note = "clients, transactions and pooled connections are; take one by `&mut`. A decorator implements `Run` and `Session`"
)]
pub trait Lender: Run + Sized {
    /// The connection beneath.
    fn lent(&mut self) -> &mut Connection;

    /// One attempt to send what is queued, without waiting.
    fn send_now(&mut self);
}
