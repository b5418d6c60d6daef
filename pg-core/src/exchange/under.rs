//! An exchange under terms of its own: codecs that stand before the connection's while it plans and never after, and a
//! deadline. Nothing of that is left behind when it is dropped half way.

use super::prelude::Needs;
use super::{About, Exchange, More};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::protocol::conversation::Conversation;
use crate::types::codecs::Codecs;
use std::time::Duration;

/// What is said for some exchanges, and not for a whole connection.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Codecs that come before all others.
    pub codecs: Option<Codecs>,
    /// How long each may take.
    pub limit: Option<Duration>,
}

/// See the module.
#[derive(Debug)]
pub struct Under<E> {
    exchange: E,
    terms: Terms,
}

impl<E: Exchange> Under<E> {
    /// Runs `exchange` under `terms`.
    pub fn new(exchange: E, terms: Terms) -> Under<E> {
        Under { exchange, terms }
    }
}

/// Runs `f` under the codecs.
fn under<T>(terms: &Terms, c: &mut Conversation, f: impl FnOnce(&mut Conversation) -> T) -> T {
    let Some(codecs) = &terms.codecs else { return f(c) };
    let before = c.exchange_statement_codecs(codecs.clone());
    let lifted = Lifted { conversation: c, before };
    f(&mut *lifted.conversation)
}

/// Puts back what stood there before, even if a registered function panics.
struct Lifted<'c> {
    conversation: &'c mut Conversation,
    before: Codecs,
}

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        self.conversation.exchange_statement_codecs(std::mem::take(&mut self.before));
    }
}

impl<E: Exchange> Exchange for Under<E> {
    type Output = E::Output;
    const PEEK: bool = E::PEEK;
    const FLUSH: bool = E::FLUSH;
    const WAITS: bool = E::WAITS;
    const SLEEPS: bool = E::SLEEPS;
    const ACKNOWLEDGEMENTS: bool = E::ACKNOWLEDGEMENTS;

    /// The shortest of several.
    fn patience(&self) -> Option<Duration> {
        self.exchange.patience().into_iter().chain(self.terms.limit).min()
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        self.exchange.has_heard(c)
    }

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        under(&self.terms, c, |c| self.exchange.prepare(c))
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        under(&self.terms, c, |c| self.exchange.send(c))
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        under(&self.terms, c, |c| self.exchange.on_message(c, message))
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
        under(&self.terms, c, |c| self.exchange.wants_retry(c))
    }

    fn finish(self, c: &mut Conversation) -> Result<E::Output> {
        under(&self.terms, c, |c| self.exchange.finish(c))
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
