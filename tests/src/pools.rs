//! One body for each crate that pools.

use pg_core::Session;
use std::fmt::Display;
use std::future::Future;
use std::ops::DerefMut;
use std::time::Duration;

/// A pool, whichever crate pools.
pub trait Lends: Send + Sync + 'static {
    /// A connection that is lent.
    type Lent<'p>: DerefMut<Target: Session + Send> + Send
    where
        Self: 'p;

    /// Lends a connection, or says why it can't.
    fn try_lend(&self) -> impl Future<Output = Result<Self::Lent<'_>, String>> + Send;

    /// How many connections it has, lent and not.
    fn size(&self) -> u32;

    /// Lets time pass.
    fn pause(time: Duration) -> impl Future<Output = ()> + Send;

    /// Lends a connection.
    ///
    /// # Panics
    /// If it can't.
    fn lend(&self) -> impl Future<Output = Self::Lent<'_>> + Send {
        async { self.try_lend().await.unwrap_or_else(|error| panic!("{error}")) }
    }
}

fn told(error: impl Display) -> String {
    error.to_string()
}

impl Lends for deadpool::managed::Pool<pg_async::pool::Manager> {
    type Lent<'p> = deadpool::managed::Object<pg_async::pool::Manager>;

    async fn try_lend(&self) -> Result<Self::Lent<'_>, String> {
        self.get().await.map_err(told)
    }

    fn size(&self) -> u32 {
        u32::try_from(self.status().size).unwrap_or(u32::MAX)
    }

    async fn pause(time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Lends for bb8::Pool<pg_async::pool::Manager> {
    type Lent<'p> = bb8::PooledConnection<'p, pg_async::pool::Manager>;

    async fn try_lend(&self) -> Result<Self::Lent<'_>, String> {
        self.get().await.map_err(told)
    }

    fn size(&self) -> u32 {
        self.state().connections
    }

    async fn pause(time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl Lends for r2d2::Pool<pg_blocking::pool::Manager> {
    type Lent<'p> = r2d2::PooledConnection<pg_blocking::pool::Manager>;

    async fn try_lend(&self) -> Result<Self::Lent<'_>, String> {
        self.get().map_err(told)
    }

    fn size(&self) -> u32 {
        self.state().connections
    }

    async fn pause(time: Duration) {
        std::thread::sleep(time);
    }
}
