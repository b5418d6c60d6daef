//! A listener that outlives its connection: see [`pg_core::listener`].

use crate::client::Client;
use crate::connect::Connect;
use crate::runtime::{self, Instant};
use pg_core::config::Config;
use pg_core::error::{Error, Result};
use pg_core::listener::{self, Redial, Signal};
use std::time::Duration;

/// Connects as a configuration says.
#[derive(Debug, Clone)]
pub(crate) struct Dial(Config<Connect>);

impl Redial for Dial {
    type Session = Client;

    async fn connect(&mut self, limit: Duration) -> Result<Client> {
        match self.0.settings().connect_timeout() {
            Some(_) => self.0.connect().await,
            None => self.0.clone().connect_timeout(limit).connect().await,
        }
    }

    async fn pause(&mut self, time: Duration) -> Result<()> {
        runtime::before(Instant::now().checked_add(time), std::future::pending::<()>()).await;
        Ok(())
    }

    fn now(&self) -> Duration {
        crate::observe::clock()
    }
}

/// Listens to channels over as many connections as it takes: see [`pg_core::listener`].
///
/// ```no_run
/// use pg_async::pg_core::listener::Signal;
/// use pg_async::{Config, Listener};
///
/// # async fn show() -> Result<(), pg_async::Error> {
/// let mut listener = Listener::connect(&Config::new("postgres://app@localhost/shop")?, &["orders"]).await?;
/// loop {
///     match listener.next().await? {
///         Signal::Notification(order) => println!("{}", order.payload),
///         Signal::Gap(why) => println!("some may be missing, read all orders anew: {why}"),
///         Signal::Lost(count) => println!("{count} are missing"),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Listener(listener::Listener<Dial>);

impl Listener {
    /// Connects, and listens to these channels.
    ///
    /// # Errors
    /// Those of connecting and of `listen`.
    pub async fn connect(config: &Config<Connect>, channels: &[&str]) -> Result<Listener> {
        listener::Listener::connect(Dial(config.clone()), channels).await.map(Listener)
    }

    /// [`listener::Listener::heartbeat`]: finds links whose other end is gone.
    #[must_use]
    pub fn heartbeat(self, every: Duration, patience: Duration) -> Listener {
        Listener(self.0.heartbeat(every, patience))
    }

    /// [`listener::Listener::failure`]: why it isn't connected at present.
    pub fn failure(&self) -> Option<&Error> {
        self.0.failure()
    }

    /// [`listener::Listener::listen`]: one more channel.
    ///
    /// # Errors
    /// A name that can't be one.
    pub async fn listen(&mut self, channel: &str) -> Result<()> {
        self.0.listen(channel).await
    }

    /// [`listener::Listener::unlisten`]: one channel less.
    ///
    /// # Errors
    /// A name that can't be one.
    pub async fn unlisten(&mut self, channel: &str) -> Result<()> {
        self.0.unlisten(channel).await
    }

    /// [`listener::Listener::next`]: waits for the next notification or gap. Safe to drop: the next call goes
    /// on with what was under way.
    ///
    /// # Errors
    /// The server refuses the login, or TLS fails.
    pub async fn next(&mut self) -> Result<Signal> {
        self.0.next().await
    }
}
