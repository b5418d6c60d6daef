//! Several statements in one round trip, each with a Sync of its own: outside of a transaction each takes effect or
//! fails by itself. Inside one, a statement that fails leaves the transaction failed, so that those after it fail too.
//!
//! One that is stale is run once more only where none after it has taken effect: they are never run in another order.

use super::parts::{Parts, any_waits, both, read_waiting};
use super::pipeline::{MOST_UNANSWERED, PIECE};
use super::prelude::Needs;
use super::{About, Exchange, Kind, More};
use crate::error::{Error, Result};
use crate::message::backend::{Message, Status};
use crate::protocol::conversation::Conversation;
use std::collections::{BTreeMap, VecDeque};

/// Parts that succeed or fail each by itself: see the module.
#[derive(Debug)]
pub struct Isolated<T> {
    parts: T,
    /// The errors of parts that were never sent.
    unsent: BTreeMap<usize, Error>,
    /// All were run, and some have rows that wait for their types.
    is_run: bool,
    /// Which parts are run in this round, if not all.
    round: Option<Vec<usize>>,
    /// How far in the round is written.
    next: usize,
    /// The parts that wait for their answers, oldest first.
    waiting: VecDeque<usize>,
    /// The parts that another run heals, and behind which none has taken effect.
    again: Vec<usize>,
    /// Whose need is on its way; `None` if it is several parts', or nobody's.
    asking: Option<usize>,
    /// Needs are met one by one, so that one that can't be is the error of its part alone.
    singly: bool,
}

impl<T> Isolated<T> {
    /// One part, a tuple or `Vec` of parts.
    pub fn new(parts: T) -> Isolated<T> {
        Isolated {
            parts,
            unsent: BTreeMap::new(),
            is_run: false,
            round: None,
            next: 0,
            waiting: VecDeque::new(),
            again: Vec::new(),
            asking: None,
            singly: false,
        }
    }
}

impl<T: Parts> Isolated<T> {
    /// The part at this place of the round.
    fn index(&self, at: usize) -> Option<usize> {
        match &self.round {
            Some(round) => round.get(at).copied(),
            None => Some(at).filter(|at| *at < self.parts.count()),
        }
    }
}

impl<T: Parts> Exchange for Isolated<T> {
    type Output = T::Each;
    const ACKNOWLEDGEMENTS: bool = true;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.asking = None;
        // Under the first part's Sync a failed BEGIN would let the others commit by themselves: its answer comes first.
        if c.transactions.has_pending() && self.parts.count() > 0 {
            return Ok(Some(Needs::Begin));
        }
        // Nothing can be looked up in it any more: that is the error of each part that needs it.
        self.singly |= c.transactions.status() == Status::Failed;
        let mut needs = None;
        let mut at = 0usize;
        while let Some(index) = self.index(at) {
            at = at.saturating_add(1);
            let is_run = self.is_run;
            let part = self.parts.part(index).filter(|part| !is_run || part.waits());
            let Some(part) = part.filter(|_| !self.unsent.contains_key(&index)) else { continue };
            match part.prepare_part(c) {
                Ok(None) => {}
                Ok(Some(wanted)) => {
                    let alone = needs.is_none() && (self.singly || !matches!(wanted, Needs::Types(_)));
                    needs = both(needs, Some(wanted));
                    if alone {
                        self.asking = Some(index);
                        break;
                    }
                }
                Err(error) => drop(self.unsent.insert(index, error)),
            }
        }
        Ok(needs)
    }

    fn unmet(&mut self, c: &Conversation, error: Error) -> Result<()> {
        match self.asking {
            Some(index) => drop(self.unsent.insert(index, error)),
            None if self.singly || c.transactions.depth() > 0 => return Err(error),
            None => self.singly = true,
        }
        Ok(())
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if self.is_run {
            return read_waiting(&mut self.parts, c);
        }
        while let Some(index) = self.index(self.next) {
            self.next = self.next.saturating_add(1);
            let Some(part) = self.parts.part(index).filter(|_| !self.unsent.contains_key(&index)) else {
                continue;
            };
            if let Err(error) = c.write(|c| part.send_part(c)) {
                self.unsent.insert(index, error);
                continue;
            }
            c.sync();
            self.waiting.push_back(index);
            if c.is_piece(PIECE) || self.waiting.len() >= MOST_UNANSWERED {
                break;
            }
        }
        Ok(())
    }

    fn is_long(&self) -> bool {
        self.parts.count() > MOST_UNANSWERED
    }

    fn more(&self) -> More {
        if self.is_run || self.index(self.next).is_none() {
            return More::No;
        }
        if self.waiting.len() >= MOST_UNANSWERED { More::AfterAnswers } else { More::Yes }
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        let Some(index) = self.waiting.front().copied() else { return Ok(()) };
        let Some(part) = self.parts.part(index) else { return Ok(()) };
        if !matches!(message, Message::ReadyForQuery(_)) {
            return part.part_hears(c, message);
        }
        self.waiting.pop_front();
        if part.is_healed(c) {
            self.again.push(index);
        } else if !part.has_failed() {
            self.again.clear();
        }
        Ok(())
    }

    fn wants_retry(&mut self, _: &mut Conversation) -> bool {
        let parts = &mut self.parts;
        self.again.retain(|index| parts.part(*index).is_some_and(|part| part.go_back()));
        if !self.again.is_empty() {
            self.round = Some(std::mem::take(&mut self.again));
            self.next = 0;
            return true;
        }
        self.round = None;
        !std::mem::replace(&mut self.is_run, true) && any_waits(&mut self.parts)
    }

    fn finish(self, c: &mut Conversation) -> Result<T::Each> {
        Ok(self.parts.finish_each(c, self.unsent))
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Pipeline, sql: self.parts.sql(), parameters: 0 }
    }
}
