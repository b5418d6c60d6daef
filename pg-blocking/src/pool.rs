//! Pooling by the crate r2d2 (feature `pool-r2d2-0_8`): a manager whose connections are as after login for each
//! borrower, at the cost of no round trip.
//!
//! ```ignore
//! let manager = Manager::new(Config::new("postgres://app@localhost/shop")?);
//! let pool = r2d2::Pool::builder().max_size(8).build(manager)?;
//! let n: i64 = pool.get()?.query_value("select count(*) from users", ())?;
//! ```
//!
//! What becomes of what a borrower leaves behind: [`pg_core::pool`].

use crate::connect::Connect;
use pg_core::config::Config;
pub use pg_core::pool::{Reset, Resets};

/// What the pool asks for connections.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "pool-r2d2-0_8"), allow(dead_code, reason = "only a pool reads it"))]
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

#[cfg(feature = "pool-r2d2-0_8")]
impl r2d2::ManageConnection for Manager {
    type Connection = crate::client::Client;
    type Error = pg_core::error::Error;

    fn connect(&self) -> pg_core::error::Result<Self::Connection> {
        self.config.connect()
    }

    fn is_valid(&self, client: &mut Self::Connection) -> pg_core::error::Result<()> {
        let deadline = self.config.settings().deadline();
        pg_core::blocking::complete(pg_core::pool::make_ready(client, &self.resets, deadline))
    }

    /// Asked when a connection comes back, so that pools with `test_on_check_out(false)` give clean ones too.
    fn has_broken(&self, client: &mut Self::Connection) -> bool {
        #[cfg(unix)]
        client.get_mut().set_wait(crate::wait::default());
        !pg_core::pool::take_back(client, &self.resets, self.config.settings().deadline())
    }
}
