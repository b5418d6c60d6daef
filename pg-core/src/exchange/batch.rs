//! Several statements in one string, by the simple protocol: no parameters, no rows.

use super::prelude::Needs;
use super::{About, Exchange, Kind, text};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::protocol::conversation::Conversation;

/// Runs all statements of a string. Outside a transaction they are one: the first that fails undoes those before it.
#[derive(Debug)]
pub struct Batch<'q> {
    sql: &'q str,
    error: Option<Error>,
}

impl<'q> Batch<'q> {
    /// Runs `sql`.
    pub fn new(sql: &'q str) -> Batch<'q> {
        Batch { sql, error: None }
    }
}

impl Exchange for Batch<'_> {
    type Output = ();

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        // With its own Sync a failed BEGIN would let the batch commit by itself: its answer comes first.
        Ok(c.transactions.has_pending().then_some(Needs::Begin))
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        c.transactions.check()?;
        c.query(self.sql)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            Message::ErrorResponse(error) => {
                self.error.get_or_insert(Error::from_server(*error).with_sql(self.sql));
            }
            Message::CopyInResponse | Message::CopyOutResponse | Message::CopyBothResponse => {
                self.error.get_or_insert_with(|| {
                    Error::usage("the batch contains a COPY, which has a stream of its own")
                        .with_sql(self.sql)
                });
                c.refuse_copy()?;
            }
            Message::EmptyQueryResponse => text::check_empty(self.sql)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Batch, sql: Some(self.sql), parameters: 0 }
    }
}
