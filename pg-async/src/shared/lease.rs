//! The connection for one task alone, and a transaction on it.

use super::super::client::Client;
use super::Shared;
use super::wakes::Wakes;
use pg_core::TransactionOptions;
use pg_core::error::Result;
use pg_core::exchange::Exchange;
use pg_core::exchange::committing::Committing;
use pg_core::exchange::pipeline::PipelineParts as Parts;
use pg_core::exchange::session::{Begin, End};
use pg_core::protocol::connection::Connection;
use pg_core::session::{Run, Session};

/// The connection of a [`Shared`], for one task alone: a full [`Session`](crate::Session).
///
/// # Drop
/// The connection is given back. A transaction that was left open is rolled back, and a request that was written by half is
/// failed: one attempt is made to send that. What was left unread is read away by whoever comes next.
#[derive(Debug)]
pub struct Lease {
    /// None once it was given back, by `Drop` alone.
    client: Option<Client>,
    shared: Shared,
}

impl Lease {
    pub(super) fn new(client: Client, shared: Shared) -> Lease {
        Lease { client: Some(client), shared }
    }

    /// Takes the connection out for good.
    pub(super) fn keep(mut self) -> Option<Client> {
        self.client.take()
    }

    fn client(&mut self) -> &mut Client {
        #[allow(
            clippy::expect_used,
            reason = "Drop and keep() alone take it, and both are the end of the lease"
        )]
        self.client.as_mut().expect("a lease has its client until its end")
    }
}

impl Run for Lease {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        self.client().run(exchange).await
    }
}

impl Session for Lease {
    fn connection(&mut self) -> &mut Connection {
        self.client().connection()
    }

    fn nudge(&mut self) {
        self.client().nudge();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let mut wakes = Wakes::default();
            self.shared.lock().give_back(client, &mut wakes);
            wakes.wake();
        }
    }
}

/// An open transaction on a lease of its own: a session whose statements belong to it.
///
/// # Drop
/// Dropped without [`commit`](SharedTransaction::commit) it is rolled back: its lease ends.
#[derive(Debug)]
#[must_use = "dropped without commit(), a transaction is rolled back"]
pub struct SharedTransaction {
    lease: Lease,
    depth: u32,
}

impl SharedTransaction {
    pub(super) async fn begin(mut lease: Lease, options: TransactionOptions) -> Result<SharedTransaction> {
        let has_options = options != TransactionOptions::default();
        let depth = lease.run(Begin::new(options.to_sql(), has_options)).await?;
        Ok(SharedTransaction { lease, depth })
    }

    /// [`Transaction::commit`](crate::Transaction::commit): keeps what the transaction did.
    ///
    /// # Errors
    /// As there.
    pub async fn commit(mut self) -> Result<()> {
        let depth = self.depth;
        self.lease.run(End::commit(depth)).await
    }

    /// [`Transaction::commit_with`](crate::Transaction::commit_with): the last statements, and COMMIT in the same round
    /// trip.
    ///
    /// # Errors
    /// As there.
    pub async fn commit_with<T: Parts>(mut self, parts: T) -> Result<T::Output> {
        self.lease.run(Committing::new(parts)).await
    }

    /// [`Transaction::rollback`](crate::Transaction::rollback): undoes what the transaction did, and waits for it.
    ///
    /// # Errors
    /// As there.
    pub async fn rollback(mut self) -> Result<()> {
        let depth = self.depth;
        self.lease.run(End::roll_back(depth)).await
    }
}

impl Run for SharedTransaction {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        self.lease.run(exchange).await
    }
}

impl Session for SharedTransaction {
    fn connection(&mut self) -> &mut Connection {
        self.lease.connection()
    }

    fn nudge(&mut self) {
        self.lease.nudge();
    }
}
