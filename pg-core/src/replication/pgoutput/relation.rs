//! Tables as the stream describes them.

use crate::error::Result;
use crate::wire::reader::Reader;
use std::collections::HashMap;
use std::sync::Arc;

/// A table, as it was when the changes that follow were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// What is told of rows that were.
    pub identity: Identity,
    /// Its columns; those that aren't published are left out.
    pub columns: Arc<[RelationColumn]>,
}

/// A table's `REPLICA IDENTITY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The primary key.
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// A unique index.
    Index,
    /// A letter that isn't known here.
    Other(u8),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationColumn {
    /// It is part of the replica identity.
    pub is_key: bool,
    /// Its name.
    pub name: Box<str>,
    /// Its type's OID.
    pub type_oid: u32,
    /// The type's modifier; -1 for none.
    pub type_modifier: i32,
}

impl Relation {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Relation> {
        let (oid, schema, name) = (r.u32()?, r.c_str()?, r.c_str()?);
        let identity = match r.u8()? {
            b'd' => Identity::Default,
            b'n' => Identity::Nothing,
            b'f' => Identity::Full,
            b'i' => Identity::Index,
            other => Identity::Other(other),
        };
        let count = r.u16()?;
        // Each takes ten bytes at least, so that a count that lies costs no memory.
        let mut columns = Vec::with_capacity(usize::from(count).min(r.rest().len() / 10));
        for _ in 0..count {
            columns.push(RelationColumn {
                is_key: r.u8()? & 1 != 0,
                name: r.c_str()?.into(),
                type_oid: r.u32()?,
                type_modifier: r.i32()?,
            });
        }
        let schema = if schema.is_empty() { "pg_catalog" } else { schema };
        Ok(Relation { oid, schema: schema.into(), name: name.into(), identity, columns: columns.into() })
    }
}

/// The tables that were described, by OID.
#[derive(Debug, Clone, Default)]
pub struct Relations(HashMap<u32, Arc<Relation>>);

impl Relations {
    /// The table with this OID, as it was described last.
    pub fn get(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.0.get(&oid)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.0.values()
    }

    pub(super) fn keep(&mut self, relation: Relation) {
        // Plans are kept by the description: the same one again leaves them.
        if self.0.get(&relation.oid).is_none_or(|known| **known != relation) {
            self.0.insert(relation.oid, Arc::new(relation));
        }
    }
}
