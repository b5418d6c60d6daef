//! The commands of a walsender, and what it answers. All names and values pass the quoting of `quote`.
//! Manual: "Streaming Replication Protocol".

use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::quote;
use std::borrow::Cow;

/// What a new logical slot does with the snapshot of the moment from which it streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Snapshot {
    /// Exports it, to be taken by `SET TRANSACTION SNAPSHOT` in another session until this one's next command.
    #[default]
    Export,
    /// Makes it that of the transaction that is open here, which must be the slot's first command in it.
    Use,
    /// Nothing.
    Nothing,
}

/// A slot to be made: what `CREATE_REPLICATION_SLOT` says.
///
/// ```
/// use pg_core::replication::command::{CreateSlot, Snapshot};
///
/// let slot = CreateSlot::logical("audit", "pgoutput").temporary().snapshot(Snapshot::Nothing);
/// assert_eq!(
///     slot.to_command(17)?,
///     r#"CREATE_REPLICATION_SLOT "audit" TEMPORARY LOGICAL "pgoutput" (SNAPSHOT 'nothing')"#
/// );
/// let error = CreateSlot::logical("audit", "pgoutput").failover().to_command(16).unwrap_err();
/// assert!(error.to_string().contains("PostgreSQL 17"));
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CreateSlot {
    name: String,
    plugin: Option<String>,
    temporary: bool,
    two_phase: bool,
    failover: bool,
    reserve_wal: bool,
    snapshot: Option<Snapshot>,
}

impl CreateSlot {
    /// A slot from which a plugin's output is streamed: `pgoutput`, `test_decoding`, or what is installed.
    pub fn logical(name: impl Into<String>, plugin: impl Into<String>) -> CreateSlot {
        CreateSlot { plugin: Some(plugin.into()), ..CreateSlot::physical(name) }
    }

    /// A slot that keeps the log itself for its reader.
    pub fn physical(name: impl Into<String>) -> CreateSlot {
        CreateSlot {
            name: name.into(),
            plugin: None,
            temporary: false,
            two_phase: false,
            failover: false,
            reserve_wal: false,
            snapshot: None,
        }
    }

    /// Gone with this session, or at its first error.
    #[must_use]
    pub fn temporary(mut self) -> CreateSlot {
        self.temporary = true;
        self
    }

    /// Prepared transactions are streamed when they are prepared. Logical slots, from PostgreSQL 15 on.
    #[must_use]
    pub fn two_phase(mut self) -> CreateSlot {
        self.two_phase = true;
        self
    }

    /// It is kept on standbys too, for after a failover. Logical slots, from PostgreSQL 17 on.
    #[must_use]
    pub fn failover(mut self) -> CreateSlot {
        self.failover = true;
        self
    }

    /// Keeps the log from now on, and not only from its first reader on. Physical slots.
    #[must_use]
    pub fn reserve_wal(mut self) -> CreateSlot {
        self.reserve_wal = true;
        self
    }

    /// What is done with the snapshot: exported, unless said otherwise. Logical slots.
    #[must_use]
    pub fn snapshot(mut self, snapshot: Snapshot) -> CreateSlot {
        self.snapshot = Some(snapshot);
        self
    }

    /// The command for a server of this major version.
    ///
    /// # Errors
    /// An option that the kind of slot, or the server's version, doesn't have.
    pub fn to_command(&self, major: u32) -> Result<String> {
        let logical_only = [
            (self.two_phase, "two_phase"),
            (self.failover, "failover"),
            (self.snapshot.is_some(), "snapshot"),
        ];
        if self.plugin.is_none()
            && let Some((_, option)) = logical_only.iter().find(|(set, _)| *set)
        {
            return Err(Error::usage(format!("a physical slot has no option {option}")));
        }
        if self.plugin.is_some() && self.reserve_wal {
            return Err(Error::usage("a logical slot has no option reserve_wal: it always keeps the log"));
        }
        if self.two_phase {
            since(15, major, "slots with two_phase, by replication command")?;
        }
        if self.failover {
            since(17, major, "slots with failover")?;
        }
        let mut command = format!("CREATE_REPLICATION_SLOT {}", quote::identifier(&self.name)?);
        if self.temporary {
            command.push_str(" TEMPORARY");
        }
        match &self.plugin {
            Some(plugin) => command.push_str(&format!(" LOGICAL {}", quote::identifier(plugin)?)),
            None => command.push_str(" PHYSICAL"),
        }
        let mut options = Vec::new();
        let modern = major >= 15;
        if let Some(snapshot) = self.snapshot {
            options.push(match (snapshot, modern) {
                (Snapshot::Export, true) => "SNAPSHOT 'export'",
                (Snapshot::Use, true) => "SNAPSHOT 'use'",
                (Snapshot::Nothing, true) => "SNAPSHOT 'nothing'",
                (Snapshot::Export, false) => "EXPORT_SNAPSHOT",
                (Snapshot::Use, false) => "USE_SNAPSHOT",
                (Snapshot::Nothing, false) => "NOEXPORT_SNAPSHOT",
            });
        }
        let flags =
            [(self.two_phase, "TWO_PHASE"), (self.failover, "FAILOVER"), (self.reserve_wal, "RESERVE_WAL")];
        options.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word));
        if !options.is_empty() {
            let list = options.join(if modern { ", " } else { " " });
            command.push_str(&if modern { format!(" ({list})") } else { format!(" {list}") });
        }
        Ok(command)
    }
}

/// An error for what a server of version `major` doesn't have. One that tells no version judges for itself.
pub(crate) fn since(needed: u32, major: u32, what: &str) -> Result<()> {
    if major >= needed || major == 0 {
        return Ok(());
    }
    Err(Error::usage(format!("{what} came with PostgreSQL {needed}, and the server is {major}")))
}

/// Options of an output plugin: each a name and a value, quoted when they are sent.
///
/// `()` for none, an array or slice of pairs, or what a plugin's own type writes
/// (`PgOutput`).
#[derive(Debug, Clone, Default)]
pub struct PluginOptions(Vec<(Cow<'static, str>, String)>);

impl PluginOptions {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> PluginOptions {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl From<()> for PluginOptions {
    fn from((): ()) -> PluginOptions {
        PluginOptions::default()
    }
}

impl From<&[(&str, &str)]> for PluginOptions {
    fn from(pairs: &[(&str, &str)]) -> PluginOptions {
        let owned = |(name, value): &(&str, &str)| (Cow::Owned((*name).to_owned()), (*value).to_owned());
        PluginOptions(pairs.iter().map(owned).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for PluginOptions {
    fn from(pairs: [(&str, &str); N]) -> PluginOptions {
        PluginOptions::from(pairs.as_slice())
    }
}

/// `DROP_REPLICATION_SLOT`; `wait` until nobody reads from it.
///
/// # Errors
/// An empty name, or one with NUL.
pub fn drop_slot(name: &str, wait: bool) -> Result<String> {
    Ok(format!("DROP_REPLICATION_SLOT {}{}", quote::identifier(name)?, if wait { " WAIT" } else { "" }))
}

/// `READ_REPLICATION_SLOT`.
///
/// # Errors
/// An empty name, or one with NUL; a server before 15.
pub fn read_slot(name: &str, major: u32) -> Result<String> {
    since(15, major, "READ_REPLICATION_SLOT")?;
    Ok(format!("READ_REPLICATION_SLOT {}", quote::identifier(name)?))
}

/// `SHOW`; a setting of an extension has a dot in its name.
///
/// # Errors
/// An empty name, or one with NUL.
pub fn show(setting: &str) -> Result<String> {
    let parts = setting.split('.').map(quote::identifier).collect::<Result<Vec<_>>>()?;
    Ok(format!("SHOW {}", parts.join(".")))
}

/// `START_REPLICATION SLOT .. LOGICAL`.
///
/// # Errors
/// A name or value with NUL, or an empty name.
///
/// ```
/// use pg_core::lsn::Lsn;
/// use pg_core::replication::command;
/// assert_eq!(
///     command::start_logical("s", Lsn(0), &[("include-xids", "it's")].into())?,
///     r#"START_REPLICATION SLOT "s" LOGICAL 0/0 ("include-xids" 'it''s')"#
/// );
/// # Ok::<(), pg_core::Error>(())
/// ```
pub fn start_logical(slot: &str, from: Lsn, options: &PluginOptions) -> Result<String> {
    let mut command = format!("START_REPLICATION SLOT {} LOGICAL {from}", quote::identifier(slot)?);
    let options = options.0.iter().map(|(name, value)| {
        Ok(format!("{} {}", quote::identifier(name)?, quote::replication_literal(value)?))
    });
    let options = options.collect::<Result<Vec<_>>>()?;
    if !options.is_empty() {
        command.push_str(&format!(" ({})", options.join(", ")));
    }
    Ok(command)
}

/// `START_REPLICATION .. PHYSICAL`: with a slot or without one, of the server's timeline or of another.
///
/// # Errors
/// An empty name of a slot, or one with NUL.
pub fn start_physical(slot: Option<&str>, from: Lsn, timeline: Option<u32>) -> Result<String> {
    let mut command = "START_REPLICATION".to_owned();
    if let Some(slot) = slot {
        command.push_str(&format!(" SLOT {}", quote::identifier(slot)?));
    }
    command.push_str(&format!(" PHYSICAL {from}"));
    if let Some(timeline) = timeline {
        command.push_str(&format!(" TIMELINE {timeline}"));
    }
    Ok(command)
}

/// What `IDENTIFY_SYSTEM` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemIdentity {
    /// What tells this cluster, and its standbys, from all others.
    pub system_id: String,
    /// The timeline.
    pub timeline: u32,
    /// How far the log is flushed.
    pub position: Lsn,
    /// The database of a logical connection.
    pub database: Option<String>,
}

/// What `CREATE_REPLICATION_SLOT` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedSlot {
    /// Its name.
    pub name: String,
    /// From here on, changes are streamed.
    pub consistent_point: Lsn,
    /// The exported snapshot, for `SET TRANSACTION SNAPSHOT`.
    pub snapshot: Option<String>,
    /// The output plugin.
    pub plugin: Option<String>,
}

/// What `READ_REPLICATION_SLOT` tells of a physical slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPosition {
    /// The oldest place in the log that it keeps.
    pub restart: Option<Lsn>,
    /// The timeline of that place.
    pub timeline: Option<u32>,
}

/// The one row of an answer, of so many columns at least.
fn one_row<const N: usize>(rows: Vec<Vec<Option<String>>>, command: &str) -> Result<[Option<String>; N]> {
    let row = rows.into_iter().next().unwrap_or_default();
    let mut row = row.into_iter();
    let columns = std::array::from_fn(|_| row.next());
    if columns.iter().any(Option::is_none) {
        return Err(Error::protocol(format!("the answer to {command} has less than one row of {N} columns")));
    }
    Ok(columns.map(Option::flatten))
}

fn required<T: std::str::FromStr>(text: Option<String>, what: &str) -> Result<T> {
    let parsed = text.as_deref().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Error::protocol(format!("the server tells no {what}: {text:?}")))
}

impl SystemIdentity {
    /// Of the answer's rows.
    ///
    /// # Errors
    /// A protocol error if they aren't such an answer.
    pub fn from_answer(rows: Vec<Vec<Option<String>>>) -> Result<SystemIdentity> {
        let [system_id, timeline, position, database] = one_row(rows, "IDENTIFY_SYSTEM")?;
        Ok(SystemIdentity {
            system_id: required(system_id, "system identifier")?,
            timeline: required(timeline, "timeline")?,
            position: required(position, "position")?,
            database,
        })
    }
}

impl CreatedSlot {
    /// Of the answer's rows.
    ///
    /// # Errors
    /// A protocol error if they aren't such an answer.
    pub fn from_answer(rows: Vec<Vec<Option<String>>>) -> Result<CreatedSlot> {
        let [name, point, snapshot, plugin] = one_row(rows, "CREATE_REPLICATION_SLOT")?;
        Ok(CreatedSlot {
            name: required(name, "slot")?,
            consistent_point: required(point, "consistent point")?,
            snapshot,
            plugin,
        })
    }
}

impl SlotPosition {
    /// Of the answer's rows; `None` if there is no such slot.
    ///
    /// # Errors
    /// A protocol error if they aren't such an answer.
    pub fn from_answer(rows: Vec<Vec<Option<String>>>) -> Result<Option<SlotPosition>> {
        let [kind, restart, timeline] = one_row(rows, "READ_REPLICATION_SLOT")?;
        if kind.is_none() {
            return Ok(None);
        }
        Ok(Some(SlotPosition {
            restart: restart.map(|lsn| required(Some(lsn), "restart_lsn")).transpose()?,
            timeline: timeline.map(|timeline| required(Some(timeline), "restart_tli")).transpose()?,
        }))
    }
}

/// The value that `SHOW` answers with.
///
/// # Errors
/// A protocol error if there is none.
pub fn shown(rows: Vec<Vec<Option<String>>>) -> Result<String> {
    let [value] = one_row(rows, "SHOW")?;
    required(value, "value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_words_for_a_slot() {
        let slot = CreateSlot::logical("s", "p").two_phase().snapshot(Snapshot::Use);
        assert!(slot.to_command(14).unwrap_err().to_string().contains("PostgreSQL 15"));
        let older = CreateSlot::logical("s", "p").snapshot(Snapshot::Use);
        assert_eq!(older.to_command(14).unwrap(), r#"CREATE_REPLICATION_SLOT "s" LOGICAL "p" USE_SNAPSHOT"#);
        assert_eq!(
            slot.to_command(15).unwrap(),
            r#"CREATE_REPLICATION_SLOT "s" LOGICAL "p" (SNAPSHOT 'use', TWO_PHASE)"#
        );
        let slot = CreateSlot::physical("s").temporary().reserve_wal();
        assert_eq!(
            slot.to_command(14).unwrap(),
            r#"CREATE_REPLICATION_SLOT "s" TEMPORARY PHYSICAL RESERVE_WAL"#
        );
    }

    #[test]
    fn options_of_the_other_kind_are_refused() {
        for slot in [
            CreateSlot::physical("s").two_phase(),
            CreateSlot::physical("s").snapshot(Snapshot::Export),
            CreateSlot::logical("s", "p").reserve_wal(),
            CreateSlot::logical("", "p"),
        ] {
            assert!(slot.to_command(18).is_err(), "{slot:?}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_a_protocol_error() {
        for rows in [vec![], vec![vec![None, None]], vec![vec![Some("x".to_owned()); 4]]] {
            assert!(SystemIdentity::from_answer(rows.clone()).is_err(), "{rows:?}");
            assert!(CreatedSlot::from_answer(rows).is_err());
        }
        assert_eq!(SlotPosition::from_answer(vec![vec![None, None, None]]).unwrap(), None);
    }
}
