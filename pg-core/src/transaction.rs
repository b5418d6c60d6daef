//! Transactions and savepoints, as guards over any session.

use crate::error::Result;
use crate::exchange::Exchange;
use crate::exchange::session::End;
use crate::protocol::connection::Connection;
use crate::session::{Run, Session};
use std::future::Future;

/// How isolated a transaction is. Manual: "Transaction Isolation".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Each statement sees what was committed before it began. (READ UNCOMMITTED is the same in PostgreSQL.)
    ReadCommitted,
    /// All statements see what was committed before the first of them.
    RepeatableRead,
    /// As if transactions ran one after the other; some fail with 40001 and are to be run again.
    Serializable,
}

/// What a transaction begins with; what isn't said is as the session's defaults have it.
///
/// ```
/// use pg_core::transaction::{Isolation, TransactionOptions};
///
/// let options = TransactionOptions::new().isolation(Isolation::Serializable).read_only(true).deferrable(true);
/// assert_eq!(options.to_sql(), "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransactionOptions {
    isolation: Option<Isolation>,
    read_only: Option<bool>,
    deferrable: Option<bool>,
}

impl TransactionOptions {
    /// The session's defaults.
    pub fn new() -> TransactionOptions {
        TransactionOptions::default()
    }

    /// Sets the isolation level.
    #[must_use]
    pub fn isolation(self, isolation: Isolation) -> TransactionOptions {
        TransactionOptions { isolation: Some(isolation), ..self }
    }

    /// Forbids, or allows, changes.
    #[must_use]
    pub fn read_only(self, read_only: bool) -> TransactionOptions {
        TransactionOptions { read_only: Some(read_only), ..self }
    }

    /// Lets a serializable, read-only transaction wait for a snapshot with which it can't fail.
    #[must_use]
    pub fn deferrable(self, deferrable: bool) -> TransactionOptions {
        TransactionOptions { deferrable: Some(deferrable), ..self }
    }

    /// The command.
    pub fn to_sql(&self) -> String {
        let modes = [
            self.isolation.map(|isolation| match isolation {
                Isolation::ReadCommitted => "ISOLATION LEVEL READ COMMITTED",
                Isolation::RepeatableRead => "ISOLATION LEVEL REPEATABLE READ",
                Isolation::Serializable => "ISOLATION LEVEL SERIALIZABLE",
            }),
            self.read_only.map(|only| if only { "READ ONLY" } else { "READ WRITE" }),
            self.deferrable.map(|deferrable| if deferrable { "DEFERRABLE" } else { "NOT DEFERRABLE" }),
        ];
        let modes: Vec<&str> = modes.into_iter().flatten().collect();
        if modes.is_empty() { "BEGIN".to_owned() } else { format!("BEGIN {}", modes.join(", ")) }
    }
}

/// An open transaction or savepoint: a session whose statements belong to it.
///
/// # Drop
/// Dropped without [`commit`](Transaction::commit) it is rolled back: the ROLLBACK is queued and one attempt is made
/// to send it, without waiting. Its locks are free as soon as the server has read it.
#[derive(Debug)]
#[must_use = "dropped without commit(), a transaction is rolled back"]
pub struct Transaction<'s, S: Session> {
    session: &'s mut S,
    depth: u32,
}

impl<'s, S: Session> Transaction<'s, S> {
    pub(crate) fn new(session: &'s mut S, depth: u32) -> Transaction<'s, S> {
        Transaction { session, depth }
    }

    /// Keeps what the transaction did.
    ///
    /// # Errors
    /// What the server says; an error of kind `RolledBack` if a statement inside had failed, since the server then
    /// answers COMMIT by rolling back; of kind `CommitUnknown` if the connection was lost on the way.
    ///
    /// # Cancel safety
    /// Dropped before COMMIT was written, it is rolled back; after that, the server decides.
    pub async fn commit(self) -> Result<()> {
        let depth = self.depth;
        self.session.run(End::commit(depth)).await
    }

    /// Undoes what the transaction did, and waits for the server's answer.
    ///
    /// # Errors
    /// A lost connection; the transaction is undone then too.
    pub async fn rollback(self) -> Result<()> {
        let depth = self.depth;
        self.session.run(End::roll_back(depth)).await
    }

    /// The session beneath, for recursive functions: `visit(tx.session(), n - 1)` has the same type at every depth, and
    /// `begin()` on it is still a savepoint, because the depth is the connection's.
    pub fn session(&mut self) -> &mut S {
        self.session
    }
}

impl<S: Session> Run for Transaction<'_, S> {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        self.session.run(exchange)
    }
}

impl<S: Session> Session for Transaction<'_, S> {
    fn connection(&mut self) -> &mut Connection {
        self.session.connection()
    }

    fn nudge(&mut self) {
        self.session.nudge();
    }
}

impl<S: Session> Drop for Transaction<'_, S> {
    fn drop(&mut self) {
        let connection = self.session.connection();
        connection.roll_back(self.depth);
        if connection.wants_write() {
            self.session.nudge();
        }
    }
}
