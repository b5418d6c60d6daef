//! The decorator.

use super::event::{Call, Ended, Event, Observer};
use super::tally::{Tallied, Tally};
use crate::error::Result;
use crate::exchange::{Exchange, Kind};
use crate::protocol::connection::Connection;
use crate::protocol::overheard::{Ear, Told};
use crate::session::{Lifecycle, Run, Session};
use std::fmt;
use std::time::Duration;

/// The time since any fixed moment, which never goes back. The client crates bring one.
pub type Clock = fn() -> Duration;

/// A session that is observed: see [the module](super). Wrap a client, a transaction, a pooled session: whatever is one.
///
/// Pieces of streams and of COPY data are not told one by one, and rows of a stream are not counted. An observer that
/// panics is told nothing more.
pub struct Observed<S, O: Observer> {
    inner: S,
    watch: Watch<O>,
}

/// The observer, which hears of the end.
struct Watch<O: Observer> {
    observer: O,
    clock: Clock,
    since: Duration,
    ear: Ear,
    /// The observer is being told something, or has panicked over it.
    is_telling: bool,
}

impl<O: Observer> Watch<O> {
    /// What is told while it unwinds from its own panic would end the process if it panicked again.
    fn tell(&mut self, event: &Event<'_>) {
        if !std::mem::replace(&mut self.is_telling, true) {
            self.observer.observe(event);
            self.is_telling = false;
        }
    }

    /// Tells what came unasked.
    fn tell_unasked(&mut self) {
        let overheard = self.ear.take();
        for told in &overheard.told {
            self.tell(&match told {
                Told::Notice(notice) => Event::Notice(notice),
                Told::Notification(notification) => Event::Notification(notification),
                Told::Parameter(name, value) => Event::Parameter { name, value },
            });
        }
        if overheard.lost > 0 {
            self.tell(&Event::Lost(overheard.lost));
        }
    }

    fn after(&self, since: Duration) -> Duration {
        (self.clock)().saturating_sub(since)
    }
}

impl<O: Observer> Drop for Watch<O> {
    fn drop(&mut self) {
        self.tell_unasked();
        let after = self.after(self.since);
        self.tell(&Event::Closed { after });
    }
}

impl<S: Session, O: Observer> Observed<S, O> {
    /// Observes a session.
    pub fn new(mut inner: S, observer: O, clock: Clock) -> Observed<S, O> {
        let ear = inner.connection().inbox().overhear();
        Observed { inner, watch: Watch { observer, clock, since: clock(), ear, is_telling: false } }
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.watch.observer
    }

    /// The session beneath; what is done with it is not observed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }
}

/// A call that is told of even if it is dropped.
struct Pending<'w, O: Observer> {
    watch: &'w mut Watch<O>,
    kind: Kind,
    sql: String,
    parameters: usize,
    start: Duration,
    is_over: bool,
}

impl<O: Observer> Pending<'_, O> {
    fn end(&mut self, tally: Tally, error: Option<&crate::error::Error>, is_dropped: bool) {
        self.is_over = true;
        let rows = if tally.rows > 0 { tally.rows } else { tally.affected };
        let took = self.watch.after(self.start);
        let call = Call { kind: self.kind, sql: &self.sql, parameters: self.parameters };
        let ended = Ended { took, rows, bytes: tally.bytes, error, is_dropped };
        self.watch.tell(&Event::Ended(call, ended));
    }
}

impl<O: Observer> Drop for Pending<'_, O> {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(Tally::default(), None, true);
        }
    }
}

impl<S: Session, O: Observer> Run for Observed<S, O> {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        let about = exchange.about();
        let is_piece = matches!(about.kind, Kind::Fetch | Kind::Flush);
        if is_piece || !self.watch.observer.is_on() {
            let outcome = self.inner.run(exchange).await;
            self.watch.tell_unasked();
            return outcome;
        }
        let (kind, parameters) = (about.kind, about.parameters);
        let sql = about.sql.unwrap_or_default().to_owned();
        let start = (self.watch.clock)();
        self.watch.tell(&Event::Started(Call { kind, sql: &sql, parameters }));
        let mut call = Pending { watch: &mut self.watch, kind, sql, parameters, start, is_over: false };
        let mut tally = Tally::default();
        let outcome = self.inner.run(Tallied { exchange, tally: &mut tally }).await;
        call.end(tally, outcome.as_ref().err(), false);
        drop(call);
        self.watch.tell_unasked();
        outcome
    }
}

impl<S: Session, O: Observer> Session for Observed<S, O> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

impl<S: Lifecycle, O: Observer> Lifecycle for Observed<S, O> {
    type CancelToken = S::CancelToken;

    fn cancel_token(&self) -> S::CancelToken {
        self.inner.cancel_token()
    }

    async fn close(self) -> Result<()> {
        let Observed { inner, watch } = self;
        let outcome = inner.close().await;
        drop(watch);
        outcome
    }
}

impl<S: fmt::Debug, O: Observer> fmt::Debug for Observed<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("inner", &self.inner).finish_non_exhaustive()
    }
}
