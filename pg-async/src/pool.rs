//! Pooling by the crates deadpool (feature `pool-deadpool-0_12`) and bb8 (`pool-bb8-0_9`): one manager for both, whose
//! connections are as after login for each borrower, at the cost of no round trip.
//!
//! What becomes of what a borrower leaves behind, and which crate to choose: [`pg_core::pool`].
//!
//! ```ignore
//! let manager = Manager::new(Config::new("postgres://app@localhost/shop")?);
//! let pool: deadpool::managed::Pool<Manager> = deadpool::managed::Pool::builder(manager).max_size(8).build()?;
//! let n: i64 = pool.get().await?.query_value("select count(*) from users", ()).await?;
//! ```
//!
//! A generic function takes `&mut *guard`; methods are called on the guard.

use crate::connect::Connect;
use pg_core::config::Config;
pub use pg_core::pool::{Reset, Resets};

/// What the pool asks for connections.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(any(feature = "pool-deadpool-0_12", feature = "pool-bb8-0_9")),
    allow(dead_code, reason = "only a pool reads it")
)]
pub struct Manager {
    config: Config<Connect>,
    resets: Resets,
}

impl Manager {
    /// Connections as `config` says; all [resets](Resets::default) between two borrowers.
    pub fn new(config: Config<Connect>) -> Manager {
        Manager { config, resets: Resets::default() }
    }

    /// Other resets.
    #[must_use]
    pub fn resets(mut self, resets: Resets) -> Manager {
        self.resets = resets;
        self
    }
}

#[cfg(feature = "pool-deadpool-0_12")]
impl deadpool::managed::Manager for Manager {
    type Type = crate::client::Client;
    type Error = pg_core::error::Error;

    async fn create(&self) -> pg_core::error::Result<Self::Type> {
        self.config.connect().await
    }

    async fn recycle(
        &self,
        client: &mut Self::Type,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Self::Error> {
        pg_core::pool::make_ready(client, &self.resets, self.config.settings().deadline())
            .await
            .map_err(Into::into)
    }
}

#[cfg(feature = "pool-bb8-0_9")]
impl bb8::ManageConnection for Manager {
    type Connection = crate::client::Client;
    type Error = pg_core::error::Error;

    async fn connect(&self) -> pg_core::error::Result<Self::Connection> {
        self.config.connect().await
    }

    async fn is_valid(&self, client: &mut Self::Connection) -> pg_core::error::Result<()> {
        pg_core::pool::make_ready(client, &self.resets, self.config.settings().deadline()).await
    }

    /// Asked when a connection comes back, so that pools with `test_on_check_out(false)` give clean ones too.
    fn has_broken(&self, client: &mut Self::Connection) -> bool {
        !pg_core::pool::take_back(client, &self.resets, self.config.settings().deadline())
    }
}
