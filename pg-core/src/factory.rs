//! Sessions of one's own: what a connection is wrapped in as soon as it is logged in.

use crate::config::settings::Settings;
use crate::config::{Config, Connector};
use crate::observe::{Observed, Observer};
use crate::session::Session;

/// What makes a session of one's own out of each connection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no sessions",
    note = "`pg_blocking::Config` and `pg_async::Config` have `connect_with` and `connect_observed`"
)]
pub trait Factory: Connector {
    /// What a factory is given: a session that is logged in.
    type Raw: Session;
    /// What connecting gives: the result for a session of the factory's, or a future of one.
    type Made<T: Send + 'static>;

    /// Connects, and hands the session over.
    fn connect_with<T: Send + 'static>(
        settings: &Settings,
        make: impl FnOnce(Self::Raw) -> T + Send + 'static,
    ) -> Self::Made<T>;

    /// Connects, and has the session observed from the start.
    fn connect_observed<O: Observer + 'static>(
        settings: &Settings,
        observer: O,
    ) -> Self::Made<Observed<Self::Raw, O>>;
}

impl<C: Factory> Config<C> {
    /// Connects, and makes a session of one's own out of the connection: a decorator around it.
    ///
    /// pg-blocking gives it plain methods: `config.connect_with(|session| Counting::around(session))?.query(..)`
    pub fn connect_with<T: Send + 'static>(
        &self,
        make: impl FnOnce(C::Raw) -> T + Send + 'static,
    ) -> C::Made<T> {
        C::connect_with(self.settings(), make)
    }

    /// Connects, and has an observer told of it and of all that the session does.
    pub fn connect_observed<O: Observer + 'static>(&self, observer: O) -> C::Made<Observed<C::Raw, O>> {
        C::connect_observed(self.settings(), observer)
    }
}
