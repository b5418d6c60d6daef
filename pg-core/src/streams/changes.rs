//! A stream of pgoutput as changes of rows, one by one or by whole transactions.

use super::replication::ReplicationStream;
use crate::error::Result;
use crate::exchange::types::TypesByOid;
use crate::replication::change::{ChangeReader, Event};
use crate::replication::transactions::{Assembler, Whole};
use crate::run::{Lender, Run};
use std::time::Duration;

impl<'s, S: Lender> ReplicationStream<'s, S> {
    /// The stream's messages as changes of rows, which are read as the types that queries use. The slot's plugin is
    /// pgoutput. Types that aren't PostgreSQL's own were looked up when the stream began.
    pub fn changes(mut self) -> ChangeStream<'s, S> {
        let catalog = self.lent().lent().conversation().catalog().clone();
        let reader = ChangeReader::new(catalog, self.settings());
        ChangeStream { stream: self, reader }
    }
}

/// A replication stream of pgoutput that gives changes of rows. All that is said of [`ReplicationStream`] holds.
#[derive(Debug)]
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct ChangeStream<'s, S: Lender> {
    stream: ReplicationStream<'s, S>,
    reader: ChangeReader,
}

impl<'s, S: Lender> ChangeStream<'s, S> {
    /// The next message, which lives until the next call: a change of a row, or another; `None` when the server has ended
    /// the stream.
    ///
    /// A transaction stands between Begin and Commit, whose `end_lsn` is what is
    /// [confirmed](ReplicationStream::confirm) once its changes are kept.
    ///
    /// # Errors
    /// What the server said; bytes that are no message of pgoutput.
    ///
    /// # Cancel safety
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Event<'_>>> {
        match self.stream.next().await? {
            Some(message) => self.reader.read(message.data).map(Some),
            None => Ok(None),
        }
    }

    /// The same by whole transactions: see [`TransactionStream`]. Called before the first message.
    pub fn transactions(self, limit: usize) -> TransactionStream<'s, S> {
        TransactionStream { changes: self, assembler: Assembler::new(limit) }
    }

    /// Looks types up that were made after the stream began, over a second connection to the same database.
    ///
    /// # Errors
    /// What the server says there.
    pub async fn resolve<O: Run>(&mut self, other: &mut O) -> Result<()> {
        let catalog = other.run(TypesByOid::new(self.reader.unknown_types())).await?;
        self.reader.set_catalog(catalog);
        Ok(())
    }

    /// The stream beneath: positions and feedback.
    pub fn stream(&mut self) -> &mut ReplicationStream<'s, S> {
        &mut self.stream
    }

    /// [`ReplicationStream::stop`].
    ///
    /// # Errors
    /// As there.
    pub async fn stop(self, within: Duration) -> Result<()> {
        self.stream.stop(within).await
    }
}

/// A replication stream of pgoutput that gives whole transactions: those that are streamed before they have committed, or
/// are undone in part, come at their end, without what was undone. So much memory is taken, and an error of kind
/// [`Limit`](crate::ErrorKind::Limit) when it isn't enough.
#[derive(Debug)]
#[must_use = "the server streams; dropped, the stream is ended"]
pub struct TransactionStream<'s, S: Lender> {
    changes: ChangeStream<'s, S>,
    assembler: Assembler,
}

impl<'s, S: Lender> TransactionStream<'s, S> {
    /// The next transaction, once it is whole; `None` when the server has ended the stream.
    ///
    /// # Errors
    /// As [`ChangeStream::next`]; and a transaction that is larger than the limit, which is the error of every call from
    /// then on.
    pub async fn next(&mut self) -> Result<Option<Whole<'_>>> {
        let ChangeStream { stream, reader } = &mut self.changes;
        loop {
            let Some(message) = stream.next_part().await? else { return Ok(None) };
            let place = message.start;
            if self.assembler.take(message.data)? {
                stream.delivered(place);
                return self.assembler.whole(reader).map(Some);
            }
        }
    }

    /// [`ChangeStream::resolve`].
    ///
    /// # Errors
    /// As there.
    pub async fn resolve<O: Run>(&mut self, other: &mut O) -> Result<()> {
        self.changes.resolve(other).await
    }

    /// The stream beneath: positions and feedback.
    pub fn stream(&mut self) -> &mut ReplicationStream<'s, S> {
        &mut self.changes.stream
    }

    /// [`ReplicationStream::stop`].
    ///
    /// # Errors
    /// As there.
    pub async fn stop(self, within: Duration) -> Result<()> {
        self.changes.stop(within).await
    }
}
