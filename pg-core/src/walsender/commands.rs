//! The commands of a walsender, as methods of every session.

use crate::error::{Error, Result};
use crate::exchange::replication::Command;
use crate::exchange::types::TypesByOid;
use crate::lsn::Lsn;
use crate::replication::command::{
    self, CreateSlot, CreatedSlot, PluginOptions, SlotPosition, SystemIdentity, since,
};
use crate::session::Session;
use crate::streams::ReplicationStream;
use std::future::Future;

/// The types of the tables' columns that aren't PostgreSQL's own.
const TYPES_OF_TABLES: &str = "select distinct a.atttypid from pg_catalog.pg_attribute a \
     join pg_catalog.pg_class c on c.oid = a.attrelid \
     where a.attnum > 0 and not a.attisdropped and a.atttypid >= 10000 and c.relkind in ('r', 'p') and c.oid >= 16384";

/// The commands of a connection that was made with `Config::replication`. Every [`Session`] has them; where the
/// connection is none for replication, each is an error that says so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no session, so that it takes no commands of replication",
    note = "connect by `Config::replication`, and call them on the client"
)]
pub trait ReplicationSession: Session {
    /// `IDENTIFY_SYSTEM`: the cluster, its timeline, how far its log is, and the database.
    ///
    /// # Errors
    /// What the server says.
    fn identify_system(&mut self) -> impl Future<Output = Result<SystemIdentity>> + Send {
        async move { SystemIdentity::from_answer(self.run(Command::new("IDENTIFY_SYSTEM")).await?) }
    }

    /// `SHOW`: the value of a setting.
    ///
    /// # Errors
    /// What the server says.
    fn show(&mut self, setting: &str) -> impl Future<Output = Result<String>> + Send {
        async move { command::shown(self.run(Command::new(&command::show(setting)?)).await?) }
    }

    /// `CREATE_REPLICATION_SLOT`. A logical slot waits until all transactions that are open have ended. A slot with
    /// [`Snapshot::Use`](crate::replication::command::Snapshot) is made inside a transaction that has run nothing yet:
    /// `begin_with(TransactionOptions::new().isolation(RepeatableRead))`.
    ///
    /// A session whose logical stream was stopped can't wait for others any more: it makes logical slots only while nobody
    /// has a transaction open.
    ///
    /// # Errors
    /// An option that the server's version doesn't have, by name; what the server says.
    fn create_slot(&mut self, slot: &CreateSlot) -> impl Future<Output = Result<CreatedSlot>> + Send {
        async move {
            let command = slot.to_command(major(self))?;
            let answer = self.run(Command::new(&command)).await;
            CreatedSlot::from_answer(answer.map_err(no_more_slots)?)
        }
    }

    /// `DROP_REPLICATION_SLOT`. With `wait` it waits while somebody reads from the slot, else that is an error.
    ///
    /// # Errors
    /// What the server says.
    fn drop_slot(&mut self, name: &str, wait: bool) -> impl Future<Output = Result<()>> + Send {
        async move { self.run(Command::new(&command::drop_slot(name, wait)?)).await.map(drop) }
    }

    /// `READ_REPLICATION_SLOT`: where a physical slot is; `None` if there is no such slot. From PostgreSQL 15 on.
    ///
    /// # Errors
    /// An older server, a logical slot, and what else the server says.
    fn read_slot(&mut self, name: &str) -> impl Future<Output = Result<Option<SlotPosition>>> + Send {
        async move {
            let command = command::read_slot(name, major(self))?;
            SlotPosition::from_answer(self.run(Command::new(&command)).await?)
        }
    }

    /// Streams a logical slot's changes from `from` on, or from what was confirmed last if that is later (`Lsn(0)`: from
    /// there in any case). `options` are the output plugin's: `()`, `[("include-xids", "0")]`, or
    /// `PgOutput`.
    ///
    /// # Errors
    /// An option that the server's version doesn't have, by name; what the server says. Some plugins look at their options
    /// only when the stream begins: then its first message is the error.
    fn start_logical(
        &mut self,
        slot: &str,
        from: Lsn,
        options: impl Into<PluginOptions> + Send,
    ) -> impl Future<Output = Result<ReplicationStream<'_, Self>>> + Send {
        async move {
            let options = options.into();
            check_options(&options, major(self))?;
            if options.get("publication_names").is_some() {
                // Nothing can be asked here once it streams.
                let rows = self.run(Command::new(TYPES_OF_TABLES)).await?;
                let oids = rows.iter().flatten().flatten().filter_map(|oid| oid.parse().ok());
                self.run(TypesByOid::new(oids.collect())).await?;
            }
            ReplicationStream::start(self, &command::start_logical(slot, from, &options)?).await
        }
    }

    /// Streams the log itself from `from` on, of the server's timeline or another.
    ///
    /// # Errors
    /// What the server says.
    fn start_physical(
        &mut self,
        slot: Option<&str>,
        from: Lsn,
        timeline: Option<u32>,
    ) -> impl Future<Output = Result<ReplicationStream<'_, Self>>> + Send {
        async move { ReplicationStream::start(self, &command::start_physical(slot, from, timeline)?).await }
    }

    /// Starts a stream by a command as it is: `START_REPLICATION ..`, of which names and values are quoted by the caller.
    ///
    /// # Errors
    /// What the server says; a command that starts no stream.
    fn start(&mut self, command: &str) -> impl Future<Output = Result<ReplicationStream<'_, Self>>> + Send {
        ReplicationStream::start(self, command)
    }
}

impl<S: Session> ReplicationSession for S {}

/// The server's major version; 0 if it isn't told in numbers.
pub(super) fn major<S: Session>(session: &mut S) -> u32 {
    let version = session.connection().parameter("server_version").unwrap_or_default();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// PostgreSQL's walsender doesn't forget that it was stopped.
fn no_more_slots(error: Error) -> Error {
    if error.message().contains("could not find logical decoding starting point") {
        return error.hint(
            "a session that has streamed doesn't wait for open transactions: connect anew to make a slot",
        );
    }
    error
}

/// The options of pgoutput that came later than 14.
fn check_options(options: &PluginOptions, major: u32) -> Result<()> {
    let Some(version) = options.get("proto_version") else { return Ok(()) };
    let needed = match version {
        "1" | "2" => 14,
        "3" => 15,
        "4" => 16,
        _ => return Err(Error::usage(format!("pgoutput has no protocol version {version}, but 1 to 4"))),
    };
    since(needed, major, &format!("protocol version {version} of pgoutput"))?;
    if options.get("two_phase").is_some() {
        since(15, major, "the option two_phase of pgoutput")?;
    }
    if options.get("origin").is_some() {
        since(16, major, "the option origin of pgoutput")?;
    }
    if options.get("streaming") == Some("parallel") {
        since(16, major, "the option streaming 'parallel' of pgoutput")?;
    }
    Ok(())
}
