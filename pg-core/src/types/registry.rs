//! The registry: what connections share about types. Derived types register themselves at first use; a registry is
//! only needed to prefetch them, and to let connections share one look-up of the catalog.

use super::adapter::Adapter;
use super::catalog::Catalog;
use super::codecs::{Codecs, TypeKey};
use super::expects::Expects;
use super::name::{NamedType, TypeName};
use super::run_time::{self, CodecContext, TypecasterFn, Written};
use super::typecaster::TypecasterOwned;
use super::via::Via;
use crate::error::Error;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Types and what the catalogs say of them, shared by all connections that were given a clone. One `Arc` clone.
///
/// What a name means is shared by all that see the same: by the server's system identifier, database and search path.
/// Connections that meet a type at the same moment each ask for it; none waits for another's answer. A copy of a server's
/// files that goes its own way (a snapshot brought up beside it) has its identifier too: give its connections a registry of
/// their own.
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
    expected: Vec<(TypeName, Expects)>,
    codecs: Codecs,
    /// Shared by the clones that are made of it too.
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where the last connection with a login was.
    places: HashMap<Scope, Arc<Place>>,
    catalogs: HashMap<Arc<Place>, Catalog>,
}

/// Where names are looked for: in one place a name means one type, whoever asks, on whatever way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The server's system identifier: two servers have two, a server and its standbys one.
    pub(crate) system: String,
    /// The database's OID: one that was dropped and made anew under its name is another.
    pub(crate) database: String,
    /// The schemas of the search path that exist, without those of temporary objects.
    pub(crate) path: String,
}

impl Place {
    pub(crate) fn is_same_database(&self, other: &Place) -> bool {
        (&self.system, &self.database) == (&other.system, &other.database)
    }
}

/// How a connection logged in: the next with the same most likely sees the same.
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

    /// Looks the type of `T` up together with the first type that is needed, whichever that is, and holds it to the
    /// server's in [`Registry::verify`].
    ///
    /// It overrides nothing: a value is read as the Rust type that is asked for, and several may stand for one SQL type.
    /// What dynamic values hold is for [`Registry::typecaster_from`] to say.
    #[must_use]
    pub fn with<T: Adapter + TypecasterOwned>(self) -> Registry {
        let mut inner = self.copy();
        inner.prefetch.extend(<T as Adapter>::TYPE.named());
        inner.expected.push((<T as Adapter>::TYPE, <T as Adapter>::EXPECTS));
        Registry(Arc::new(inner))
    }

    /// Registers a function that reads values of a SQL type, for Rust types that nobody can derive for.
    ///
    /// `types` is a name as SQL writes it (`"point"`, `"shop.item"`, `"item[]"`), one OID, or several OIDs. The function's first
    /// argument says what it reads: `&str` the text form, `&[u8]` the binary one, `Option` of either sees NULL too. Its
    /// second is the [`CodecContext`]: the SQL type and the session's settings. Its errors are decode errors that name
    /// the column. What it gives is read as [`Via<T>`](super::via::Via), alone, in arrays and in composites, and by
    /// dynamic values. The last one registered for a type wins; a domain without one of its own has its base type's.
    ///
    /// ```
    /// use pg_core::Registry;
    /// use pg_core::types::run_time::CodecContext;
    ///
    /// struct Celsius(f64);
    /// let registry = Registry::new()
    ///     .typecaster("celsius", |text: &str, _: &CodecContext<'_>| text.parse().map(Celsius))
    ///     .typecaster([25, 1043], |text: Option<&str>, _: &CodecContext<'_>| {
    ///         Ok::<_, pg_core::Error>(text.unwrap_or("nothing").len())
    ///     });
    /// ```
    #[must_use]
    pub fn typecaster<Kind>(self, types: impl Into<TypeKey>, function: impl TypecasterFn<Kind>) -> Registry {
        self.with_codecs(|codecs| codecs.with_typecaster(run_time::typecaster(types.into(), function)))
    }

    /// As [`Registry::typecaster`], with a function that is given a value which another typecaster has read: a composite's
    /// fields as a tuple or derived struct, a range, an array. In the form that this one reads.
    #[must_use]
    pub fn typecaster_from<I, T, E>(
        self,
        types: impl Into<TypeKey>,
        function: impl Fn(I, &CodecContext<'_>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Registry
    where
        I: TypecasterOwned,
        T: Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.with_codecs(|codecs| codecs.with_typecaster(run_time::typecaster_from(types.into(), function)))
    }

    /// Registers a typecaster for an array type (`"point[]"`, or its OID), whose elements are read as `T` by the typecaster
    /// that is registered for them: it gives a `Vec<Option<T>>`, `None` for NULL.
    ///
    /// Arrays come by themselves (`Vec<Via<T>>`, and dynamic values); this is for dynamic values that shall be a `Vec` of
    /// `T` as a whole.
    #[must_use]
    pub fn array_of<T: Send + Sync + 'static>(self, types: impl Into<TypeKey>) -> Registry {
        self.typecaster_from(types, |elements: Vec<Option<Via<T>>>, _: &CodecContext<'_>| {
            Ok::<_, Error>(elements.into_iter().map(|e| e.map(|Via(e)| e)).collect::<Vec<Option<T>>>())
        })
    }

    /// Registers a function that writes values of a Rust type which isn't yours as a SQL type: what
    /// [`via(&value)`](super::via::via) uses, as a parameter, an element or a field.
    ///
    /// `type_` is a name as SQL writes it, or an OID. What the function gives says what is sent: `String` the text form,
    /// `Vec<u8>` the binary one, `Option` of either NULL too, `Result` an error. The last one registered for a Rust type
    /// says which SQL type a parameter has; elements and fields take the one for their own type.
    #[must_use]
    pub fn adapter<T: 'static, W: Written>(
        self,
        type_: impl Into<TypeKey>,
        function: impl Fn(&T, &CodecContext<'_>) -> W + Send + Sync + 'static,
    ) -> Registry {
        self.with_codecs(|codecs| codecs.with_adapter(run_time::adapter(type_.into(), function)))
    }

    fn with_codecs(self, change: impl FnOnce(&Codecs) -> Codecs) -> Registry {
        Registry(Arc::new(Inner { codecs: change(&self.0.codecs), ..self.copy() }))
    }

    fn copy(&self) -> Inner {
        Inner {
            prefetch: self.0.prefetch.clone(),
            expected: self.0.expected.clone(),
            codecs: self.0.codecs.clone(),
            shared: self.0.shared.clone(),
        }
    }

    /// The types that were named, and what is expected of each.
    pub(crate) fn expected(&self) -> &[(TypeName, Expects)] {
        &self.0.expected
    }

    pub(crate) fn codecs(&self) -> &Codecs {
        &self.0.codecs
    }

    pub(crate) fn prefetch(&self) -> &[&'static NamedType] {
        &self.0.prefetch
    }

    /// Where the last connection with this login was.
    pub(crate) fn place(&self, scope: &Scope) -> Option<Arc<Place>> {
        self.lock().places.get(scope).cloned()
    }

    /// Notes where a connection with this login is.
    pub(crate) fn set_place(&self, scope: &Scope, place: &Arc<Place>) {
        let mut shared = self.lock();
        if shared.places.get(scope) != Some(place) {
            shared.places.insert(scope.clone(), place.clone());
        }
    }

    /// What all have learned in a place.
    pub(crate) fn catalog(&self, place: &Arc<Place>) -> Option<Catalog> {
        self.lock().catalogs.get(place).cloned()
    }

    /// Adds what a connection has just learned, and gives back what all have learned.
    pub(crate) fn publish(&self, place: &Arc<Place>, learned: &Catalog) -> Catalog {
        let mut shared = self.lock();
        let catalog = shared.catalogs.entry(place.clone()).or_default();
        catalog.merge(learned);
        catalog.clone()
    }

    /// Forgets what all have learned: a type has changed, and the next that needs one looks it up anew.
    pub(crate) fn forget(&self, place: &Arc<Place>) {
        self.lock().catalogs.remove(place);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        // Nothing in here panics half way, so a poisoned lock guards a whole map.
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
