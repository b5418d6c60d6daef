//! The last statements of a transaction and its COMMIT in one flight: if one of them fails, COMMIT is not run.

use super::parts::Parts;
use super::pipeline::Pipeline;
use super::prelude::Needs;
use super::session::End;
use super::{About, Exchange, Kind, More};
use crate::error::{Error, Result};
use crate::message::backend::{Message, Status};
use crate::protocol::conversation::Conversation;
use crate::sqlstate::SqlState;

const COMMITTED: &str = "the transaction was committed, and what it gave can't be read";

/// Parts, and the end of the outermost transaction behind them: see the module.
#[derive(Debug)]
pub struct Committing<T> {
    parts: Pipeline<T>,
    end: End,
    /// COMMIT was written.
    ended: bool,
    /// A part has failed, or COMMIT: what remains is to undo the transaction.
    undoing: bool,
    /// A CancelRequest has hit the undoing.
    cancelled: bool,
}

impl<T> Committing<T> {
    /// One part, a tuple or `Vec` of parts, and then COMMIT of the transaction at the depth 1.
    pub fn new(parts: T) -> Committing<T> {
        Committing {
            parts: Pipeline::new(parts),
            end: End::commit(1),
            ended: false,
            undoing: false,
            cancelled: false,
        }
    }
}

impl<T: Parts> Exchange for Committing<T> {
    type Output = T::Output;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if self.undoing { Ok(None) } else { self.parts.prepare(c) }
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if self.undoing {
            self.cancelled = false;
            return c.query("ROLLBACK");
        }
        self.parts.send(c)?;
        if self.parts.is_written() && !self.ended {
            self.end.send_behind(c)?;
            self.ended = true;
        }
        Ok(())
    }

    fn is_long(&self) -> bool {
        self.parts.is_long()
    }

    fn more(&self) -> More {
        if self.undoing { More::No } else { self.parts.more() }
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        if self.undoing {
            self.cancelled |= matches!(
                message, Message::ErrorResponse(error) if error.sqlstate == SqlState::QUERY_CANCELED
            );
            return Ok(());
        }
        if self.parts.is_answered() && !self.parts.has_failed() {
            return self.end.on_message(c, message);
        }
        self.parts.on_message(c, message)
    }

    /// What was committed is not told as undone: its rows are read as far as their types are known.
    fn unmet(&mut self, c: &Conversation, error: Error) -> Result<()> {
        if self.parts.is_run() { Ok(()) } else { self.parts.unmet(c, error) }
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        // A CancelRequest may hit the COMMIT itself.
        if !self.undoing && !self.parts.has_failed() && !self.end.has_failed() {
            return self.parts.wants_retry(c);
        }
        let again = !self.undoing || self.cancelled;
        if !again || c.transactions.status() != Status::Failed {
            return false;
        }
        // The guard is gone with its COMMIT, and so is whoever would undo it.
        c.transactions.close_outermost();
        self.undoing = true;
        true
    }

    fn finish(self, c: &mut Conversation) -> Result<T::Output> {
        let failed = self.parts.has_failed();
        let output = self.parts.finish(c);
        if failed {
            return output;
        }
        self.end.finish(c)?;
        output.map_err(|error| error.within(COMMITTED))
    }

    fn is_done(&self) -> bool {
        !self.undoing && !self.parts.has_failed() && self.end.is_done()
    }

    fn lost(&self, error: Error) -> Error {
        match self.ended && !self.parts.has_failed() {
            true if self.parts.is_run() => error.within(COMMITTED),
            true => self.end.lost(error),
            false => error,
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Commit, ..self.parts.about() }
    }
}
