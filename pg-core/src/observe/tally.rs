//! An exchange whose rows are counted.

use crate::error::{Error, Result};
use crate::exchange::prelude::Needs;
use crate::exchange::{About, Exchange, More};
use crate::message::backend::Message;
use crate::protocol::conversation::Conversation;
use std::time::Duration;

/// What came for an exchange.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) affected: u64,
}

pub(super) struct Tallied<'t, E> {
    pub(super) exchange: E,
    pub(super) tally: &'t mut Tally,
}

impl<E: Exchange> Exchange for Tallied<'_, E> {
    type Output = E::Output;
    const PEEK: bool = E::PEEK;
    const FLUSH: bool = E::FLUSH;
    const WAITS: bool = E::WAITS;
    const SLEEPS: bool = E::SLEEPS;
    const ACKNOWLEDGEMENTS: bool = E::ACKNOWLEDGEMENTS;

    fn patience(&self) -> Option<Duration> {
        self.exchange.patience()
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        self.exchange.has_heard(c)
    }

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.exchange.prepare(c)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.exchange.send(c)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match &message {
            Message::DataRow(row) => {
                self.tally.rows = self.tally.rows.saturating_add(1);
                self.tally.bytes = self.tally.bytes.saturating_add(row.values().rest().len() as u64);
            }
            Message::CommandComplete(complete) => {
                self.tally.affected = self.tally.affected.saturating_add(complete.rows());
            }
            _ => {}
        }
        self.exchange.on_message(c, message)
    }

    fn unmet(&mut self, c: &Conversation, error: Error) -> Result<()> {
        self.exchange.unmet(c, error)
    }

    fn is_long(&self) -> bool {
        self.exchange.is_long()
    }

    fn more(&self) -> More {
        self.exchange.more()
    }

    fn is_ready(&self) -> bool {
        self.exchange.is_ready()
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        let again = self.exchange.wants_retry(c);
        if again {
            *self.tally = Tally::default();
        }
        again
    }

    fn finish(self, c: &mut Conversation) -> Result<E::Output> {
        self.exchange.finish(c)
    }

    fn is_done(&self) -> bool {
        self.exchange.is_done()
    }

    fn lost(&self, error: Error) -> Error {
        self.exchange.lost(error)
    }

    fn about(&self) -> About<'_> {
        self.exchange.about()
    }
}
