//! What a pool does between two borrowers of a connection, whichever crate pools: the managers for deadpool, bb8 and r2d2 in
//! the client crates all do this.
//!
//! What a borrower changed is undone by a list of [`Reset`]s, which costs no round trip: they travel with the next borrower's
//! first statement. Prepared statements stay. A connection with an open transaction, unread bytes or a broken link never
//! goes out; what a borrower dropped half way is read to its end first, or cancelled.

use crate::error::{Error, Result};
use crate::exchange::waiting::Pause;
use crate::session::Session;
use std::time::Duration;

/// Something of a session that a borrower may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reset {
    /// All run-time parameters, as after login: `RESET ALL`.
    Settings,
    /// The role: `SET SESSION AUTHORIZATION DEFAULT; RESET ROLE`.
    Role,
    /// The channels that are listened to: `UNLISTEN *`. What was heard and not read is always forgotten.
    Channels,
    /// Cursors that outlive their transaction: `CLOSE ALL`.
    Cursors,
    /// Advisory locks of the session: `SELECT pg_advisory_unlock_all()`.
    AdvisoryLocks,
    /// Temporary tables: `DISCARD TEMP`.
    TemporaryTables,
    /// What sequences have cached, and `currval`: `DISCARD SEQUENCES`.
    Sequences,
}

impl Reset {
    fn command(self) -> &'static str {
        match self {
            Reset::Role => "SET SESSION AUTHORIZATION DEFAULT; RESET ROLE",
            Reset::Settings => "RESET ALL",
            Reset::Channels => "UNLISTEN *",
            Reset::Cursors => "CLOSE ALL",
            Reset::AdvisoryLocks => "SELECT pg_advisory_unlock_all()",
            Reset::TemporaryTables => "DISCARD TEMP",
            Reset::Sequences => "DISCARD SEQUENCES",
        }
    }
}

/// What is put back between two borrowers. Default: all of [`Reset`], in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resets(Vec<Reset>);

impl Resets {
    /// These, in this order.
    pub fn new(resets: impl IntoIterator<Item = Reset>) -> Resets {
        Resets(resets.into_iter().collect())
    }

    /// Nothing: for borrowers that change nothing.
    pub fn none() -> Resets {
        Resets(Vec::new())
    }

    fn commands(&self) -> String {
        self.0.iter().map(|reset| reset.command()).collect::<Vec<_>>().join("; ")
    }
}

impl Default for Resets {
    fn default() -> Resets {
        Resets::new([
            Reset::Role,
            Reset::Settings,
            Reset::Channels,
            Reset::Cursors,
            Reset::AdvisoryLocks,
            Reset::TemporaryTables,
            Reset::Sequences,
        ])
    }
}

/// Makes a session ready for its next borrower. Where the last one left nothing behind, nothing is sent.
/// `deadline` is that of each call, as the configuration has it.
///
/// # Errors
/// The session is closed, or a transaction is open, so that it must not go out.
pub async fn make_ready<S: Session>(
    session: &mut S,
    resets: &Resets,
    deadline: Option<Duration>,
) -> Result<()> {
    session.set_deadline(deadline);
    if !session.connection().is_settled() {
        // Reads what dropped calls left, or cancels them.
        session.ping().await?;
    }
    // Hears whether the server has ended the session meanwhile.
    session.run(Pause::new(Duration::ZERO)).await?;
    if !session.connection().is_settled() {
        return Err(Error::usage("the connection was given back with an open transaction or unread bytes"));
    }
    session.connection().conversation.reset_with_next(resets.commands());
    session.connection().inbox().clear();
    Ok(())
}
