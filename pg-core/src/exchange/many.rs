//! One statement with many sets of parameters, all or nothing: Parse once, Bind and Execute for each set, one Sync.
//!
//! The sets come from an iterator that is asked as the link takes them, so that their number is not limited by memory.
//! The first piece is kept until its first set was answered, since a statement that is stale fails there and is run
//! once more, in a piece that may hold fewer sets; a second piece waits for that. Dropped before the Sync, the whole is
//! failed.

use super::collect::Collect;
use super::parts::{check_copy, ends};
use super::pipeline::{MOST_UNANSWERED, PIECE};
use super::prelude::Needs;
use super::query::take_row;
use super::statement::Statement;
use super::{About, Exchange, Kind, More};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::params::Params;
use crate::protocol::conversation::Conversation;

/// A statement that is run with many sets of parameters: see the module.
#[derive(Debug)]
pub struct Many<'q, I: Iterator, C> {
    sql: &'q str,
    /// Where there is a first set.
    core: Option<Statement<'q>>,
    sets: I,
    /// The first sets, until one was answered and all of them were sent.
    kept: Vec<I::Item>,
    /// Bind's result formats: those of the first set are those of all.
    formats: Vec<u8>,
    sent: usize,
    answered: usize,
    exhausted: bool,
    failed: bool,
    affected: u64,
    collect: C,
}

impl<'q, I: Iterator<Item: Params>, C: Collect> Many<'q, I, C> {
    /// Runs `sql` with each of `sets`, and gives the rows of all to `collect`.
    pub fn new(sql: &'q str, mut sets: I, collect: C) -> Many<'q, I, C> {
        let first = sets.next();
        let core = first.as_ref().map(|first| Statement::new(sql, C::SHAPE, first));
        Many {
            sql,
            exhausted: first.is_none(),
            kept: first.into_iter().collect(),
            core,
            sets,
            formats: Vec::new(),
            sent: 0,
            answered: 0,
            failed: false,
            affected: 0,
            collect,
        }
    }

    /// Whether all was written.
    fn is_written(&self) -> bool {
        self.exhausted && self.sent >= self.kept.len()
    }

    /// Writes the next set; false if there is none.
    fn send_next(&mut self, c: &mut Conversation) -> Result<bool> {
        let Some(core) = &mut self.core else { return Ok(false) };
        let next;
        let set = match self.kept.get(self.sent) {
            Some(kept) => kept,
            None => {
                // An iterator isn't asked again after its end.
                let set = if self.exhausted { None } else { self.sets.next() };
                let Some(set) = set else {
                    self.exhausted = true;
                    return Ok(false);
                };
                if self.answered == 0 {
                    self.kept.push(set);
                    match self.kept.last() {
                        Some(kept) => kept,
                        None => return Ok(false),
                    }
                } else {
                    next = set;
                    &next
                }
            }
        };
        let sent = match self.sent {
            0 => core.send(c, set),
            _ => core.send_again(c, set, &self.formats),
        };
        sent.map_err(|error| of_set(error, self.sent))?;
        if self.sent == 0 {
            self.formats = core.result_formats().to_vec();
        }
        self.sent = self.sent.saturating_add(1);
        Ok(true)
    }
}

fn of_set(error: Error, index: usize) -> Error {
    error.within(format_args!("parameter set {index}"))
}

impl<I: Iterator<Item: Params> + Send, C: Collect> Exchange for Many<'_, I, C> {
    type Output = C::Output;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        match (&mut self.core, self.kept.first()) {
            (Some(core), Some(first)) => core.prepare(c, first),
            _ => Ok(None),
        }
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if self.sent == 0 {
            check_copy(&self.about())?;
        }
        while self.send_next(c)? {
            if c.is_piece(PIECE) || self.sent.saturating_sub(self.answered) >= MOST_UNANSWERED {
                break;
            }
        }
        if !self.is_written() {
            c.flush();
        }
        Ok(())
    }

    fn is_long(&self) -> bool {
        true
    }

    fn more(&self) -> More {
        if self.is_written() || self.failed {
            return More::No;
        }
        let waiting = self.sent.saturating_sub(self.answered);
        if self.answered == 0 || waiting >= MOST_UNANSWERED { More::AfterAnswers } else { More::Yes }
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        let Some(core) = &mut self.core else { return Ok(()) };
        let ends = ends(&message);
        match message {
            Message::DataRow(row) => return take_row(core, &mut self.collect, c, row),
            message => {
                self.failed |= matches!(message, Message::ErrorResponse(_));
                core.on_message(c, message)?;
            }
        }
        if ends {
            self.affected = self.affected.saturating_add(core.affected);
            self.answered = self.answered.saturating_add(1);
        }
        if self.answered > 0 && self.sent >= self.kept.len() {
            self.kept = Vec::new();
        }
        Ok(())
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        let Some(core) = &mut self.core else { return false };
        let again = self.answered == 0 && core.may_retry(c) && self.collect.reset() && core.wants_retry(c);
        if again {
            (self.sent, self.failed) = (0, false);
        }
        again
    }

    fn finish(self, _: &mut Conversation) -> Result<C::Output> {
        let Some(core) = self.core else { return self.collect.finish(0) };
        match core.error {
            Some(error) if self.answered < self.sent => Err(of_set(error, self.answered)),
            Some(error) => Err(error),
            None => self.collect.finish(self.affected),
        }
    }

    fn about(&self) -> About<'_> {
        let parameters = self.kept.first().map_or(0, Params::count);
        About { kind: Kind::Many, sql: Some(self.sql), parameters }
    }
}
