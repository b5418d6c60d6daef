//! A registry's types against a live schema: what has drifted, and taking over what has changed.

use crate::error::Result;
use crate::exchange::types::Refresh;
use crate::session::Session;
use crate::types::expects::{self, Drift};
use crate::types::registry::Registry;

impl Registry {
    /// Looks up all types that were given to [`Registry::with`] and compares them with what the Rust types expect: enum
    /// labels on either side, attributes and their types, domains' base types, missing types, and types inside. Each
    /// difference is one [`Drift`], in words; an empty list says that all is well.
    ///
    /// One round trip. Run it in a test or at start-up: what a connection only finds out when a value comes (a label
    /// without a variant) or never (an attribute that was renamed and another given its name) is found here. It is also a
    /// [`refresh`](Registry::refresh) of this session.
    ///
    /// ```no_run
    /// # async fn example<S: pg_core::Session>(client: &mut S, registry: pg_core::Registry) -> pg_core::Result<()> {
    /// for drift in registry.verify(client).await? {
    ///     eprintln!("{drift}"); // mood: the Rust type has no variant for the label "angry"
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The look-up failed; a drift is none.
    pub async fn verify<S: Session>(&self, session: &mut S) -> Result<Vec<Drift>> {
        let catalog = session.run(self.look_up()).await?;
        let mut drifts = Vec::new();
        for (name, expected) in self.expected() {
            expects::compare(*name, expected, &catalog, &mut drifts);
        }
        Ok(drifts)
    }

    /// Makes a session and this registry take over what has changed on the server: types are looked up and statements
    /// planned anew. For what the wire doesn't show: a renamed attribute, a changed label.
    ///
    /// New connections see it; those that are open already keep what they know until they are refreshed too, or until
    /// an error shows that it is wrong.
    ///
    /// # Errors
    /// The look-up failed.
    pub async fn refresh<S: Session>(&self, session: &mut S) -> Result<()> {
        session.run(self.look_up()).await.map(drop)
    }

    fn look_up(&self) -> Refresh {
        let mut names = Vec::new();
        self.expected().iter().for_each(|(name, expected)| expects::names(*name, expected, &mut names));
        Refresh::new(names)
    }
}
