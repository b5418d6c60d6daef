//! What a transaction begins with. The guard is [`Transaction`](crate::session::Transaction).

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
