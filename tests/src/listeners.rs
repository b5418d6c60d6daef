//! One body for the listeners of both clients, with a heartbeat that tests can wait for.

use crate::clients::block_on;
use pg_core::Result;
use pg_core::listener::Signal;
use std::future::Future;
use std::time::Duration;

/// What a listener is, in both clients.
#[allow(async_fn_in_trait, reason = "it is run by `run`, which asks for nothing more")]
pub trait Hears: Sized + 'static {
    /// Its client's name.
    const NAME: &'static str;

    /// Runs a body as its client is run.
    fn run<T>(body: impl Future<Output = T>) -> T;

    /// Connects with the times of [`TIMES`].
    async fn open(url: &str, channels: &[&str]) -> Self;

    /// The next signal, or the error.
    async fn next(&mut self) -> Result<Signal>;

    /// One more channel.
    async fn also(&mut self, channel: &str) -> Result<()>;

    /// One channel less.
    async fn no_longer(&mut self, channel: &str) -> Result<()>;

    /// The next signal.
    ///
    /// # Panics
    /// If there is an error.
    async fn hear(&mut self) -> Signal {
        self.next().await.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// How long a link may be silent, how long an answer may take, and how long a request to cancel.
pub const TIMES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(100)];

impl Hears for pg_blocking::Listener {
    const NAME: &'static str = "pg-blocking";

    fn run<T>(body: impl Future<Output = T>) -> T {
        pg_blocking::complete(body)
    }

    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_blocking::Config::new(url).map(|config| config.cancel_timeout(TIMES[2]));
        let listener = config.and_then(|config| pg_blocking::Listener::connect(&config, channels));
        listener.unwrap_or_else(|error| panic!("{error}")).heartbeat(TIMES[0], TIMES[1])
    }

    async fn next(&mut self) -> Result<Signal> {
        self.next()
    }

    async fn also(&mut self, channel: &str) -> Result<()> {
        self.listen(channel)
    }

    async fn no_longer(&mut self, channel: &str) -> Result<()> {
        self.unlisten(channel)
    }
}

impl Hears for pg_async::Listener {
    const NAME: &'static str = "pg-async";

    fn run<T>(body: impl Future<Output = T>) -> T {
        block_on(body)
    }

    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_async::Config::new(url).unwrap_or_else(|error| panic!("{error}"));
        let listener = pg_async::Listener::connect(&config.cancel_timeout(TIMES[2]), channels).await;
        listener.unwrap_or_else(|error| panic!("{error}")).heartbeat(TIMES[0], TIMES[1])
    }

    async fn next(&mut self) -> Result<Signal> {
        self.next().await
    }

    async fn also(&mut self, channel: &str) -> Result<()> {
        self.listen(channel).await
    }

    async fn no_longer(&mut self, channel: &str) -> Result<()> {
        self.unlisten(channel).await
    }
}
