//! Waiting without asking: for notifications, or for time to pass. Nothing is sent; the connection reads what comes by
//! itself, and hears of a lost link at once.

use super::prelude::Needs;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::Status;
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

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        c.inbox.has_heard()
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
    /// What the sink had been given when the wait began.
    before: Option<u64>,
}

impl Deliver {
    /// Waits as long as this; `None`: without limit; zero: delivers what has come.
    pub fn within(patience: Option<Duration>) -> Deliver {
        Deliver { patience, before: None }
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
        self.before = Some(c.inbox.delivered());
        c.inbox.deliver();
        Ok(None)
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn has_heard(&mut self, c: &mut Conversation) -> bool {
        self.before.is_some_and(|before| c.inbox.delivered() != before) || c.inbox.is_refused()
    }

    fn finish(self, c: &mut Conversation) -> Result<u64> {
        match c.inbox.take_refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(self.before.map_or(0, |before| c.inbox.delivered().saturating_sub(before))),
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Wait, sql: None, parameters: 0 }
    }
}

/// Sends nothing and waits for nothing: what dropped calls left is read to its end or cancelled, as before each exchange.
#[derive(Debug)]
pub(crate) struct Settle;

impl Exchange for Settle {
    type Output = ();
    const WAITS: bool = true;

    fn has_heard(&mut self, _: &mut Conversation) -> bool {
        true
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
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

    fn patience(&self) -> Option<Duration> {
        Some(self.0)
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Wait, sql: None, parameters: 0 }
    }
}
