//! Factories and observers of this crate's connections, and the clock that they are timed by.

use crate::client::{Client, Raw};
use crate::connect::Connect;
use pg_core::blocking::Blocking;
use pg_core::config::Connector;
use pg_core::config::settings::Settings;
use pg_core::error::Result;
use pg_core::factory::Factory;
use pg_core::observe::{Event, Observed, Observer};
use pg_core::session::Session;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The time since this was first asked.
pub(crate) fn clock() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Has an observer told of all that a session does: [`pg_core::observe`].
pub fn observe<S: Session, O: Observer>(session: S, observer: O) -> Blocking<Observed<S, O>> {
    Blocking::new(Observed::new(session, observer, clock))
}

impl Factory for Connect {
    type Raw = Raw;
    type Made<T: Send + 'static> = Result<Blocking<T>>;

    fn connect_with<T: Send + 'static>(
        settings: &Settings,
        make: impl FnOnce(Raw) -> T + Send + 'static,
    ) -> Result<Blocking<T>> {
        Connect::connect(settings).map(|client| Blocking::new(make(client.into_inner())))
    }

    fn connect_observed<O: Observer + 'static>(
        settings: &Settings,
        mut observer: O,
    ) -> Result<Blocking<Observed<Raw, O>>> {
        let start = clock();
        let connected = Connect::connect(settings).map(Client::into_inner);
        let took = clock().saturating_sub(start);
        observer.observe(&Event::Connected { took, error: connected.as_ref().err() });
        Ok(Blocking::new(Observed::new(connected?, observer, clock)))
    }
}
