//! With whom a connection shares what it learns of the server's types, and when.
//!
//! A name means a type in a [`Place`]: a database of a server, and a search path. The server tells its place with each
//! look-up; until then, a connection believes that it is where the last one with its login was. What may have moved it
//! (SET, RESET, CREATE or DROP SCHEMA, by their tags; before PostgreSQL 18 no other sign is reported) makes it forget
//! what it looked for in the path, and ask anew. What it learns inside a transaction is its own until COMMIT.

use super::statements::Statements;
use crate::message::backend::Status;
use crate::types::catalog::Catalog;
use crate::types::registry::{Place, Registry, Scope};
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sharing {
    scope: Scope,
    /// As the server told last, or as it told the last connection with this login.
    place: Option<Arc<Place>>,
    /// The search path may not be the login's any more.
    strayed: bool,
    /// What was learned in the transaction that is open.
    private: Option<Catalog>,
    /// The search path may have been changed in it.
    moved_inside: bool,
    /// The search path as the server reports it, from PostgreSQL 18 on.
    reported: Option<String>,
}

impl Sharing {
    pub(crate) fn new(scope: Scope) -> Sharing {
        Sharing { scope, place: None, strayed: false, private: None, moved_inside: false, reported: None }
    }

    /// Takes over what the connections in the same place have learned since.
    pub(crate) fn adopt(&mut self, registry: &Registry, catalog: &mut Catalog) {
        if self.place.is_none() && !self.strayed {
            self.place = registry.place(&self.scope);
        }
        if let Some(shared) = self.place.as_ref().and_then(|place| registry.catalog(place)) {
            catalog.adopt(&shared);
        }
    }

    /// Takes what the server has told in a place: for the connection, and for all if no transaction is open.
    pub(crate) fn learn(
        &mut self,
        place: Place,
        learned: &Catalog,
        registry: &Registry,
        catalog: &mut Catalog,
        statements: &mut Statements,
        status: Status,
    ) {
        if let Some(before) = self.place.take_if(|before| **before != place) {
            // What was believed was wrong: the path of the login has changed, or another server answers.
            match before.is_same_database(&place) {
                true => catalog.forget_by_path(),
                false => catalog.clear(),
            }
            statements.close_all();
        }
        let place = self.place.get_or_insert_with(|| Arc::new(place)).clone();
        catalog.merge(learned);
        // Temporary types are this session's alone.
        let shared = learned.without_temporary();
        if status != Status::Idle {
            self.private.get_or_insert_default().merge(&shared);
            return;
        }
        if !self.strayed {
            registry.set_place(&self.scope, &place);
        }
        catalog.adopt(&registry.publish(&place, &shared));
    }

    /// Makes all forget what was learned in this place: a type has changed.
    pub(crate) fn forget(&mut self, registry: &Registry) {
        self.private = None;
        let place = self.place.clone().or_else(|| registry.place(&self.scope));
        if let Some(place) = place {
            registry.forget(&place);
        }
    }

    /// Whether the search path may not be the login's.
    pub(crate) fn has_strayed(&self) -> bool {
        self.strayed
    }

    /// Whether the end of a transaction, or a statement's, has to be heard of.
    #[inline]
    pub(crate) fn waits_for_the_end(&self) -> bool {
        self.moved_inside || self.private.is_some()
    }

    /// Takes the tag of a statement that was completed.
    #[cold]
    pub(crate) fn handle_tag(
        &mut self,
        tag: &[u8],
        registry: &Registry,
        catalog: &mut Catalog,
        statements: &mut Statements,
    ) {
        match tag {
            b"SET\0" | b"RESET\0" | b"CREATE SCHEMA\0" | b"DROP SCHEMA\0" | b"ALTER SCHEMA\0" => {
                self.moved_inside = true;
                self.move_away(catalog, statements);
            }
            b"DISCARD ALL\0" => {
                self.strayed = true;
                self.turn_back(true, registry, catalog, statements);
            }
            b"COMMIT\0" => {
                if let (Some(private), Some(place)) = (self.private.take(), &self.place) {
                    registry.publish(place, &private);
                }
            }
            // ROLLBACK TO too: what is forgotten in vain is asked again.
            b"ROLLBACK\0" | b"PREPARE TRANSACTION\0" => {
                self.undo(registry, catalog, statements);
                if self.moved_inside {
                    self.move_away(catalog, statements);
                }
            }
            _ => {}
        }
    }

    /// No transaction is open any more.
    #[cold]
    pub(crate) fn handle_end(
        &mut self,
        registry: &Registry,
        catalog: &mut Catalog,
        statements: &mut Statements,
    ) {
        // Without the tag of a COMMIT it was none.
        self.undo(registry, catalog, statements);
        if std::mem::take(&mut self.moved_inside) {
            // SET LOCAL is over, and a SET that was rolled back too.
            self.move_away(catalog, statements);
        }
    }

    /// The server reports its search path: at login, and whenever it has changed, for whatever reason.
    pub(crate) fn handle_path(&mut self, path: &str, catalog: &mut Catalog, statements: &mut Statements) {
        match &self.reported {
            Some(reported) if reported == path => return,
            Some(_) => self.move_away(catalog, statements),
            None => self.scope.options.push_str(path),
        }
        self.reported = Some(path.to_owned());
    }

    /// If the search path isn't the login's, it will be another for all that travels from now on: the login's, if it is
    /// said to be restored.
    #[cold]
    pub(crate) fn turn_back(
        &mut self,
        is_restored: bool,
        registry: &Registry,
        catalog: &mut Catalog,
        statements: &mut Statements,
    ) {
        self.undo(registry, catalog, statements);
        if std::mem::take(&mut self.moved_inside) || self.strayed {
            self.move_away(catalog, statements);
            if is_restored {
                self.strayed = false;
                self.adopt(registry, catalog);
            }
        }
    }

    /// The server reports the path to which it was told to return.
    pub(crate) fn handle_known_path(&mut self, path: &str) {
        self.reported = Some(path.to_owned());
    }

    fn undo(&mut self, registry: &Registry, catalog: &mut Catalog, statements: &mut Statements) {
        if self.private.take().is_some() {
            catalog.clear();
            statements.close_all();
            self.adopt(registry, catalog);
        }
    }

    fn move_away(&mut self, catalog: &mut Catalog, statements: &mut Statements) {
        self.strayed = true;
        self.place = None;
        if let Some(private) = &mut self.private {
            private.forget_by_path();
        }
        catalog.forget_by_path();
        statements.close_by_path();
    }
}
