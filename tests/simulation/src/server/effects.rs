//! What statements do, and when it is done: at the end of their transaction, or not at all. And what is told then to those
//! who listen.

use super::super::clock::SECOND;
use super::super::messages as m;
use super::{Model, Moment, PROCESS, Place};

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Change(u64),
    Listen(String),
    /// To all channels, if none is said.
    Unlisten(Option<String>),
    Notify(String, u64),
}

impl Effect {
    /// What nobody may do twice.
    fn number(&self) -> Option<u64> {
        match self {
            Effect::Change(number) | Effect::Notify(_, number) => Some(*number),
            Effect::Listen(_) | Effect::Unlisten(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Savepoint {
    name: String,
    /// How much had been done.
    journal: usize,
    /// How many cursors had been declared.
    declared: u64,
}

impl Model {
    /// Notes what was done.
    pub(super) fn note(&mut self, effect: Effect) {
        if let Some(number) = effect.number()
            && (self.committed.contains(&number)
                || self.journal.iter().any(|other| other.number() == Some(number)))
        {
            self.complaint.get_or_insert_with(|| format!("the client had change {number} made twice"));
        }
        self.journal.push(effect);
    }

    /// All that was done is done for good. Who begins to listen hears what the same transaction notifies.
    pub(super) fn commit(&mut self) {
        let mut notified = Vec::new();
        for effect in std::mem::take(&mut self.journal) {
            self.committed.extend(effect.number());
            match effect {
                Effect::Change(_) => {}
                Effect::Listen(channel) => _ = self.listens.insert(channel),
                Effect::Unlisten(Some(channel)) => _ = self.listens.remove(&channel),
                Effect::Unlisten(None) => self.listens.clear(),
                Effect::Notify(channel, number) => notified.push((channel, number.to_string())),
            }
        }
        notified.retain(|(channel, _)| self.listens.contains(channel));
        self.to_tell.extend(notified);
        self.cursors.retain(|_, cursor| cursor.hold);
        self.cursors.values_mut().for_each(|cursor| cursor.is_new = false);
    }

    /// Nothing of what was done is: at once, or when the transaction that has failed ends.
    pub(super) fn undo(&mut self) {
        if self.status != b'I' {
            self.status = b'E';
            return;
        }
        self.journal.clear();
        self.cursors.retain(|_, cursor| cursor.hold && !cursor.is_new);
    }

    pub(super) fn save(&mut self, name: &str) {
        let (journal, declared) = (self.journal.len(), self.declared);
        self.savepoints.push(Savepoint { name: name.to_owned(), journal, declared });
    }

    /// Ends a savepoint, or goes back to it; false if there is none of that name.
    pub(super) fn end_savepoint(&mut self, name: &str, back: bool) -> bool {
        let Some(at) = self.savepoints.iter().rposition(|known| known.name == name) else { return false };
        if back {
            let Savepoint { journal, declared, .. } = self.savepoints[at];
            self.journal.truncate(journal);
            self.cursors.retain(|_, cursor| cursor.born <= declared);
            self.savepoints.truncate(at + 1);
            self.status = b'T';
        } else {
            self.savepoints.truncate(at);
        }
        true
    }

    // ---- notifications ----

    /// Tells those that wait, which are told outside of transactions alone.
    pub(super) fn tell(&mut self) {
        if self.status != b'I' {
            return;
        }
        for (channel, payload) in std::mem::take(&mut self.to_tell) {
            if self.end.is_none() {
                self.told.push((channel.clone(), payload.clone()));
            }
            self.put(m::notification(PROCESS, &channel, &payload));
        }
    }

    /// Another session may notify soon.
    pub(super) fn plan_to_chat(&mut self) {
        if !self.listens.is_empty() && self.rng.in_thousand(self.temper.chatter) {
            self.chat_at = Some(self.now + self.rng.below(3 * SECOND));
        }
    }

    /// When it says something by itself.
    pub(crate) fn speaks(&self) -> Option<Moment> {
        self.chat_at.filter(|_| self.is_idle())
    }

    fn is_idle(&self) -> bool {
        self.place == Place::Ready
            && self.end.is_none()
            && self.job.is_none()
            && self.script.is_none()
            && self.status == b'I'
            && !self.skipping
            && !self.is_unsynced
    }

    /// Another session notifies, if it is time for it.
    pub(super) fn chat(&mut self) -> bool {
        if self.speaks().is_none_or(|at| at > self.now) {
            return false;
        }
        self.chat_at = None;
        let channels: Vec<String> = self.listens.iter().cloned().collect();
        if !channels.is_empty() {
            let channel = self.rng.pick(&channels);
            self.to_tell.push((channel, format!("another's {}", self.told.len())));
            self.tell();
            self.plan_to_chat();
        }
        true
    }

    /// Other sessions are quiet from now on.
    pub(crate) fn calm_down(&mut self) {
        self.temper.chatter = 0;
        self.chat_at = None;
        self.faults.stop();
    }
}
