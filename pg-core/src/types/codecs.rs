//! The table of what was registered at run time: which type by which name or number, for which Rust type, in which
//! form. The functions themselves are opaque here; [`run_time`](super::run_time) makes and calls them.

use crate::message::Format;
use postgres_types::Oid;
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which SQL types something is registered for: a name as SQL writes it, or OIDs.
///
/// A name is read as the server reads it: `point`, `shop.item`, `"Mixed Case"`, `timestamp with time zone`, `item[]`;
/// without a schema it is looked for in the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeKey(pub(super) Key);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Expression(Box<str>),
    Oids(Box<[Oid]>),
}

impl From<&str> for TypeKey {
    fn from(expression: &str) -> TypeKey {
        TypeKey(Key::Expression(expression.into()))
    }
}

impl From<Oid> for TypeKey {
    fn from(oid: Oid) -> TypeKey {
        TypeKey(Key::Oids(Box::new([oid])))
    }
}

impl From<&[Oid]> for TypeKey {
    fn from(oids: &[Oid]) -> TypeKey {
        TypeKey(Key::Oids(oids.into()))
    }
}

impl<const N: usize> From<[Oid; N]> for TypeKey {
    fn from(oids: [Oid; N]) -> TypeKey {
        TypeKey(Key::Oids(oids.into()))
    }
}

impl fmt::Display for TypeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::Expression(expression) => f.write_str(expression),
            Key::Oids(oids) => write!(f, "the type with OID {}", oids.first().copied().unwrap_or_default()),
        }
    }
}

/// A typecaster or an adapter that was registered at run time.
pub struct Registered {
    pub(super) types: TypeKey,
    /// The Rust type that a typecaster gives or an adapter takes.
    pub(super) rust: TypeId,
    pub(super) rust_name: &'static str,
    /// The form that it reads or writes; `None` where its parts decide.
    pub(super) format: Option<Format>,
    /// It wants to see NULL.
    pub(super) sees_null: bool,
    pub(super) function: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({} <-> {})", self.types, self.rust_name)
    }
}

/// Typecasters and adapters that were registered at run time. Cheap to clone; the last registered wins.
#[derive(Debug, Clone, Default)]
pub struct Codecs(Option<Arc<Table>>);

#[derive(Debug, Clone)]
struct Table {
    /// What names the table: plans that were made by one must not serve another.
    id: u64,
    typecasters: Vec<Arc<Registered>>,
    adapters: Vec<Arc<Registered>>,
}

impl Codecs {
    /// What names the table; 0 for the empty one.
    pub(crate) fn id(&self) -> u64 {
        self.0.as_ref().map_or(0, |table| table.id)
    }

    pub(super) fn with_typecaster(&self, typecaster: Registered) -> Codecs {
        let mut table = self.copy();
        table.typecasters.push(Arc::new(typecaster));
        Codecs(Some(Arc::new(table)))
    }

    pub(super) fn with_adapter(&self, adapter: Registered) -> Codecs {
        let mut table = self.copy();
        table.adapters.push(Arc::new(adapter));
        Codecs(Some(Arc::new(table)))
    }

    fn copy(&self) -> Table {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        match &self.0 {
            Some(table) => Table { id, ..(**table).clone() },
            None => Table { id, typecasters: Vec::new(), adapters: Vec::new() },
        }
    }

    /// The typecasters, the last registered first.
    pub(super) fn typecasters(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.0.iter().flat_map(|table| table.typecasters.iter().rev())
    }

    /// The adapters, the last registered first.
    pub(super) fn adapters(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.0.iter().flat_map(|table| table.adapters.iter().rev())
    }

    /// The names that a server must be asked for.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &str> {
        self.typecasters().chain(self.adapters()).filter_map(|registered| match &registered.types.0 {
            Key::Expression(expression) => Some(&**expression),
            Key::Oids(_) => None,
        })
    }
}
