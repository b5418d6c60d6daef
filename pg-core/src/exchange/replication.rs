//! What a walsender's session runs: a replication command with its answer, and waiting for a stream that goes on both
//! ways. The stream itself is a COPY in both directions ([`copy`](super::copy)).

use super::prelude::Needs;
use super::{About, Exchange, Kind};
use crate::config::settings::Replication;
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::protocol::conversation::Conversation;
use std::time::Duration;

/// Refuses what a walsender doesn't know: the extended protocol, and for physical replication SQL at all.
///
/// # Errors
/// A usage error with the way out.
#[cold]
pub(super) fn check(replication: Replication, about: About<'_>) -> Result<()> {
    let allowed = match about.kind {
        Kind::Startup
        | Kind::Command
        | Kind::Replication
        | Kind::Fetch
        | Kind::Flush
        | Kind::Wait
        | Kind::Ping
        | Kind::Cancel => true,
        Kind::Batch | Kind::Copy | Kind::Begin | Kind::Commit | Kind::Rollback | Kind::Types => {
            replication == Replication::Logical
        }
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    let (what, cure) = match replication {
        Replication::Logical => (
            "statements with parameters or rows",
            "run it on a second connection, of the same Config without replication; replication commands, batch_execute, \
             copy_in and copy_out work here",
        ),
        Replication::Physical => (
            "SQL",
            "run it on a second connection, of the same Config without replication; only replication commands work here",
        ),
    };
    let error = Error::usage(format!("a connection for replication takes no {what}")).hint(cure);
    Err(match about.sql {
        Some(sql) => error.with_sql(sql),
        None => error,
    })
}

/// A row of a command's answer: text, or NULL.
pub type AnswerRow = Vec<Option<String>>;

/// Runs a replication command, one at a time, and gives the rows of its answer as text.
#[derive(Debug)]
pub struct Command<'q> {
    command: &'q str,
    rows: Vec<AnswerRow>,
    error: Option<Error>,
}

impl<'q> Command<'q> {
    /// Runs `command`.
    pub fn new(command: &'q str) -> Command<'q> {
        Command { command, rows: Vec::new(), error: None }
    }
}

impl Exchange for Command<'_> {
    type Output = Vec<AnswerRow>;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if c.replication.is_none() {
            return Err(Error::usage("replication commands need a connection for replication")
                .hint("connect with Config::replication(Replication::Logical) or Physical")
                .with_sql(self.command));
        }
        // A slot that takes over its transaction's snapshot is made inside one.
        Ok(c.transactions.has_pending().then_some(Needs::Begin))
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        c.transactions.check()?;
        c.query(self.command)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            Message::DataRow(row) => {
                let mut values = row.values();
                let mut texts = Vec::new();
                for _ in 0..row.columns() {
                    let value = values.value()?.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                    texts.push(value);
                }
                values.finish()?;
                self.rows.push(texts);
            }
            Message::ErrorResponse(error) => {
                self.error.get_or_insert(Error::from_server(*error).with_sql(self.command));
            }
            Message::CopyInResponse | Message::CopyOutResponse | Message::CopyBothResponse => {
                self.error.get_or_insert_with(|| {
                    Error::usage("the command starts a stream: use start, start_logical or start_physical")
                        .with_sql(self.command)
                });
                c.refuse_copy()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, _: &mut Conversation) -> Result<Vec<AnswerRow>> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.rows),
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Command, sql: Some(self.command), parameters: 0 }
    }
}

/// Reads on for a stream until a whole message waits, or for some time; zero: what has come.
#[derive(Debug)]
pub struct Await(pub Duration);

/// Lets time pass and reads nothing, so that a server that sends and sends is stopped by the link.
#[derive(Debug)]
pub struct Sleep(pub Duration);

macro_rules! waits {
    ($name:ty $(, $sleeps:ident)?) => {
        impl Exchange for $name {
            type Output = ();
            const PEEK: bool = true;
            const WAITS: bool = true;
            $(const $sleeps: bool = true;)?

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
    };
}

waits!(Await);
waits!(Sleep, SLEEPS);
