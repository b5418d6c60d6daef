//! What tests of replication share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use pg_core::Session;
use pg_core::config::Config;
use pg_core::config::settings::Replication;
use pg_core::lsn::Lsn;
use pg_core::replication::command::{CreateSlot, CreatedSlot, Snapshot};
use pg_core::walsender::ReplicationSession;
use pg_tests::clients::Face;
use pg_tests::server::{Database, Server};
use std::time::Duration;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A database of its own, a session of SQL, one for replication, and a slot.
pub(crate) struct Pair<F: Face> {
    pub(crate) sql: F::Client,
    pub(crate) walsender: F::Client,
    pub(crate) config: Config<F::Connector>,
    pub(crate) slot: String,
    // Dropped last: a database with sessions in it can't be dropped.
    pub(crate) _database: Database,
}

impl<F: Face> Pair<F> {
    pub(crate) async fn new() -> Pair<F> {
        let database = Server::shared().database();
        let config = F::config(&database.url());
        let mut sql = F::connect(&config).await.unwrap();
        sql.batch_execute("create table t (id int8 primary key, name text)").await.unwrap();
        let config = config.replication(Replication::Logical);
        let walsender = F::connect(&config).await.unwrap();
        Pair { sql, walsender, config, slot: database.name().to_owned(), _database: database }
    }

    /// With a slot of a plugin.
    pub(crate) async fn with_slot(plugin: &str) -> (Pair<F>, CreatedSlot) {
        let mut pair = Pair::<F>::new().await;
        let slot = CreateSlot::logical(&pair.slot, plugin).snapshot(Snapshot::Nothing);
        let slot = pair.walsender.create_slot(&slot).await.unwrap();
        (pair, slot)
    }

    /// A new session for replication, once the one before has ended its stream.
    pub(crate) async fn reconnect(&mut self, config: &Config<F::Connector>) {
        self.walsender.ping().await.unwrap();
        self.walsender = F::connect(config).await.unwrap();
    }

    pub(crate) async fn confirmed(&mut self) -> Lsn {
        let sql = "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1";
        self.sql.query_value::<String>(sql, (&self.slot,)).await.unwrap().parse().unwrap()
    }

    /// The session takes commands again; the slot goes, so that the database can.
    pub(crate) async fn end(mut self) {
        assert_eq!(self.walsender.show("wal_level").await.unwrap(), "logical");
        self.walsender.drop_slot(&self.slot, true).await.unwrap();
    }
}
