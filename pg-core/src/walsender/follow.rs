//! Copying a publication's tables to another database and following them there, with nothing lost or doubled: the
//! position is stored in the target in the same transaction as the data.

use super::commands::{ReplicationSession, major};
use super::target::Tables;
use crate::copy::{CopyFrom, CopyTo};
use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::quote;
use crate::replication::change::{ChangeReader, Event};
use crate::replication::command::{CreateSlot, CreatedSlot, Snapshot};
use crate::replication::pgoutput::{Message, PgOutput, Relation, Streaming};
use crate::replication::transactions::{Assembler, Changes, Whole};
use crate::session::Session;
use crate::sqlstate::SqlState;
use crate::streams::ReplicationStream;
use crate::transaction::{Isolation, TransactionOptions};
use crate::types::catalog::Catalog;
use std::sync::Arc;
use std::time::Duration;

/// What is followed: a publication, through a slot of its own, into a database whose tables have the same names and
/// columns, and are empty at first.
///
/// Killed at any point, client or server, it goes on where it was: run [`copy`](Follow::copy) and [`start`](Follow::start)
/// again. Tables need a primary key or another replica identity.
///
/// Tables that are emptied at the source are emptied at the target, and no others: TRUNCATE goes on to no table that
/// refers to them (CASCADE) or inherits from them, unless the source told that one too.
///
/// ```no_run
/// # use pg_core::{Error, Session, walsender::Follow};
/// # async fn follow<S: Session>(walsender: &mut S, source: &mut S, target: &mut S) -> Result<(), Error> {
/// let follow = Follow::new("mirror", "accounts");
/// follow.copy(walsender, source, target).await?;
/// let mut follower = follow.start(walsender, target).await?;
/// while let Some(position) = follower.step().await? {
///     println!("the target is as the source was at {position}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Follow {
    slot: String,
    publication: String,
    limit: usize,
    interval: Duration,
}

/// Where positions are kept in the target, a row for each slot.
const POSITIONS: &str =
    "create table if not exists pg_follow_position (slot text primary key, lsn pg_lsn not null)";

/// Values pass as text from one database to another, whatever each of them is set to.
const FORMS: [(&str, &str); 4] = [
    ("datestyle", "'ISO'"),
    ("intervalstyle", "'postgres'"),
    ("extra_float_digits", "3"),
    ("lc_monetary", "'C'"),
];

/// Sets the forms in which values are written and read, of a session or of its transaction.
async fn set_forms<S: Session>(session: &mut S, scope: &str) -> Result<()> {
    let set: Vec<String> =
        FORMS.iter().map(|(name, value)| format!("set {scope} {name} = {value}")).collect();
    session.batch_execute(&set.join("; ")).await
}

/// The tables of a publication with their published columns, but those that are computed; whether they have partitions;
/// and which rows are published. Lists of columns and conditions came with PostgreSQL 15.
fn tables_sql(major: u32) -> String {
    let (listed, condition) = match major {
        ..15 => ("", "null::text"),
        _ => ("and a.attname = any (t.attnames)", "t.rowfilter"),
    };
    format!(
        "select t.schemaname::text, t.tablename::text, array(select a.attname::text from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' {listed}
           order by a.attnum), c.relkind = 'p', {condition}
         from pg_publication_tables t
         join pg_namespace n on n.nspname = t.schemaname
         join pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
         where t.pubname = $1 order by 1, 2"
    )
}

/// A table of a publication.
type Published = (String, String, Vec<String>, bool, Option<String>);

/// The rows of a table that are published: of a partitioned one those of its partitions.
fn rows_sql((schema, table, columns, partitioned, condition): &Published) -> Result<String> {
    let columns: Vec<String> = columns.iter().map(|name| quote::identifier(name)).collect::<Result<_>>()?;
    let only = if *partitioned { "" } else { "only " };
    let name = format!("{}.{}", quote::identifier(schema)?, quote::identifier(table)?);
    let condition = condition.as_ref().map(|condition| format!(" where {condition}")).unwrap_or_default();
    Ok(format!("select {} from {only}{name}{condition}", columns.join(", ")))
}

/// The position that a target keeps for a slot.
async fn position<T: Session>(target: &mut T, slot: &str) -> Result<Option<Lsn>> {
    let sql = "select lsn::text from pg_follow_position where slot = $1";
    match target.query_opt::<(String,)>(sql, (slot,)).await {
        Ok(found) => found.map(|(lsn,)| lsn.parse()).transpose(),
        // Nothing was ever copied.
        Err(error) if error.sqlstate() == Some(SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cold]
fn no_position(slot: &str) -> Error {
    Error::usage(format!("the target has no position for the slot {slot:?}"))
        .hint("run copy() first, with empty tables in the target")
}

impl Follow {
    /// Follows a publication through the slot of this name, which is made by [`Follow::copy`].
    pub fn new(slot: impl Into<String>, publication: impl Into<String>) -> Follow {
        Follow {
            slot: slot.into(),
            publication: publication.into(),
            limit: 64 << 20,
            interval: Duration::from_secs(10),
        }
    }

    /// How many bytes of transactions are kept until they have committed: 64 MiB unless set.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Follow {
        self.limit = bytes;
        self
    }

    /// How often the source is told where we are: see [`ReplicationStream::status_interval`].
    #[must_use]
    pub fn status_interval(mut self, interval: Duration) -> Follow {
        self.interval = interval;
        self
    }

    /// Copies the tables as they are at the slot's beginning, in one transaction of the target; the position from which
    /// they are to be followed. Does nothing if that was done before.
    ///
    /// `walsender` is a logical connection to the source, `source` an ordinary one.
    ///
    /// # Errors
    /// A publication that has no tables, or that there isn't; what either server says.
    pub async fn copy<W: Session, S: Session, T: Session>(
        &self,
        walsender: &mut W,
        source: &mut S,
        target: &mut T,
    ) -> Result<Lsn> {
        target.batch_execute(POSITIONS).await?;
        if let Some(position) = position(target, &self.slot).await? {
            return Ok(position);
        }
        self.published(source).await?;
        // A copy that was broken off has left its slot, and nothing else.
        match walsender.drop_slot(&self.slot, true).await {
            Err(error) if error.sqlstate() != Some(SqlState::UNDEFINED_OBJECT) => return Err(error),
            _ => {}
        }
        let slot = CreateSlot::logical(&self.slot, "pgoutput").snapshot(Snapshot::Export);
        let slot = walsender.create_slot(&slot).await?;
        self.copy_at(&slot, source, target).await?;
        Ok(slot.consistent_point)
    }

    async fn copy_at<S: Session, T: Session>(
        &self,
        slot: &CreatedSlot,
        source: &mut S,
        target: &mut T,
    ) -> Result<()> {
        let reading = TransactionOptions::new().isolation(Isolation::RepeatableRead).read_only(true);
        let mut reading = source.begin_with(reading).await?;
        let snapshot = quote::literal(slot.snapshot.as_deref().unwrap_or_default())?;
        reading.batch_execute(&format!("set transaction snapshot {snapshot}")).await?;
        set_forms(&mut reading, "local").await?;
        let tables = self.published(&mut reading).await?;
        let mut writing = target.begin().await?;
        set_forms(&mut writing, "local").await?;
        for published in &tables {
            let (schema, table, columns, ..) = published;
            let from = CopyTo::query(&rows_sql(published)?).to_sql()?;
            let to = CopyFrom::table(table).schema(schema).columns(columns).to_sql()?;
            let mut from = reading.copy_out(&from).await?;
            let mut to = writing.copy_in(&to).await?;
            while let Some(piece) = from.next_piece().await? {
                to.write(piece).await?;
            }
            to.finish().await?;
        }
        let position = slot.consistent_point.to_string();
        let store = "insert into pg_follow_position values ($1, $2::text::pg_lsn)";
        writing.execute(store, (self.slot.as_str(), position.as_str())).await?;
        writing.commit().await?;
        reading.commit().await
    }

    /// The tables to copy.
    async fn published<S: Session>(&self, source: &mut S) -> Result<Vec<Published>> {
        let sql = tables_sql(major(source));
        let tables: Vec<Published> = source.query(&sql, (self.publication.as_str(),)).await?;
        if tables.is_empty() {
            return Err(Error::usage(format!("the publication {:?} has no tables", self.publication))
                .hint("is it spelled like this, and in this database? `create publication .. for table ..` makes one"));
        }
        Ok(tables)
    }

    /// Goes on from the position that the target keeps. Both sessions keep the settings `datestyle`, `intervalstyle`,
    /// `extra_float_digits` and `lc_monetary` under which values pass as text.
    ///
    /// # Errors
    /// Nothing was copied as yet; what either server says.
    pub async fn start<'w, W: Session, T: Session>(
        &self,
        walsender: &'w mut W,
        mut target: T,
    ) -> Result<Follower<'w, W, T>> {
        let position = position(&mut target, &self.slot).await?.ok_or_else(|| no_position(&self.slot))?;
        set_forms(walsender, "session").await?;
        set_forms(&mut target, "session").await?;
        let options = PgOutput::new([&self.publication]).streaming(Streaming::On);
        let stream = walsender.start_logical(&self.slot, position, options).await?;
        // Values pass through as text: no type is needed for that.
        let settings = stream.settings();
        Ok(Follower {
            stream: stream.status_interval(self.interval),
            reader: ChangeReader::new(Catalog::default(), settings),
            assembler: Assembler::new(self.limit),
            target,
            tables: Tables::default(),
            slot: self.slot.clone(),
            position,
            pending: false,
        })
    }
}

/// Applies a source's transactions to a target, one by one: see [`Follow`].
#[derive(Debug)]
#[must_use = "it does nothing unless its steps are taken"]
pub struct Follower<'w, W: Session, T> {
    stream: ReplicationStream<'w, W>,
    reader: ChangeReader,
    assembler: Assembler,
    target: T,
    tables: Tables,
    slot: String,
    position: Lsn,
    /// A transaction is whole and not applied.
    pending: bool,
}

impl<W: Session, T: Session> Follower<'_, W, T> {
    /// Waits for the next transaction of the source and applies it: the position up to which the target is as the source
    /// was. `None` when the source has ended the stream. The source hears of us while the target keeps us waiting; in the
    /// blocking client between two statements.
    ///
    /// # Errors
    /// What either server says; a row that the target doesn't have; a position that somebody has removed from it; a
    /// transaction above the memory limit. Begin anew with [`Follow::start`]: nothing is lost.
    ///
    /// # Cancel safety
    /// Dropped, the transaction is applied by the next call, or by the next follower.
    pub async fn step(&mut self) -> Result<Option<Lsn>> {
        loop {
            while !self.pending {
                let Some(message) = self.stream.next_part().await? else { return Ok(None) };
                let place = message.start;
                self.pending = self.assembler.take(message.data)?;
                if self.pending {
                    self.stream.delivered(place);
                }
            }
            let Whole::Transaction(commit, changes) = self.assembler.whole(&mut self.reader)? else {
                self.pending = false;
                continue;
            };
            if commit.end_lsn > self.position {
                let (target, tables) = (&mut self.target, &mut self.tables);
                apply(target, tables, &mut self.stream, &self.slot, commit.end_lsn, changes).await?;
                self.position = commit.end_lsn;
            }
            self.pending = false;
            self.stream.confirm(self.position);
            return Ok(Some(self.position));
        }
    }

    /// Up to where the target is as the source was.
    pub fn position(&self) -> Lsn {
        self.position
    }

    /// Tells the source at once what was applied, and ends the stream.
    ///
    /// # Errors
    /// As [`ReplicationStream::stop`].
    pub async fn stop(self, within: Duration) -> Result<()> {
        self.stream.stop(within).await
    }
}

/// Applies a transaction and its position together. However long the target takes, the source hears of us.
async fn apply<W: Session, T: Session>(
    target: &mut T,
    tables: &mut Tables,
    stream: &mut ReplicationStream<'_, W>,
    slot: &str,
    end: Lsn,
    mut changes: Changes<'_>,
) -> Result<()> {
    let mut tx = target.begin().await?;
    let store =
        "update pg_follow_position set lsn = $2::text::pg_lsn where slot = $1 and lsn < $2::text::pg_lsn";
    let lsn = end.to_string();
    if stream.pump(tx.execute(store, (slot, lsn.as_str()))).await?? == 0 {
        stream.pump(tx.rollback()).await??;
        return match stream.pump(position(target, slot)).await?? {
            // It was applied before its follower was killed.
            Some(stored) if stored >= end => Ok(()),
            _ => Err(no_position(slot)),
        };
    }
    loop {
        let (oids, restart_identity): (Vec<u32>, bool) = match changes.next_event()? {
            None => break,
            Some(Event::Change(change)) => {
                stream.pump(tables.change(&mut tx, &change)).await??;
                continue;
            }
            Some(Event::Other(Message::Truncate(truncate))) => {
                (truncate.relations().collect(), truncate.restart_identity)
            }
            Some(Event::Other(_)) => continue,
        };
        let truncated: Vec<Arc<Relation>> =
            oids.into_iter().filter_map(|oid| changes.relation(oid).cloned()).collect();
        stream.pump(tables.truncate(&mut tx, &truncated, restart_identity)).await??;
    }
    stream.pump(tx.commit()).await?
}
