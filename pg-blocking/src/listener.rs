//! A listener that outlives its connection, with plain methods: see [`pg_core::listener`].

use crate::client::Client;
use crate::connect::Connect;
use pg_core::blocking::complete;
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
            Some(_) => self.0.connect(),
            None => self.0.clone().connect_timeout(limit).connect(),
        }
    }

    #[cfg(unix)]
    async fn pause(&mut self, time: Duration) -> Result<()> {
        crate::wait::pause(crate::wait::default().as_deref(), time)
    }

    #[cfg(not(unix))]
    async fn pause(&mut self, time: Duration) -> Result<()> {
        std::thread::sleep(time);
        Ok(())
    }

    fn now(&self) -> Duration {
        crate::observe::clock()
    }
}

/// Listens to channels over as many connections as it takes: see [`pg_core::listener`].
///
/// It waits as the [process's default](crate::wait::set_default) says, between two connections too: an interrupt ends the
/// call, and the next goes on.
///
/// ```no_run
/// use pg_blocking::pg_core::listener::Signal;
/// use pg_blocking::{Config, Listener};
///
/// let mut listener = Listener::connect(&Config::new("postgres://app@localhost/shop")?, &["orders"])?;
/// loop {
///     match listener.next()? {
///         Signal::Notification(order) => println!("{}", order.payload),
///         Signal::Gap(why) => println!("some may be missing, read all orders anew: {why}"),
///         Signal::Lost(count) => println!("{count} are missing"),
///     }
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), pg_blocking::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener(listener::Listener<Dial>);

impl Listener {
    /// Connects, and listens to these channels.
    ///
    /// # Errors
    /// Those of connecting and of `listen`.
    pub fn connect(config: &Config<Connect>, channels: &[&str]) -> Result<Listener> {
        complete(listener::Listener::connect(Dial(config.clone()), channels)).map(Listener)
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
    pub fn listen(&mut self, channel: &str) -> Result<()> {
        complete(self.0.listen(channel))
    }

    /// [`listener::Listener::unlisten`]: one channel less.
    ///
    /// # Errors
    /// A name that can't be one.
    pub fn unlisten(&mut self, channel: &str) -> Result<()> {
        complete(self.0.unlisten(channel))
    }

    /// [`listener::Listener::next`]: waits for the next notification or gap.
    ///
    /// # Errors
    /// The server refuses the login, TLS fails, or waiting was interrupted.
    #[allow(clippy::should_implement_trait, reason = "it never ends, and tells errors that don't end it")]
    pub fn next(&mut self) -> Result<Signal> {
        complete(self.0.next())
    }
}
