//! Rows of types that the catalog didn't know when they came. They are kept as they came, the catalog is asked once the
//! statement is complete, and then they are read: nothing is run twice.

use super::planning::unknown;
use super::prelude::Needs;
use crate::error::Result;
use crate::message::backend::DataRow;
use crate::protocol::conversation::Conversation;
use crate::row::{Column, check};
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    columns: Arc<[Column]>,
    rows: Vec<Box<[u8]>>,
    asked: bool,
}

impl Held {
    /// No rows yet, of these columns.
    pub(super) fn of(columns: Arc<[Column]>) -> Held {
        Held { columns, rows: Vec::new(), asked: false }
    }

    /// Keeps a row.
    ///
    /// # Errors
    /// A row that isn't as it was described: nothing more is believed of whoever sent it.
    pub(super) fn push(&mut self, row: DataRow<'_>) -> Result<()> {
        check(row, self.columns.len())?;
        // The body of its message, as it came.
        let body = [&row.columns().to_be_bytes(), row.values().rest()].concat();
        self.rows.push(body.into());
        Ok(())
    }

    /// What the catalog must tell: asked for once.
    pub(super) fn needs(&mut self, c: &mut Conversation) -> Option<Needs> {
        if std::mem::replace(&mut self.asked, true) {
            return None;
        }
        c.adopt_types();
        unknown(&c.catalog, &self.columns)
    }

    /// The columns with the types that are known by now, and the rows.
    pub(super) fn release(self, c: &Conversation) -> (Arc<[Column]>, Vec<Box<[u8]>>) {
        (self.columns.iter().map(|column| column.with_type(&c.catalog)).collect(), self.rows)
    }
}
