//! Factories and observers of this crate's connections, and the clock that they are timed by.

use crate::client::Client;
use crate::connect::Connect;
use pg_core::config::Connector;
use pg_core::config::settings::Settings;
use pg_core::error::Result;
use pg_core::factory::Factory;
use pg_core::observe::{Event, Observed, Observer};
use pg_core::session::Session;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The time since this was first asked.
pub(crate) fn clock() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Has an observer told of all that a session does: [`pg_core::observe`].
pub fn observe<S: Session, O: Observer>(session: S, observer: O) -> Observed<S, O> {
    Observed::new(session, observer, clock)
}

impl Factory for Connect {
    type Raw = Client;
    type Made<T: Send + 'static> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn connect_with<T: Send + 'static>(
        settings: &Settings,
        make: impl FnOnce(Client) -> T + Send + 'static,
    ) -> Self::Made<T> {
        let connecting = Connect::connect(settings);
        Box::pin(async move { connecting.await.map(make) })
    }

    fn connect_observed<O: Observer + 'static>(
        settings: &Settings,
        mut observer: O,
    ) -> Self::Made<Observed<Client, O>> {
        let connecting = Connect::connect(settings);
        Box::pin(async move {
            let start = clock();
            let connected = connecting.await;
            let took = clock().saturating_sub(start);
            observer.observe(&Event::Connected { took, error: connected.as_ref().err() });
            Ok(Observed::new(connected?, observer, clock))
        })
    }
}
