//! The transaction's state: what the server last said, how deep the guards stand, and which BEGIN or SAVEPOINT waits
//! to travel with the next statement.

use crate::error::{Error, Result};
use crate::message::backend::Status;

/// Where the session's transaction stands.
#[derive(Debug, Clone)]
pub struct Transactions {
    status: Status,
    /// How many guards are open; each but an outermost one stands for a savepoint.
    depth: u32,
    /// How many savepoints of ours are open, for their names.
    outermost_is_ours: bool,
    /// Commands that have not been sent, oldest first, with the depth that each opens.
    pending: Vec<(u32, String)>,
    /// Commands were sent, and the status that the server last told doesn't know of them yet.
    in_flight: bool,
}

impl Default for Transactions {
    fn default() -> Transactions {
        Transactions {
            status: Status::Idle,
            depth: 0,
            outermost_is_ours: false,
            pending: Vec::new(),
            in_flight: false,
        }
    }
}

/// How a guard's transaction is ended on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was ever sent.
    Nothing,
    /// This command.
    Command(String),
}

impl Transactions {
    /// What the server last said.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How many guards are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether statements belong to a transaction that somebody began.
    pub fn is_open(&self) -> bool {
        self.depth > 0 || self.status != Status::Idle
    }

    /// Whether a BEGIN or SAVEPOINT waits for the next statement.
    #[inline]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The commands that wait, oldest first, to be sent now.
    pub(crate) fn take_pending(&mut self) -> Vec<(u32, String)> {
        self.in_flight |= self.has_pending();
        std::mem::take(&mut self.pending)
    }

    #[inline]
    pub(crate) fn handle_status(&mut self, status: Status) {
        self.status = status;
        self.in_flight = false;
        if self.depth == 0 && status == Status::Idle {
            self.outermost_is_ours = false;
        }
    }

    /// Opens a guard: `begin` is the command if it starts the transaction, and a savepoint otherwise.
    ///
    /// # Errors
    /// Isolation and the like belong to the outermost transaction alone.
    pub(crate) fn open(&mut self, begin: &str, has_options: bool) -> Result<u32> {
        self.check()?;
        let outermost = self.depth == 0 && self.status == Status::Idle;
        if !outermost && has_options {
            return Err(Error::usage(
                "a nested transaction is a savepoint: it has no isolation level or mode of its own",
            )
            .hint("set them where the outermost transaction begins"));
        }
        self.depth = self.depth.saturating_add(1);
        if self.depth == 1 {
            self.outermost_is_ours = outermost;
        }
        let command =
            if outermost { begin.to_owned() } else { format!("SAVEPOINT {}", savepoint(self.depth)) };
        self.pending.push((self.depth, command));
        Ok(self.depth)
    }

    /// Refuses a statement where a guard stands over a transaction that has ended.
    ///
    /// # Errors
    /// Without it, statements after a failed BEGIN would commit one by one.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.depth > 0 && self.status == Status::Idle && self.pending.is_empty() && !self.in_flight {
            return Err(ended());
        }
        Ok(())
    }

    /// Closes the guard at `depth` and all above it, keeping what it did.
    ///
    /// # Errors
    /// If the transaction isn't open any more.
    pub(crate) fn commit(&mut self, depth: u32) -> Result<Ending> {
        if self.forget(depth) {
            return Ok(Ending::Nothing);
        }
        self.check()?;
        let command = match (self.is_outermost(depth), self.status) {
            (true, _) => "COMMIT".to_owned(),
            // RELEASE fails in a failed transaction; what the caller needs is the state before the savepoint.
            (false, Status::Failed) => roll_back_to(depth),
            (false, _) => format!("RELEASE SAVEPOINT {}", savepoint(depth)),
        };
        self.depth = depth.saturating_sub(1);
        Ok(Ending::Command(command))
    }

    /// Closes the guard at `depth` and all above it, undoing what it did. One that is closed already needs nothing.
    pub(crate) fn roll_back(&mut self, depth: u32) -> Ending {
        if self.depth < depth || self.forget(depth) {
            return Ending::Nothing;
        }
        let over = self.check().is_err();
        self.depth = depth.saturating_sub(1);
        if over {
            return Ending::Nothing;
        }
        Ending::Command(self.undoing(depth))
    }

    /// The transaction was undone, or is about to be: there is no guard of it any more.
    pub(crate) fn close_outermost(&mut self) {
        self.depth = 0;
    }

    /// What undoes the transaction or savepoint of a guard that is closed, and whose end failed.
    pub(crate) fn undoing(&self, depth: u32) -> String {
        if self.is_outermost(depth) { "ROLLBACK".to_owned() } else { roll_back_to(depth) }
    }

    /// Whether a transaction of ours is open on the server though its guard is gone: its end was cancelled.
    pub(crate) fn is_left_open(&self) -> bool {
        self.depth == 0 && self.outermost_is_ours && self.status != Status::Idle
    }

    /// Whether the guard at `depth` is the transaction itself, and no savepoint.
    pub fn is_outermost(&self, depth: u32) -> bool {
        depth == 1 && self.outermost_is_ours
    }

    /// Drops the commands of `depth` and above that were never sent; whether that was all there is to do.
    fn forget(&mut self, depth: u32) -> bool {
        let unsent = self.pending.iter().any(|(opens, _)| *opens == depth);
        self.pending.retain(|(opens, _)| *opens < depth);
        if unsent {
            self.depth = depth.saturating_sub(1);
            self.outermost_is_ours &= self.depth > 0;
        }
        unsent
    }
}

fn savepoint(depth: u32) -> String {
    format!("pg_{depth}")
}

fn roll_back_to(depth: u32) -> String {
    let name = savepoint(depth);
    format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
}

#[cold]
fn ended() -> Error {
    Error::usage("the transaction is over: its BEGIN failed, or a statement inside ended it")
        .hint("drop the transaction, and begin anew; end it by commit() or rollback(), not by SQL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begin_and_commit_with_nothing_between_send_nothing() {
        let mut t = Transactions::default();
        assert_eq!(t.open("BEGIN", false).unwrap(), 1);
        assert_eq!(t.open("BEGIN", false).unwrap(), 2);
        assert_eq!(t.commit(2).unwrap(), Ending::Nothing);
        assert_eq!(t.commit(1).unwrap(), Ending::Nothing);
        assert!(!t.has_pending());
        assert_eq!(t.depth(), 0);
    }

    #[test]
    fn a_begin_that_was_sent_and_not_answered_is_undone() {
        let mut t = Transactions::default();
        t.open("BEGIN", false).unwrap();
        t.take_pending();
        assert!(t.check().is_ok(), "more statements may follow in one pipeline");
        assert_eq!(t.roll_back(1), Ending::Command("ROLLBACK".to_owned()));
    }

    #[test]
    fn only_a_transaction_of_ours_is_ever_left_open() {
        let mut t = Transactions::default();
        t.open("BEGIN", false).unwrap();
        t.take_pending();
        t.handle_status(Status::Transaction);
        assert_eq!(t.commit(1).unwrap(), Ending::Command("COMMIT".to_owned()));
        t.handle_status(Status::Failed);
        assert!(t.is_left_open(), "COMMIT was cancelled");
        t.handle_status(Status::Idle);
        t.open("BEGIN", false).unwrap();
        assert_eq!(t.roll_back(1), Ending::Nothing);
        t.handle_status(Status::Transaction);
        assert!(!t.is_left_open(), "begun by SQL");
    }

    #[test]
    fn a_guard_over_an_ended_transaction_refuses_statements() {
        let mut t = Transactions::default();
        t.open("BEGIN", false).unwrap();
        t.take_pending();
        t.handle_status(Status::Idle);
        assert!(t.check().is_err());
        assert_eq!(t.roll_back(1), Ending::Nothing);
        assert!(t.check().is_ok());
    }

    #[test]
    fn nested_guards_are_savepoints() {
        let mut t = Transactions::default();
        t.open("BEGIN", false).unwrap();
        t.take_pending();
        t.handle_status(Status::Transaction);
        assert_eq!(t.open("BEGIN", false).unwrap(), 2);
        assert_eq!(t.take_pending(), [(2, "SAVEPOINT pg_2".to_owned())]);
        assert!(t.open("BEGIN READ ONLY", true).is_err());
        assert_eq!(t.commit(2).unwrap(), Ending::Command("RELEASE SAVEPOINT pg_2".to_owned()));
        assert_eq!(t.roll_back(1), Ending::Command("ROLLBACK".to_owned()));
        assert_eq!(t.roll_back(1), Ending::Nothing);
    }
}
