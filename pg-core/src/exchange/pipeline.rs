//! Several statements in one round trip, all or nothing.
//!
//! They share one Sync: if one fails, those before it are undone (outside an open transaction) and those after it are
//! not run; the error is that of the one that failed. If it failed because it was prepared before its table or a type
//! was altered, and nothing before it may have reached beyond the transaction that was undone, all are run once more.
//!
//! However many they are, they are written in pieces as the link takes them, while answers are read: no pipeline can
//! deadlock, and of the request no more than a piece is held. Dropped between two pieces, the pipeline is failed, so that
//! nothing of it remains.
//!
#![doc = include_str!("../../docs/pipelines.md")]

use super::collect::{Affected, All, AtMostOne, One};
use super::parts::{Parts, any_waits, both, ends, read_waiting};
use super::prelude::Needs;
use super::query::Request;
use super::{About, Exchange, Kind, More};
use crate::error::Result;
use crate::message::backend::Message;
use crate::params::Params;
use crate::protocol::conversation::Conversation;
use crate::row::FromRowOwned;

pub use super::parts::{Part, Parts as PipelineParts};

/// A part that gives all rows.
pub fn query<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, All<T>> {
    Request::new(sql, params, All::default())
}

/// A part that gives exactly one row.
pub fn query_one<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, One<T>> {
    Request::new(sql, params, One::default())
}

/// A part that gives one row or none.
pub fn query_opt<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, AtMostOne<T>> {
    Request::new(sql, params, AtMostOne::default())
}

/// A part that gives the number of rows affected.
pub fn execute<P: Params>(sql: &str, params: P) -> Request<'_, P, Affected> {
    Request::new(sql, params, Affected)
}

/// A piece of a long request: written at once, then the link is asked whether it takes more.
pub(super) const PIECE: usize = 32 * 1024;

/// How many statements of a long request may wait for their answers at once: what is remembered of them is bounded so.
pub(super) const MOST_UNANSWERED: usize = 512;

/// Exchanges that are run in one round trip.
#[derive(Debug)]
pub struct Pipeline<T> {
    parts: T,
    /// The part that is written next.
    next: usize,
    /// The part whose answers come now.
    at: usize,
    /// All were run, and some have rows that wait for their types.
    is_run: bool,
    /// The server has refused one, or all of them at the end.
    failed: bool,
}

impl<T> Pipeline<T> {
    /// One part, a tuple or `Vec` of parts.
    pub fn new(parts: T) -> Pipeline<T> {
        Pipeline { parts, next: 0, at: 0, is_run: false, failed: false }
    }
}

impl<T: Parts> Pipeline<T> {
    /// Runs the parts once more if the one that failed is healed by it, and all before it may be.
    fn rewind(&mut self, c: &Conversation) -> bool {
        let parts = &mut self.parts;
        let healed = self.failed && parts.part(self.at).is_some_and(|part| part.is_healed(c));
        let may = healed && (0..self.at).all(|at| parts.part(at).is_none_or(|part| part.may_go_back()));
        // Those behind it were not run, and may have found the same that is stale.
        may && (0..parts.count()).all(|at| parts.part(at).is_none_or(|part| part.go_back()))
    }

    /// Whether all was written.
    pub(super) fn is_written(&self) -> bool {
        self.next >= self.parts.count()
    }

    /// Whether the server has refused one.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether all were run, and what remains is to read rows that waited for their types.
    pub(super) fn is_run(&self) -> bool {
        self.is_run
    }

    /// Whether the answers of all were taken.
    pub(super) fn is_answered(&self) -> bool {
        self.at >= self.parts.count()
    }
}

impl<T: Parts> Exchange for Pipeline<T> {
    type Output = T::Output;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        let mut needs = None;
        for at in 0..self.parts.count() {
            let is_run = self.is_run;
            let Some(part) = self.parts.part(at).filter(|part| !is_run || part.waits()) else { continue };
            needs = both(needs, part.prepare_part(c)?);
            // A part's description is asked for alone; the parts after it are asked again.
            if matches!(needs, Some(Needs::Description { .. })) {
                break;
            }
        }
        Ok(needs)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if self.is_run {
            return read_waiting(&mut self.parts, c);
        }
        while let Some(part) = self.parts.part(self.next) {
            part.send_part(c)?;
            self.next = self.next.saturating_add(1);
            if c.is_piece(PIECE) || self.next.saturating_sub(self.at) >= MOST_UNANSWERED {
                break;
            }
        }
        if !self.is_written() {
            c.flush();
        }
        Ok(())
    }

    fn is_long(&self) -> bool {
        self.parts.count() > MOST_UNANSWERED
    }

    fn more(&self) -> More {
        if self.is_written() || self.failed {
            return More::No;
        }
        let waiting = self.next.saturating_sub(self.at);
        if waiting >= MOST_UNANSWERED { More::AfterAnswers } else { More::Yes }
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        let ends = ends(&message);
        self.failed |= matches!(message, Message::ErrorResponse(_));
        // What the server only refuses at the end (a deferred constraint) is the last one's error.
        let last = self.parts.count().saturating_sub(1);
        if let Some(part) = self.parts.part(self.at.min(last)) {
            part.part_hears(c, message)?;
        }
        if ends {
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.is_run = !self.failed && any_waits(&mut self.parts);
        let again = !self.is_run && self.rewind(c);
        if again {
            (self.next, self.at, self.failed) = (0, 0, false);
        }
        self.is_run || again
    }

    fn finish(mut self, c: &mut Conversation) -> Result<T::Output> {
        // It is that of the part that failed, whatever can't be made of what the others gave.
        if self.failed || any_waits(&mut self.parts) {
            let count = self.parts.count();
            let parts = &mut self.parts;
            let failure = |at| Some((at, parts.part(at)?.take_failure()?));
            if let Some((at, error)) = (0..count).find_map(failure) {
                return Err(T::of_part(error, at));
            }
        }
        self.parts.finish(c, self.at)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Pipeline, sql: self.parts.sql(), parameters: 0 }
    }
}
