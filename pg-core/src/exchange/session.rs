//! What changes the session itself: the ends of transactions, preparing ahead, and a round trip that does nothing.

use super::prelude::{Needs, Wanted};
use super::{About, Exchange, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::{Message, Status};
use crate::protocol::conversation::Conversation;
use crate::protocol::statements::{InUse, StatementId};
use crate::protocol::transactions::Ending;
use crate::row::Column;
use crate::sqlstate::SqlState;
use crate::types::catalog::Catalog;
use postgres_types::Type;
use std::sync::Arc;

/// Opens a transaction, or a savepoint inside one. Nothing is sent: the command travels with the next statement.
#[derive(Debug)]
pub struct Begin {
    command: String,
    has_options: bool,
    depth: u32,
}

impl Begin {
    /// `command` is BEGIN with its options; a savepoint takes none.
    pub fn new(command: String, has_options: bool) -> Begin {
        Begin { command, has_options, depth: 0 }
    }
}

impl Exchange for Begin {
    type Output = u32;

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.depth = c.transactions.open(&self.command, self.has_options)?;
        Ok(())
    }

    fn finish(self, _: &mut Conversation) -> Result<u32> {
        Ok(self.depth)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Begin, sql: Some(&self.command), parameters: 0 }
    }
}

/// Ends the transaction or savepoint at a depth, keeping or undoing what it did.
#[derive(Debug)]
pub struct End {
    depth: u32,
    keep: bool,
    command: String,
    rolled_back: bool,
    /// COMMIT was carried out, or made a ROLLBACK.
    is_over: bool,
    error: Option<Error>,
    /// The command in place of one that failed, and left the transaction open, was sent.
    undoing: bool,
    /// It is to be sent if the transaction is open still: whatever kept the server from running the last one, such as a
    /// CancelRequest.
    again: bool,
}

impl End {
    /// COMMIT, or RELEASE of a savepoint.
    pub fn commit(depth: u32) -> End {
        let command = String::new();
        End {
            depth,
            keep: true,
            command,
            rolled_back: false,
            is_over: false,
            error: None,
            undoing: false,
            again: false,
        }
    }

    /// ROLLBACK, or ROLLBACK TO a savepoint.
    pub fn roll_back(depth: u32) -> End {
        End { keep: false, ..End::commit(depth) }
    }
}

impl End {
    /// Writes the command behind what was written, under the same Sync: it isn't run if that fails.
    pub(super) fn send_behind(&mut self, c: &mut Conversation) -> Result<()> {
        if let Ending::Command(command) = c.transactions.commit(self.depth)? {
            c.run_unnamed(&command)?;
            self.command = command;
        }
        Ok(())
    }

    /// Whether the server has refused it.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some()
    }
}

impl Exchange for End {
    type Output = ();

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if self.again {
            (self.again, self.undoing) = (false, true);
            self.command = c.transactions.undoing(self.depth);
            return c.query(&self.command);
        }
        let ending =
            if self.keep { c.transactions.commit(self.depth)? } else { c.transactions.roll_back(self.depth) };
        if let Ending::Command(command) = ending {
            c.query(&command)?;
            self.command = command;
        }
        Ok(())
    }

    fn on_message(&mut self, _: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            // The server answers COMMIT of a failed transaction with success and this tag.
            Message::CommandComplete(complete)
                if matches!(complete.tag(), "COMMIT" | "RELEASE" | "ROLLBACK") =>
            {
                self.rolled_back |= complete.tag() == "ROLLBACK";
                self.is_over = self.command == "COMMIT";
            }
            Message::CommandComplete(_) | Message::EmptyQueryResponse | Message::RowDescription(_) => {
                return Err(Error::protocol(
                    "the server answered the end of a transaction with something else",
                )
                .with_sql(&self.command));
            }
            Message::ErrorResponse(error) => {
                let cancelled = error.sqlstate == SqlState::QUERY_CANCELED;
                self.again = cancelled || !self.undoing;
                // An undoing is done again until it is done, so that nobody needs to hear of it.
                if self.keep || !cancelled {
                    self.error.get_or_insert(Error::from_server(*error).with_sql(&self.command));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.again && c.transactions.status() == Status::Failed
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        match self.error {
            Some(error) => Err(error),
            None if self.keep && self.rolled_back => Err(Error::new(
                ErrorKind::RolledBack,
                "nothing was committed: a statement of the transaction had failed, so it was rolled back",
            )
            .hint("return the error of the failed statement, or run what may fail in a nested transaction")),
            None => Ok(()),
        }
    }

    /// A server that ends the session between COMMIT and ReadyForQuery (or a link that does) undoes nothing.
    fn is_done(&self) -> bool {
        self.is_over && self.error.is_none()
    }

    /// A COMMIT that was on its way may have been carried out.
    fn lost(&self, error: Error) -> Error {
        // Only of these the server says that it was before COMMIT; a pooler in between may not know.
        let before = [SqlState::ADMIN_SHUTDOWN, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT];
        let before = error.sqlstate().is_some_and(|sqlstate| before.contains(&sqlstate));
        if self.keep && self.command == "COMMIT" && !before {
            return error.with_kind(ErrorKind::CommitUnknown).within(
                "the connection was lost during COMMIT: the transaction may or may not have been committed",
            );
        }
        error
    }

    fn about(&self) -> About<'_> {
        let kind = if self.keep { Kind::Commit } else { Kind::Rollback };
        About { kind, sql: Some(&self.command), parameters: 0 }
    }
}

/// What the server says of a statement: its parameters and columns.
#[derive(Debug, Clone)]
pub struct Description {
    /// The types of `$1`, `$2` and so on, as the server inferred them.
    pub parameters: Vec<Type>,
    /// The columns; none for a statement that returns no rows.
    pub columns: Arc<[Column]>,
}

/// Prepares a statement without running it, and describes it. It stays in the cache.
#[derive(Debug)]
pub struct Prepare<'q> {
    sql: &'q str,
    statement: Option<StatementId>,
    _in_use: Option<InUse>,
    looked_up: bool,
    anew: bool,
}

impl<'q> Prepare<'q> {
    /// Prepares `sql`; the server infers all parameters' types.
    pub fn new(sql: &'q str) -> Prepare<'q> {
        Prepare { sql, statement: None, _in_use: None, looked_up: false, anew: false }
    }

    /// As [`Prepare::new`], whatever is known: nobody says when a column was altered.
    fn anew(sql: &'q str) -> Prepare<'q> {
        Prepare { anew: true, ..Prepare::new(sql) }
    }
}

impl Exchange for Prepare<'_> {
    type Output = Description;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if std::mem::take(&mut self.anew)
            && let Some(id) = c.statements.find_described(self.sql)
        {
            c.statements.close(id);
        }
        let known = self.statement.or_else(|| c.statements.find_described(self.sql));
        let described = known.and_then(|id| c.statements.get(id)).and_then(|statement| {
            let oids = statement.columns.as_ref()?.iter().map(|column| column.type_().oid());
            Some(oids.chain(statement.parameter_types.as_deref()?.iter().copied()).collect::<Vec<_>>())
        });
        if let Some(oids) = described {
            self.statement = known;
            let unknown: Vec<_> = oids.into_iter().filter(|oid| !c.catalog.knows(*oid)).collect();
            if unknown.is_empty() || self.looked_up {
                return Ok(None);
            }
            self.looked_up = true;
            return Ok(Some(Needs::Types(Wanted { oids: unknown, ..Wanted::default() })));
        }
        let id = c.statements.insert(self.sql, Vec::new(), 0, Vec::new());
        self.statement = Some(id);
        self._in_use = c.statements.take_up(id);
        Ok(Some(Needs::Description { statement: id, sql: self.sql.to_owned(), fields: &[] }))
    }

    fn finish(self, c: &mut Conversation) -> Result<Description> {
        let statement = self.statement.and_then(|id| c.statements.get(id));
        let Some((statement, columns)) = statement.and_then(|s| Some((s, s.columns.clone()?))) else {
            return Err(Error::protocol("the statement was not described").with_sql(self.sql));
        };
        let parameters =
            statement.parameter_types.iter().flatten().map(|oid| c.catalog.type_or_stand_in(*oid));
        let columns = columns.iter().map(|column| column.with_type(&c.catalog)).collect();
        Ok(Description { parameters: parameters.collect(), columns })
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Prepare, sql: Some(self.sql), parameters: 0 }
    }
}

/// Prepares a statement as the server sees it now, and makes something of its description: within the exchange, so that the
/// codecs of the call have their say.
pub(crate) struct Describe<'q, F> {
    prepare: Prepare<'q>,
    make: F,
}

impl<'q, F> Describe<'q, F> {
    pub(crate) fn new<T>(sql: &'q str, make: F) -> Describe<'q, F>
    where
        F: FnOnce(Description, &Catalog) -> Result<T> + Send,
    {
        Describe { prepare: Prepare::anew(sql), make }
    }
}

impl<T: Send, F: FnOnce(Description, &Catalog) -> Result<T> + Send> Exchange for Describe<'_, F> {
    type Output = T;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.prepare.prepare(c)
    }

    fn finish(self, c: &mut Conversation) -> Result<T> {
        let description = self.prepare.finish(c)?;
        (self.make)(description, &c.catalog)
    }

    fn about(&self) -> About<'_> {
        self.prepare.about()
    }
}

/// A round trip that does nothing: a Sync alone.
#[derive(Debug, Default)]
pub struct Ping {
    error: Option<Error>,
}

impl Exchange for Ping {
    type Output = ();

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        c.demand_sync();
        Ok(())
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        if let Message::ErrorResponse(error) = message {
            let error = c.server_error(*error, "");
            self.error.get_or_insert(error);
        }
        Ok(())
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Ping, sql: None, parameters: 0 }
    }
}
