//! Named cursors, over rows of shape a.

use super::super::language::{self, Shape, Value};
use super::Model;
use pg_core::Towards;

#[derive(Debug)]
pub(super) struct Cursor {
    number: u64,
    /// Where it stands: 0 is before the first row.
    at: u64,
    pub(super) hold: bool,
    /// Its transaction isn't committed yet.
    pub(super) is_new: bool,
    /// The how manieth it is.
    pub(super) born: u64,
}

impl Model {
    pub(super) fn declare(
        &mut self,
        name: &str,
        hold: bool,
        number: u64,
    ) -> Result<(), (&'static str, String)> {
        if !hold && self.status == b'I' {
            return Err(("25P01", "DECLARE CURSOR can only be used in transaction blocks".to_owned()));
        }
        if self.cursors.contains_key(name) {
            return Err(("42P03", format!("cursor {name:?} already exists")));
        }
        self.declared += 1;
        let cursor = Cursor { number, at: 0, hold, is_new: true, born: self.declared };
        self.cursors.insert(name.to_owned(), cursor);
        Ok(())
    }

    /// Moves a cursor, and gives the rows that lie on its way; `None` if there is no such cursor.
    pub(super) fn travel(&mut self, name: &str, towards: Towards) -> Option<Vec<Vec<Value>>> {
        let cursor = self.cursors.get_mut(name)?;
        let (rows, at) = language::travel(language::row_count(cursor.number), cursor.at, towards);
        cursor.at = at;
        let number = cursor.number;
        Some(rows.into_iter().map(|at| language::row(Shape::A, number, at, "")).collect())
    }

    /// Whether any cursor is open.
    pub(crate) fn has_cursors(&self) -> bool {
        !self.cursors.is_empty()
    }
}
