//! LISTEN, NOTIFY, and waiting for what is notified, by sessions of others too: all that the server sends is heard,
//! once and in its order.

use super::super::checks::{Scope, is_whole};
use super::super::clients::Client;
use super::super::clock::SECOND;
use super::super::faults::Class;
use super::{CANCEL_TIMEOUT, DEADLINE, Ended, SLACK, Script, limited, map};
use pg_core::Heard;
use pg_core::protocol::notifications::Notification;
use pg_core::session::Session;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

impl Script {
    pub(super) async fn notification(&mut self, s: &mut Client, scope: &mut Scope) {
        let channel = self.rng.pick(&["c", "d", "e"]);
        match self.rng.below(10) {
            0..3 => {
                let mut call = self.begin_call("listen", &[]);
                // Who keeps no statements is behind a pooler, and would hear nothing.
                call.copies = !self.caches;
                let ended = self.limit(s, |s| s.listen(channel)).await;
                if matches!(ended, Ended::Done(Ok(()))) && !self.caches {
                    self.ledger.find("listen: it was not refused");
                }
                self.done(s, "listen", ended, &call, scope);
            }
            3 => {
                let call = self.begin_call("unlisten", &[]);
                let ended = match self.rng.in_thousand(500) {
                    true => self.limit(s, |s| s.unlisten(channel)).await,
                    false => self.limit(s, |s| s.unlisten_all()).await,
                };
                self.done(s, "unlisten", ended, &call, scope);
            }
            4..6 => {
                let number = self.number();
                let payload = number.to_string();
                let call = self.begin_call("notify", &[number]);
                let ended = self.limit(s, |s| s.notify(channel, &payload)).await;
                let (done, fate) = self.outcome(s, "notify", ended, &call, scope);
                self.ledger.right += u64::from(done.is_some());
                self.ledger.changed(&[number], fate, scope);
            }
            6 => {
                self.has_sink = !self.has_sink;
                let sink = self.has_sink.then(|| Box::new(Arc::clone(&self.heard)) as Box<_>);
                s.set_notification_sink(sink);
            }
            _ if scope.depth == 0 => self.wait(s, scope).await,
            _ => self.change(s, scope).await,
        }
    }

    /// Waits until something is heard, or the time is over and not before.
    async fn wait(&mut self, s: &mut Client, scope: &mut Scope) {
        let most = self.rng.pick(&[0, 1_000, 3 * SECOND]);
        let time = Duration::from_micros(self.rng.below(most + 1));
        let call = self.begin_call("wait", &[]);
        let (polls, until, began) = (self.polls(), self.now() + DEADLINE, self.now());
        let before = self.heard_count();
        let has_heard = match self.has_sink {
            true => map(limited(polls, until, s.deliver_notifications(time)).await, |count| count > 0),
            false => {
                let heard = limited(polls, until, s.wait_notification(time)).await;
                map(heard, |heard| {
                    let is_some = heard.is_some();
                    self.heard.lock().unwrap_or_else(PoisonError::into_inner).extend(heard);
                    is_some
                })
            }
        };
        let took = Duration::from_micros(self.now().0 - began.0);
        let (outcome, _) = self.outcome(s, "wait", has_heard, &call, scope);
        self.ledger.right += u64::from(outcome.is_some());
        match outcome {
            Some(false) if took < time => {
                self.ledger.find(format!("wait: nothing was heard, after {took:?} of {time:?}"));
            }
            Some(true) if self.heard_count() == before => {
                self.ledger.find("wait: something was heard, and nothing given to the sink");
            }
            _ => {}
        }
        if took > time + CANCEL_TIMEOUT + SLACK + SLACK {
            self.ledger.find(format!("wait: it took {took:?} instead of {time:?}"));
        }
    }

    fn heard_count(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// At the end: all that was sent was heard, and what a link that broke had sent before.
    pub(super) fn hear_all(&mut self, s: &mut Client) {
        s.set_notification_sink(None);
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        heard.extend(std::iter::from_fn(|| s.connection().inbox().next_heard()));
        let class = self.class();
        let told = self.net.world().server.told.clone();
        if !is_whole(&self.net) {
            return;
        }
        let is_same = |(heard, (channel, payload)): (&Heard, &(String, String))| matches!(heard, Heard::Notification(Notification { channel: c, payload: p, .. }) if c == channel && p == payload);
        let all = class != Class::Correct || heard.len() == told.len();
        if heard.len() > told.len() || !all || !heard.iter().zip(&told).all(is_same) {
            self.ledger.find(format!("of the notifications {told:?} these were heard: {heard:?}"));
        }
    }
}
