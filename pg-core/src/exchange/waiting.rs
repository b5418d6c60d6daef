//! Waiting without asking: for notifications, or for time to pass. Nothing is sent; the connection reads what comes by
//! itself, and hears of a lost link at once.

use super::prelude::Needs;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::{Message, Status};
use crate::protocol::conversation::Conversation;
use crate::protocol::notifications::Heard;
use std::time::Duration;

/// Waits for the next notification; `None` when the time is over.
#[derive(Debug, Default)]
pub struct Hear {
    patience: Option<Duration>,
}

impl Hear {
    /// Waits as long as this; `None`: without limit; zero: looks what has come.
    pub fn within(patience: Option<Duration>) -> Hear {
        Hear { patience }
    }
}

/// The server delivers nothing to a session whose transaction is open.
fn check_no_transaction(c: &Conversation) -> Result<()> {
    if c.transactions.depth() > 0 || c.transactions.status() != Status::Idle {
        return Err(Error::usage("a notification can't be waited for inside a transaction").hint(
            "the server delivers none before COMMIT or ROLLBACK; wait outside, or on another connection",
        ));
    }
    Ok(())
}

impl Exchange for Hear {
    type Output = Option<Heard>;
    const WAITS: bool = true;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if c.inbox.has_sink() {
            return Err(Error::usage("notifications go to a sink, and are not here to be taken")
                .hint("wait with deliver_notifications, or take the sink back"));
        }
        check_no_transaction(c).map(|()| None)
    }

    fn send(&mut self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        c.inbox.has_heard()
    }

    fn on_message(&mut self, _: &mut Conversation, _: Message<'_>) -> Result<()> {
        Ok(())
    }

    fn finish(self, c: &mut Conversation) -> Result<Option<Heard>> {
        Ok(c.inbox.next_heard())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Wait, sql: None, parameters: 0 }
    }
}

/// Waits until the sink was given something: how many notifications it took, 0 when the time is over.
#[derive(Debug)]
pub struct Deliver {
    patience: Option<Duration>,
    before: u64,
}

impl Deliver {
    /// Waits as long as this; `None`: without limit; zero: delivers what has come.
    pub fn within(patience: Option<Duration>) -> Deliver {
        Deliver { patience, before: 0 }
    }
}

impl Exchange for Deliver {
    type Output = u64;
    const WAITS: bool = true;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if !c.inbox.has_sink() {
            return Err(Error::usage("there is no sink to deliver notifications to")
                .hint("set one by set_notification_sink"));
        }
        check_no_transaction(c)?;
        self.before = c.inbox.delivered();
        c.inbox.deliver();
        Ok(None)
    }

    fn send(&mut self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        c.inbox.delivered() != self.before || c.inbox.is_refused()
    }

    fn on_message(&mut self, _: &mut Conversation, _: Message<'_>) -> Result<()> {
        Ok(())
    }

    fn finish(self, c: &mut Conversation) -> Result<u64> {
        match c.inbox.take_refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(c.inbox.delivered().saturating_sub(self.before)),
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Wait, sql: None, parameters: 0 }
    }
}

/// Lets time pass, inside a transaction too; a link that is lost meanwhile ends it.
#[derive(Debug)]
pub struct Pause(Duration);

impl Pause {
    /// As long as this.
    pub fn new(length: Duration) -> Pause {
        Pause(length)
    }
}

impl Exchange for Pause {
    type Output = ();
    const WAITS: bool = true;

    fn send(&mut self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.0)
    }

    fn on_message(&mut self, _: &mut Conversation, _: Message<'_>) -> Result<()> {
        Ok(())
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Wait, sql: None, parameters: 0 }
    }
}

/// An exchange that is given up when it takes longer than this: see [`Exchange::patience`].
#[derive(Debug)]
pub struct Within<E> {
    exchange: E,
    patience: Duration,
}

impl<E: Exchange> Within<E> {
    /// Runs `exchange` for at most this long.
    pub fn new(exchange: E, patience: Duration) -> Within<E> {
        Within { exchange, patience }
    }
}

impl<E: Exchange> Exchange for Within<E> {
    type Output = E::Output;
    const PEEK: bool = E::PEEK;
    const FLUSH: bool = E::FLUSH;
    const WAITS: bool = E::WAITS;
    const ACKNOWLEDGEMENTS: bool = E::ACKNOWLEDGEMENTS;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.exchange.prepare(c)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.exchange.send(c)
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.exchange.patience().map_or(self.patience, |inner| inner.min(self.patience)))
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        self.exchange.has_heard(c)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.exchange.on_message(c, message)
    }

    fn is_ready(&self) -> bool {
        self.exchange.is_ready()
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.exchange.wants_retry(c)
    }

    fn finish(self, c: &mut Conversation) -> Result<E::Output> {
        self.exchange.finish(c)
    }

    fn lost(&self, error: Error) -> Error {
        self.exchange.lost(error)
    }

    fn about(&self) -> About<'_> {
        self.exchange.about()
    }
}
