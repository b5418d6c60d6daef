//! The registry: what connections share about types. Derived types register themselves at first use; a registry is
//! only needed to prefetch them, and to let connections share one look-up of the catalog.

use super::adapter::Adapter;
use super::catalog::Catalog;
use super::name::NamedType;
use super::typecaster::TypecasterOwned;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Types and what the catalogs say of them, shared by all connections that were given a clone. One `Arc` clone.
///
/// ```
/// use pg_core::{FromSql, Registry, ToSql};
///
/// #[derive(ToSql, FromSql)]
/// #[pg(name = "item", schema = "shop")]
/// struct Item { name: String, price: i64 }
///
/// let registry = Registry::new().with::<Item>(); // its catalog entry comes with the first look-up
/// ```
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    prefetch: Vec<&'static NamedType>,
    /// Shared by the clones that `with` makes too.
    catalogs: Arc<Mutex<HashMap<Scope, Catalog>>>,
}

/// Whose catalog it is: connections of one scope see the same types under the same names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// Where the server listens.
    pub endpoint: String,
    /// The database.
    pub database: String,
    /// The role, which may have a search path of its own.
    pub user: String,
    /// Start-up options, which may set a search path.
    pub options: String,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Looks the type of `T` up together with the first type that is needed, whichever that is.
    #[must_use]
    pub fn with<T: Adapter + TypecasterOwned>(self) -> Registry {
        let mut prefetch = self.0.prefetch.clone();
        prefetch.extend(<T as Adapter>::TYPE.named());
        Registry(Arc::new(Inner { prefetch, catalogs: self.0.catalogs.clone() }))
    }

    pub(crate) fn prefetch(&self) -> &[&'static NamedType] {
        &self.0.prefetch
    }

    pub(crate) fn catalog(&self, scope: &Scope) -> Catalog {
        self.lock().get(scope).cloned().unwrap_or_default()
    }

    /// Adds what a connection has just learned, and gives back what all have learned.
    pub(crate) fn publish(&self, scope: &Scope, learned: &Catalog) -> Catalog {
        let mut catalogs = self.lock();
        let shared = catalogs.entry(scope.clone()).or_default();
        shared.merge(learned);
        shared.clone()
    }

    /// Forgets what all have learned: a type has changed, and the next that needs one looks it up anew.
    pub(crate) fn forget(&self, scope: &Scope) {
        self.lock().remove(scope);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Scope, Catalog>> {
        // Nothing in here panics half way, so a poisoned lock guards a whole map.
        self.0.catalogs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
