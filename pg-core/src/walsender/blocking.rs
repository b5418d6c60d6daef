//! Replication with plain methods.

use super::commands::ReplicationSession;
use crate::blocking::{Blocking, complete};
use crate::error::Result;
use crate::lsn::Lsn;
use crate::message::replication::XLogData;
use crate::replication::change::Event;
use crate::replication::command::{CreateSlot, CreatedSlot, PluginOptions, SlotPosition, SystemIdentity};
use crate::replication::progress::Positions;
use crate::replication::transactions::Whole;
use crate::session::Session;
use crate::streams::{ChangeStream, Flow, ReplicationStream, TransactionStream};
use std::time::{Duration, SystemTime};

impl<S: Session> Blocking<S> {
    /// [`ReplicationSession::identify_system`]: the cluster, its timeline, how far its log is.
    pub fn identify_system(&mut self) -> Result<SystemIdentity> {
        complete(ReplicationSession::identify_system(self.get_mut()))
    }

    /// [`ReplicationSession::show`]: the value of a setting.
    pub fn show(&mut self, setting: &str) -> Result<String> {
        complete(ReplicationSession::show(self.get_mut(), setting))
    }

    /// [`ReplicationSession::create_slot`]: makes a replication slot.
    pub fn create_slot(&mut self, slot: &CreateSlot) -> Result<CreatedSlot> {
        complete(ReplicationSession::create_slot(self.get_mut(), slot))
    }

    /// [`ReplicationSession::drop_slot`]: drops a replication slot.
    pub fn drop_slot(&mut self, name: &str, wait: bool) -> Result<()> {
        complete(ReplicationSession::drop_slot(self.get_mut(), name, wait))
    }

    /// [`ReplicationSession::read_slot`]: where a physical slot is.
    pub fn read_slot(&mut self, name: &str) -> Result<Option<SlotPosition>> {
        complete(ReplicationSession::read_slot(self.get_mut(), name))
    }

    /// [`ReplicationSession::start_logical`]: streams changes.
    pub fn start_logical(
        &mut self,
        slot: &str,
        from: Lsn,
        options: impl Into<PluginOptions> + Send,
    ) -> Result<BlockingReplicationStream<'_, S>> {
        complete(ReplicationSession::start_logical(self.get_mut(), slot, from, options))
            .map(BlockingReplicationStream)
    }

    /// [`ReplicationSession::start_physical`]: streams the log.
    pub fn start_physical(
        &mut self,
        slot: Option<&str>,
        from: Lsn,
        timeline: Option<u32>,
    ) -> Result<BlockingReplicationStream<'_, S>> {
        complete(ReplicationSession::start_physical(self.get_mut(), slot, from, timeline))
            .map(BlockingReplicationStream)
    }

    /// [`ReplicationSession::start`]: starts a stream by a command as it is.
    pub fn start(&mut self, command: &str) -> Result<BlockingReplicationStream<'_, S>> {
        complete(ReplicationSession::start(self.get_mut(), command)).map(BlockingReplicationStream)
    }
}

/// [`ReplicationStream`] with plain methods.
#[derive(Debug)]
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct BlockingReplicationStream<'s, S: Session>(ReplicationStream<'s, S>);

impl<'s, S: Session> BlockingReplicationStream<'s, S> {
    /// [`ReplicationStream::status_interval`]: how often the server is told where we are.
    pub fn status_interval(self, interval: Duration) -> BlockingReplicationStream<'s, S> {
        BlockingReplicationStream(self.0.status_interval(interval))
    }

    /// [`ReplicationStream::next`]: the next piece, which lives until the next call.
    #[allow(
        clippy::should_implement_trait,
        reason = "a piece borrows from the stream, which no iterator allows"
    )]
    pub fn next(&mut self) -> Result<Option<XLogData<'_>>> {
        complete(self.0.next())
    }

    /// [`ReplicationStream::try_next`]: the next piece if it is there.
    pub fn try_next(&mut self) -> Result<Option<XLogData<'_>>> {
        complete(self.0.try_next())
    }

    /// [`ReplicationStream::consume`]: gives each piece to a function.
    pub fn consume(&mut self, take: impl FnMut(XLogData<'_>) -> Result<Flow> + Send) -> Result<()> {
        complete(self.0.consume(take))
    }

    /// [`ReplicationStream::confirm`]: everything before `lsn` was kept.
    pub fn confirm(&mut self, lsn: Lsn) {
        self.0.confirm(lsn);
    }

    /// [`ReplicationStream::feedback`]: tells the server where we are, at once.
    pub fn feedback(&mut self, write: Lsn, flush: Lsn, apply: Lsn, reply: bool) -> Result<()> {
        complete(self.0.feedback(write, flush, apply, reply))
    }

    /// [`ReplicationStream::changes`]: changes of rows as types.
    pub fn changes(self) -> BlockingChangeStream<'s, S> {
        BlockingChangeStream(self.0.changes())
    }

    /// [`ReplicationStream::tick`]: tells the server where we are if it is time to.
    pub fn tick(&mut self) -> Result<Duration> {
        self.0.tick()
    }

    /// [`ReplicationStream::stop`]: ends the stream and gives the idle session back.
    pub fn stop(self, within: Duration) -> Result<()> {
        complete(self.0.stop(within))
    }

    /// [`ReplicationStream::is_over`]: whether the server has ended the stream.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// [`ReplicationStream::positions`]: as they are told to the server.
    pub fn positions(&self) -> Positions {
        self.0.positions()
    }

    /// [`ReplicationStream::wal_end`]: the end of the log on the server.
    pub fn wal_end(&self) -> Lsn {
        self.0.wal_end()
    }

    /// [`ReplicationStream::io_timestamp`]: when something last came.
    pub fn io_timestamp(&self) -> Option<SystemTime> {
        self.0.io_timestamp()
    }

    /// [`ReplicationStream::feedback_timestamp`]: when the server was last told where we are.
    pub fn feedback_timestamp(&self) -> Option<SystemTime> {
        self.0.feedback_timestamp()
    }
}

/// [`ChangeStream`] with plain methods.
#[derive(Debug)]
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct BlockingChangeStream<'s, S: Session>(ChangeStream<'s, S>);

impl<'s, S: Session> BlockingChangeStream<'s, S> {
    /// [`ChangeStream::next`]: the next message, a change of a row or another.
    #[allow(
        clippy::should_implement_trait,
        reason = "an event borrows from the stream, which no iterator allows"
    )]
    pub fn next(&mut self) -> Result<Option<Event<'_>>> {
        complete(self.0.next())
    }

    /// [`ChangeStream::transactions`]: whole transactions.
    pub fn transactions(self, limit: usize) -> BlockingTransactionStream<'s, S> {
        BlockingTransactionStream(self.0.transactions(limit))
    }

    /// [`ChangeStream::resolve`]: looks types up over a second connection.
    pub fn resolve<O: Session>(&mut self, other: &mut O) -> Result<()> {
        complete(self.0.resolve(other))
    }

    /// [`ReplicationStream::confirm`]: everything before `lsn` was kept.
    pub fn confirm(&mut self, lsn: Lsn) {
        self.0.stream().confirm(lsn);
    }

    /// [`ReplicationStream::feedback`]: tells the server where we are, at once.
    pub fn feedback(&mut self, write: Lsn, flush: Lsn, apply: Lsn, reply: bool) -> Result<()> {
        complete(self.0.stream().feedback(write, flush, apply, reply))
    }

    /// [`ReplicationStream::tick`]: tells the server where we are if it is time to.
    pub fn tick(&mut self) -> Result<Duration> {
        self.0.stream().tick()
    }

    /// [`ReplicationStream::positions`]: as they are told to the server.
    pub fn positions(&mut self) -> Positions {
        self.0.stream().positions()
    }

    /// [`ChangeStream::stop`]: ends the stream and gives the idle session back.
    pub fn stop(self, within: Duration) -> Result<()> {
        complete(self.0.stop(within))
    }
}

/// [`TransactionStream`] with plain methods.
#[derive(Debug)]
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct BlockingTransactionStream<'s, S: Session>(TransactionStream<'s, S>);

impl<S: Session> BlockingTransactionStream<'_, S> {
    /// [`TransactionStream::next`]: the next transaction, once it is whole.
    #[allow(clippy::should_implement_trait, reason = "a transaction borrows from the stream")]
    pub fn next(&mut self) -> Result<Option<Whole<'_>>> {
        complete(self.0.next())
    }

    /// [`TransactionStream::resolve`]: looks types up over a second connection.
    pub fn resolve<O: Session>(&mut self, other: &mut O) -> Result<()> {
        complete(self.0.resolve(other))
    }

    /// [`ReplicationStream::confirm`]: everything before `lsn` was kept.
    pub fn confirm(&mut self, lsn: Lsn) {
        self.0.stream().confirm(lsn);
    }

    /// [`ReplicationStream::feedback`]: tells the server where we are, at once.
    pub fn feedback(&mut self, write: Lsn, flush: Lsn, apply: Lsn, reply: bool) -> Result<()> {
        complete(self.0.stream().feedback(write, flush, apply, reply))
    }

    /// [`ReplicationStream::tick`]: tells the server where we are if it is time to.
    pub fn tick(&mut self) -> Result<Duration> {
        self.0.stream().tick()
    }

    /// [`TransactionStream::stop`]: ends the stream and gives the idle session back.
    pub fn stop(self, within: Duration) -> Result<()> {
        complete(self.0.stop(within))
    }
}
