//! What a pool does between two borrowers of a connection, whichever crate pools: the managers for deadpool, bb8 and
//! r2d2 in the client crates all do this.
//!
#![doc = include_str!("../docs/pools.md")]

use crate::error::{Error, Result};
use crate::exchange::waiting::{Pause, Settle};
use crate::protocol::conversation::Undoing;
use crate::session::Session;
use std::time::Duration;

/// Something of a session that a borrower may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reset {
    /// The role: `SET SESSION AUTHORIZATION DEFAULT; RESET ROLE`.
    Role,
    /// All run-time parameters, as after login: `RESET ALL`.
    Settings,
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
            Reset::AdvisoryLocks => "SELECT pg_catalog.pg_advisory_unlock_all()",
            Reset::TemporaryTables => "DISCARD TEMP",
            Reset::Sequences => "DISCARD SEQUENCES",
        }
    }
}

/// What is put back between two borrowers. Default: all of [`Reset`], with the next borrower's first statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resets {
    /// In the order in which they are run: first of all who runs the others, and under which settings.
    resets: Vec<Reset>,
    at_return: bool,
}

impl Resets {
    /// These, in the order of [`Reset`].
    pub fn new(resets: impl IntoIterator<Item = Reset>) -> Resets {
        let mut resets: Vec<Reset> = resets.into_iter().collect();
        resets.sort();
        Resets { resets, at_return: false }
    }

    /// Nothing: for borrowers that change nothing.
    pub fn none() -> Resets {
        Resets::new([])
    }

    /// Undoes what a borrower changed when it gives the connection back, and not when the next one takes it: for borrowers
    /// that hold advisory locks, say. It is sent without waiting; its answer is read when the connection goes out, which
    /// may have to wait for it.
    ///
    /// For bb8 and r2d2, which say when a connection comes back; deadpool doesn't.
    #[must_use]
    pub fn at_return(mut self) -> Resets {
        self.at_return = true;
        self
    }

    fn undoing(&self) -> Undoing {
        let has = |reset| self.resets.contains(&reset);
        Undoing {
            commands: self.resets.iter().map(|reset| reset.command()).collect::<Vec<_>>().join("; "),
            moves_path: has(Reset::Role) || has(Reset::Settings),
            restores_path: has(Reset::Role) && has(Reset::Settings),
            channels: has(Reset::Channels),
        }
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

/// Takes a session back from a borrower: whether it may go out again. Nothing is waited for, so that a pool can ask it
/// wherever a connection comes back. `deadline` is that of each call, as the configuration has it.
pub fn take_back<S: Session>(session: &mut S, resets: &Resets, deadline: Option<Duration>) -> bool {
    if !put_back(session, resets, deadline) {
        return false;
    }
    if resets.at_return && session.connection().is_settled() {
        // What is written holds no NUL, so that writing it can't fail.
        let _ = session.connection().conversation.write_reset_alone();
        session.nudge();
    }
    true
}

/// Makes a session ready for its next borrower. Nothing is sent for it.
///
/// # Errors
/// The session is closed, or a transaction is open, so that it must not go out.
pub async fn make_ready<S: Session>(
    session: &mut S,
    resets: &Resets,
    deadline: Option<Duration>,
) -> Result<()> {
    // What comes while it is looked at isn't for the last borrower's sink.
    session.connection().inbox().clear();
    if !session.connection().is_idle() {
        session.run(Settle).await?;
    }
    // Hears whether the server has ended the session meanwhile.
    session.run(Pause::new(Duration::ZERO)).await?;
    if !session.connection().is_settled() || !put_back(session, resets, deadline) {
        return Err(Error::usage("the connection was given back with an open transaction or unread bytes"));
    }
    Ok(())
}

fn put_back<S: Session>(session: &mut S, resets: &Resets, deadline: Option<Duration>) -> bool {
    session.set_deadline(deadline);
    let connection = session.connection();
    let is_returnable = connection.is_returnable();
    if is_returnable {
        connection.conversation.put_back(resets.undoing());
    }
    is_returnable
}
