//! A replication stream: messages are read as they lie in the input buffer, and the server is told how far we are.

use crate::error::{Error, ErrorKind, Result};
use crate::exchange::copy::{Copied, Copy, CopyFrame, CopyState, Direction, Flush};
use crate::exchange::replication::{Await, Sleep};
use crate::lsn::Lsn;
use crate::message::replication::{ReplicationMessage, StatusUpdate, XLogData};
use crate::replication::progress::{Positions, Progress};
use crate::run::Lender;
use crate::types::context::Settings;
use crate::types::time::TimestampTz;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

/// How often the server is told where we are, unless said otherwise.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// A year, which no clock overflows at.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// A replication stream: what the server sends, and where we are in it.
///
/// The server is told our positions at an interval ([`status_interval`](ReplicationStream::status_interval)) and whenever
/// it asks, by the calls that read: whoever is busy for longer than the server's `wal_sender_timeout` runs that work under
/// [`pump`](ReplicationStream::pump). What isn't confirmed comes again after a restart. When all that was delivered was
/// confirmed, the positions follow the end of the server's log, so that an idle slot keeps nothing.
///
/// At most one read buffer and one message are held: whoever stops reading stops the server.
///
/// # Drop
/// What was confirmed and CopyDone are queued, and one attempt is made to send them, without waiting; the next call reads
/// away what still comes, and ends the stream by a CancelRequest if that takes longer than the configured time.
/// [`stop`](ReplicationStream::stop) waits for the end.
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct ReplicationStream<'s, S: Lender> {
    session: &'s mut S,
    state: CopyState,
    progress: Progress,
    settings: Arc<Settings>,
    /// What the server was told last.
    told: Positions,
    interval: Duration,
    io_at: Option<SystemTime>,
    told_at: Option<SystemTime>,
    /// When the interval began, at whose end the server is to hear from us.
    began: SystemTime,
    over: bool,
}

/// What [`ReplicationStream::consume`] does after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Goes on.
    Continue,
    /// Confirms everything before this place, and goes on.
    Confirm(Lsn),
    /// Ends the loop; the stream stays open.
    Stop,
}

/// What waits.
enum Waiting {
    Data(CopyFrame),
    Nothing,
    End,
}

impl<'s, S: Lender> ReplicationStream<'s, S> {
    pub(crate) async fn start(session: &'s mut S, command: &str) -> Result<ReplicationStream<'s, S>> {
        let state = session.run(Copy::new(command, Direction::Both)).await?;
        let now = session.lent().now();
        let settings = session.lent().conversation().shared_settings();
        Ok(ReplicationStream {
            session,
            state,
            progress: Progress::default(),
            settings,
            told: Positions::default(),
            interval: STATUS_INTERVAL,
            io_at: None,
            told_at: None,
            began: now,
            over: false,
        })
    }

    /// How often the server is told where we are: every 10 seconds unless set. Half of its `wal_sender_timeout` is too
    /// much. Zero: only when it asks, and by [`feedback`](ReplicationStream::feedback).
    pub fn status_interval(mut self, interval: Duration) -> ReplicationStream<'s, S> {
        self.interval = if interval.is_zero() { NEVER } else { interval.max(Duration::from_millis(1)) };
        self
    }

    /// The next piece, which lives until the next call; `None` when the server has ended the stream.
    ///
    /// # Errors
    /// What the server said; the stream is over then.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<XLogData<'_>>> {
        match self.frame().await? {
            Some(frame) => self.deliver(frame).map(Some),
            None => Ok(None),
        }
    }

    /// The next piece if it is there, without waiting for it; `None` if nothing came, or the stream is
    /// [over](ReplicationStream::is_over).
    ///
    /// # Errors
    /// As [`ReplicationStream::next`].
    pub async fn try_next(&mut self) -> Result<Option<XLogData<'_>>> {
        self.tell_if_due().await?;
        let mut looked = false;
        loop {
            match self.advance().await? {
                Waiting::Data(frame) => return self.deliver(frame).map(Some),
                Waiting::Nothing if !std::mem::replace(&mut looked, true) => {
                    self.wait(Duration::ZERO).await?
                }
                Waiting::Nothing | Waiting::End => return Ok(None),
            }
        }
    }

    /// Gives each piece to a function, which says how to go on; until it stops, or the server ends the stream.
    ///
    /// # Errors
    /// As [`ReplicationStream::next`]; and the first error of the function.
    pub async fn consume(&mut self, mut take: impl FnMut(XLogData<'_>) -> Result<Flow> + Send) -> Result<()> {
        while let Some(data) = self.next().await? {
            match take(data)? {
                Flow::Continue => {}
                Flow::Confirm(lsn) => self.confirm(lsn),
                Flow::Stop => return Ok(()),
            }
        }
        Ok(())
    }

    /// Notes that everything before `lsn` was received, kept and applied; the server hears it with the next status. What
    /// is behind an earlier confirmation changes nothing.
    pub fn confirm(&mut self, lsn: Lsn) {
        self.progress.confirm(lsn, lsn, lsn);
    }

    /// Tells the server where we are, at once: everything before `write` was received, before `flush` kept, before
    /// `apply` applied. Positions only move forward. With `reply` it is asked to answer, which shows in
    /// [`io_timestamp`](ReplicationStream::io_timestamp).
    ///
    /// # Errors
    /// A lost connection.
    pub async fn feedback(&mut self, write: Lsn, flush: Lsn, apply: Lsn, reply: bool) -> Result<()> {
        self.progress.confirm(write, flush, apply);
        // Where it went nowhere, because the link is lost, the link says so.
        if !self.put_status(reply)? || self.session.lent().wants_write() {
            self.session.run(Flush).await?;
        }
        Ok(())
    }

    /// Runs `work` to its end, and meanwhile tells the server at the interval that we are there, so that
    /// `wal_sender_timeout` doesn't end the connection. Nothing is read. The work must not block its thread; a blocking
    /// client's `pump` takes work that does.
    ///
    /// # Errors
    /// None of its own; a lost connection is told by the next call that reads.
    ///
    /// # Cancel safety
    /// Dropped, the work is dropped too.
    pub async fn pump<W: Future + Send>(&mut self, work: W) -> Result<W::Output>
    where
        W::Output: Send,
    {
        let mut work = pin!(work);
        loop {
            let due = self.tick()?;
            let mut pause = pin!(self.session.run(Sleep(due)));
            let turn = poll_fn(|context| match work.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => pause.as_mut().poll(context).map(|_| None),
            });
            if let Some(output) = turn.await {
                return Ok(output);
            }
        }
    }

    /// Tells the server where we are if it is time to, and how long it is until the next time. It never waits, and reads
    /// nothing: for those who wait for something else in between.
    ///
    /// # Errors
    /// None; a lost connection is told by the next call that reads.
    pub fn tick(&mut self) -> Result<Duration> {
        let due = self.due_in();
        if self.over {
            return Ok(self.interval);
        }
        if !due.is_zero() {
            return Ok(due.max(Duration::from_millis(1)));
        }
        // One that could not be sent yet says enough.
        if !self.session.lent().wants_write() {
            self.put_status(false)?;
        }
        self.began = self.session.lent().now();
        self.session.send_now();
        Ok(self.interval)
    }

    /// Ends the stream by CopyDone and reads what the server had sent before it took notice, within a time. The session is
    /// idle then, and takes the next command. What was confirmed is told first.
    ///
    /// A session streams changes once: PostgreSQL's walsender remembers that it was stopped and ends a second logical
    /// stream as it begins, which is an error of its [`next`](ReplicationStream::next).
    ///
    /// A server that is in the middle of a large transaction may send the whole of it: then the time passes, and the next
    /// call ends it by a CancelRequest.
    ///
    /// # Errors
    /// An error of kind `Timeout`; what the server said; a lost connection.
    pub async fn stop(mut self, within: Duration) -> Result<()> {
        let began = self.session.lent().now();
        self.put_end()?;
        loop {
            match self.session.lent().poll_copy(&mut self.state)? {
                Copied::End(_) => {
                    self.over = true;
                    return Ok(());
                }
                Copied::Data(_) | Copied::Open => {}
            }
            let spent = since(began, self.session.lent().now());
            let Some(left) = within.checked_sub(spent).filter(|left| !left.is_zero()) else {
                return Err(Error::new(ErrorKind::Timeout, "the server did not end the stream in time")
                    .hint("it may be in the middle of a large transaction; the next call cancels it"));
            };
            self.wait(left).await?;
        }
    }

    /// Whether the server has ended the stream.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The positions as they are told to the server.
    pub fn positions(&self) -> Positions {
        self.progress.positions()
    }

    /// The end of the log on the server, as it last told.
    pub fn wal_end(&self) -> Lsn {
        self.progress.wal_end()
    }

    /// When something last came from the server; `None` before that. By the client's clock.
    pub fn io_timestamp(&self) -> Option<SystemTime> {
        self.io_at
    }

    /// When the server was last told where we are; `None` before that. By the client's clock.
    pub fn feedback_timestamp(&self) -> Option<SystemTime> {
        self.told_at
    }
}

impl<S: Lender> ReplicationStream<'_, S> {
    /// The settings under which the server writes values.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.clone()
    }

    /// The session beneath.
    pub(super) fn lent(&mut self) -> &mut S {
        self.session
    }

    /// As [`ReplicationStream::next`], for those who put pieces together: what must be confirmed is not this one, but the
    /// whole that is [delivered](ReplicationStream::delivered) later.
    pub(crate) async fn next_part(&mut self) -> Result<Option<XLogData<'_>>> {
        match self.frame().await? {
            Some(frame) => self.receive(frame).map(Some),
            None => Ok(None),
        }
    }

    /// Something whole was handed to the application that must be confirmed up to `place`.
    pub(crate) fn delivered(&mut self, place: Lsn) {
        self.progress.handle_delivery(place);
    }

    /// Waits for the next piece.
    async fn frame(&mut self) -> Result<Option<CopyFrame>> {
        loop {
            self.tell_if_due().await?;
            match self.advance().await? {
                Waiting::Data(frame) => return Ok(Some(frame)),
                Waiting::End => return Ok(None),
                Waiting::Nothing => {
                    let due = self.due_in();
                    self.wait(due).await?;
                }
            }
        }
    }

    /// Takes keepalives, answers those that ask, and stops at data.
    async fn advance(&mut self) -> Result<Waiting> {
        loop {
            if self.over {
                return Ok(Waiting::End);
            }
            let connection = self.session.lent();
            let frame = match connection.poll_copy(&mut self.state) {
                Ok(Copied::Data(frame)) => frame,
                Ok(Copied::Open) => return Ok(Waiting::Nothing),
                Ok(Copied::End(_)) => {
                    self.over = true;
                    return if self.state.is_done() { Ok(Waiting::End) } else { Err(not_again()) };
                }
                Err(error) => {
                    self.over = true;
                    return Err(error);
                }
            };
            match ReplicationMessage::parse(connection.copy_data(frame)) {
                Ok(ReplicationMessage::XLogData(_)) => return Ok(Waiting::Data(frame)),
                Ok(ReplicationMessage::Keepalive(keepalive)) => {
                    self.io_at = Some(connection.now());
                    self.progress.handle_keepalive(keepalive.end);
                    if keepalive.reply {
                        self.tell().await?;
                    }
                }
                Err(error) => {
                    self.over = true;
                    return Err(connection.fail(error));
                }
            }
        }
    }

    #[inline]
    fn deliver(&mut self, frame: CopyFrame) -> Result<XLogData<'_>> {
        let (data, progress) = self.data(frame)?;
        progress.handle_data(data.start, data.end);
        Ok(data)
    }

    #[inline]
    fn receive(&mut self, frame: CopyFrame) -> Result<XLogData<'_>> {
        let (data, progress) = self.data(frame)?;
        progress.handle_end(data.end);
        Ok(data)
    }

    #[inline]
    fn data(&mut self, frame: CopyFrame) -> Result<(XLogData<'_>, &mut Progress)> {
        let connection = self.session.lent();
        self.io_at = Some(connection.now());
        match ReplicationMessage::parse(connection.copy_data(frame))? {
            ReplicationMessage::XLogData(data) => Ok((data, &mut self.progress)),
            ReplicationMessage::Keepalive(_) => Err(Error::protocol("a keepalive is no data")),
        }
    }

    /// Waits for the server, or for some time.
    async fn wait(&mut self, at_most: Duration) -> Result<()> {
        self.session.run(Await(at_most)).await
    }

    /// How long until the server is to hear from us. A clock that was put back makes it due.
    fn due_in(&mut self) -> Duration {
        match self.session.lent().now().duration_since(self.began) {
            Ok(passed) => self.interval.saturating_sub(passed),
            Err(_) => Duration::ZERO,
        }
    }

    async fn tell_if_due(&mut self) -> Result<()> {
        if !self.over && self.due_in().is_zero() {
            self.tell().await?;
        }
        Ok(())
    }

    /// Queues a status and hands it to the link.
    async fn tell(&mut self) -> Result<()> {
        self.put_status(false)?;
        if self.session.lent().wants_write() {
            self.session.run(Flush).await?;
        }
        Ok(())
    }

    /// Queues a status; whether the server takes it.
    fn put_status(&mut self, reply: bool) -> Result<bool> {
        let now = self.session.lent().now();
        let positions = self.progress.positions();
        let Positions { write, flush, apply } = positions;
        let clock = TimestampTz::try_from(now).map(TimestampTz::micros).unwrap_or_default();
        let status = StatusUpdate { write, flush, apply, clock, reply }.encode();
        let takes = self.session.lent().put_copy_data(&self.state, &status)?.is_some();
        // One that has ended the stream takes nothing, and isn't asked at once again.
        self.began = now;
        if takes {
            (self.told, self.told_at) = (positions, Some(now));
        }
        Ok(takes)
    }

    /// Queues what was confirmed and not told, and CopyDone.
    fn put_end(&mut self) -> Result<()> {
        if self.told != self.progress.positions() {
            self.put_status(false)?;
        }
        self.session.lent().end_copy(&self.state);
        Ok(())
    }
}

/// PostgreSQL's walsender doesn't forget that it was stopped.
#[cold]
fn not_again() -> Error {
    Error::usage("the server ended the stream as it began: this session has streamed a logical slot before")
        .hint("a session streams changes once: connect anew for the next stream")
}

fn since(began: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(began).unwrap_or_default()
}

impl<S: Lender> Drop for ReplicationStream<'_, S> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // Only a message too long could be refused.
        let _ = self.put_end();
        if self.session.lent().wants_write() {
            self.session.send_now();
        }
    }
}

impl<S: Lender> std::fmt::Debug for ReplicationStream<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicationStream")
            .field("state", &self.state)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
