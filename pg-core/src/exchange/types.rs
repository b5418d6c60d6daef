//! Asking the catalog by itself: for one type by name, and for all that a registry names.

use super::prelude::{Needs, Wanted};
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::protocol::conversation::Conversation;
use crate::types::catalog::Catalog;
use crate::types::name::NamedType;
use postgres_types::{Oid, Type};

/// Looks up a type by its name as SQL writes it.
#[derive(Debug)]
pub struct TypeByName<'n> {
    name: &'n str,
    asked: bool,
}

impl<'n> TypeByName<'n> {
    /// The type that SQL calls `name`.
    pub fn new(name: &'n str) -> TypeByName<'n> {
        TypeByName { name, asked: false }
    }
}

impl Exchange for TypeByName<'_> {
    type Output = Option<Type>;

    fn prepare(&mut self, _: &mut Conversation) -> Result<Option<Needs>> {
        if self.name.contains('\0') {
            return Err(
                Error::usage("a type's name contains a NUL character").hint("PostgreSQL text can't hold NUL")
            );
        }
        // Asked each time: whoever asks wants to know what is there now.
        Ok((!std::mem::replace(&mut self.asked, true))
            .then(|| Needs::Types(Wanted { expressions: vec![self.name.into()], ..Wanted::default() })))
    }

    fn finish(self, c: &mut Conversation) -> Result<Option<Type>> {
        Ok(c.catalog.type_called(self.name).flatten())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Types, sql: None, parameters: 0 }
    }
}

/// Looks types up by their OIDs, those that aren't known.
#[derive(Debug)]
pub struct TypesByOid {
    oids: Vec<Oid>,
}

impl TypesByOid {
    /// The types with these OIDs, and all that they are made of.
    pub fn new(oids: Vec<Oid>) -> TypesByOid {
        TypesByOid { oids }
    }
}

impl Exchange for TypesByOid {
    type Output = Catalog;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        let mut oids = std::mem::take(&mut self.oids);
        oids.retain(|oid| !c.catalog.knows(*oid));
        Ok((!oids.is_empty()).then(|| Needs::Types(Wanted { oids, ..Wanted::default() })))
    }

    fn finish(self, c: &mut Conversation) -> Result<Catalog> {
        Ok(c.catalog.clone())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Types, sql: None, parameters: 0 }
    }
}

/// Forgets all types, on the connection and in its registry, and looks these up anew.
#[derive(Debug)]
pub struct Refresh {
    names: Vec<&'static NamedType>,
    asked: bool,
}

impl Refresh {
    /// Looks up `names`, and what the connection's registry names.
    pub fn new(names: Vec<&'static NamedType>) -> Refresh {
        Refresh { names, asked: false }
    }
}

impl Exchange for Refresh {
    type Output = Catalog;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if std::mem::replace(&mut self.asked, true) {
            return Ok(None);
        }
        c.forget_types();
        let wanted =
            Wanted { also: self.names.clone(), expressions: c.catalog.expressions(), ..Wanted::default() };
        let nothing =
            wanted.also.is_empty() && wanted.expressions.is_empty() && c.registry.prefetch().is_empty();
        Ok((!nothing).then_some(Needs::Types(wanted)))
    }

    fn finish(self, c: &mut Conversation) -> Result<Catalog> {
        Ok(c.catalog.clone())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Types, sql: None, parameters: 0 }
    }
}
