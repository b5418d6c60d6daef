//! A statement with parameters, by the extended protocol: Parse if it isn't prepared, Bind, Execute.
//!
//! The first run asks for the columns along the way; from then on the plan is kept in the statement, and a run is
//! one write and one read.

use super::collect::Collect;
use super::held::Held;
use super::prelude::Needs;
use super::statement::Statement;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::{DataRow, Message};
use crate::params::Params;
use crate::protocol::conversation::Conversation;

/// A statement being run: see the module.
#[derive(Debug)]
pub struct Request<'q, P, C> {
    pub(super) core: Statement<'q>,
    params: P,
    collect: C,
}

impl<'q, P: Params, C: Collect> Request<'q, P, C> {
    /// Runs `sql` with `params`, and gives the rows to `collect`.
    #[inline]
    pub fn new(sql: &'q str, params: P, collect: C) -> Request<'q, P, C> {
        Request { core: Statement::new(sql, C::SHAPE, &params).keeping(C::KEEPS), params, collect }
    }
}

impl<P: Params, C: Collect> Exchange for Request<'_, P, C> {
    type Output = C::Output;

    #[inline]
    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if let Some(held) = &mut self.core.held {
            return Ok(held.needs(c));
        }
        self.core.prepare(c, &self.params)
    }

    #[inline]
    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if let Some(held) = self.core.held.take() {
            return self.read_held(c, *held);
        }
        self.core.send(c, &self.params)
    }

    #[inline]
    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            Message::DataRow(row) => take_row(&mut self.core, &mut self.collect, c, row),
            message => self.core.on_message(c, message),
        }
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.waits_for_types() || (self.core.may_retry(c) && self.collect.reset() && self.core.wants_retry(c))
    }

    #[inline]
    fn finish(self, _: &mut Conversation) -> Result<C::Output> {
        match self.core.error {
            Some(error) => Err(error),
            None if self.core.held.is_some() => Err(self.core.never_read()),
            None => match self.collect.finish(self.core.affected) {
                Ok(output) => Ok(output),
                Err(error) => Err(self.core.explain_count(error)),
            },
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Query, sql: Some(self.core.sql), parameters: self.params.count() }
    }
}

/// Gives a row of a statement to whoever collects them, until one can't be read.
#[inline(always)]
pub(super) fn take_row(
    core: &mut Statement<'_>,
    collect: &mut impl Collect,
    c: &mut Conversation,
    row: DataRow<'_>,
) -> Result<()> {
    if core.error.is_none()
        && let Some(reading) = &core.reading
    {
        c.context.scratch.clear();
        if let Err(error) = collect.row(&reading.plan, row, &c.context) {
            if error.is_type_altered() {
                c.forget_types();
            }
            // A value that can't be read is this statement's affair, a row that is malformed everybody's.
            reading.plan.check(row).map_err(|e| e.with_sql(core.sql))?;
            core.error = Some(error.with_sql(core.sql));
        }
    } else if let Some(held) = &mut core.held {
        held.push(row).map_err(|e| e.with_sql(core.sql))?;
    }
    Ok(())
}

impl<P: Params, C: Collect> Request<'_, P, C> {
    /// Reads the rows that waited for their types.
    #[cold]
    fn read_held(&mut self, c: &mut Conversation, held: Held) -> Result<()> {
        let (columns, rows) = held.release(c);
        if let Err(error) = self.core.described(c, columns) {
            self.core.misread(c, error);
        }
        let Request { core, collect, .. } = self;
        rows.iter().try_for_each(|row| take_row(core, collect, c, DataRow::new(row)?))
    }

    /// Whether rows came whose types must be looked up before they can be read.
    pub(super) fn waits_for_types(&self) -> bool {
        self.core.held.is_some() && self.core.error.is_none()
    }

    /// What it failed with so far.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.core.error.take()
    }

    /// Whether it failed for what a second run heals, and nothing of it was kept.
    pub(super) fn is_healed_by_another_run(&self, c: &Conversation) -> bool {
        self.core.may_retry(c)
    }

    /// Whether the server has refused it.
    pub(super) fn has_failed(&self) -> bool {
        !self.core.complete
    }

    /// Whether a second run would do nothing twice.
    pub(super) fn may_rewind(&self) -> bool {
        self.core.may_rewind()
    }

    /// Makes it ready to be run once more; false if rows were given away that can't be taken back.
    pub(super) fn rewind(&mut self) -> bool {
        let may = self.collect.reset();
        if may {
            self.core.rewind();
        }
        may
    }
}
