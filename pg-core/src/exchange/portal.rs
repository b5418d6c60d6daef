//! Portals: a statement that was given its parameters, and hands out its rows part by part. In between other statements
//! may run, since the server keeps what is left. Manual: "Extended Query", Bind and Execute.

use super::collect::All;
use super::prelude::Needs;
use super::query::Request;
use super::statement::Statement;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::{Message, Status};
use crate::params::Params;
use crate::protocol::conversation::Conversation;
use crate::protocol::statements::Reading;
use crate::row::{Column, FromRow, FromRowOwned};
use std::marker::PhantomData;
use std::sync::Arc;

/// Rows of type `T` that wait on the server: [`Session::fetch_portal`](crate::session::Session::fetch_portal) gives some of
/// them.
///
/// It borrows nothing, so that there may be several, and other statements run between two parts. It lives as long as the
/// transaction, or savepoint, that it was opened in.
///
/// # Drop
/// It is closed on the server with the next statement, at the end of its transaction at the latest.
#[derive(Debug)]
pub struct Portal<T> {
    name: Box<str>,
    sql: Box<str>,
    reading: Option<Arc<Reading>>,
    is_complete: bool,
    /// Whoever has this holds the portal.
    holder: Arc<()>,
    rows: PhantomData<fn() -> T>,
}

impl<T> Portal<T> {
    /// The columns; empty for a statement that returns no rows.
    pub fn columns(&self) -> &[Column] {
        self.reading.as_ref().map_or(&[], |reading| reading.plan.columns())
    }

    /// Whether all rows were given: the statement has run to its end.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Its name on the server, for `where current of`; it needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Opens a portal: Bind without Execute.
#[derive(Debug)]
pub struct OpenPortal<'q, P, T> {
    core: Statement<'q>,
    params: P,
    name: &'q str,
    rows: PhantomData<fn() -> T>,
}

impl<'q, P: Params, T: FromRowOwned> OpenPortal<'q, P, T> {
    /// Gives `sql` its `params` in a portal of this name; rows are planned for `T`.
    pub fn new(sql: &'q str, params: P, name: &'q str) -> OpenPortal<'q, P, T> {
        let mut core = Statement::new(sql, <T as FromRow<'static>>::SHAPE, &params);
        core.portal = name;
        OpenPortal { core, params, name, rows: PhantomData }
    }
}

impl<P: Params, T: FromRowOwned> Exchange for OpenPortal<'_, P, T> {
    type Output = Portal<T>;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        if c.transactions.depth() == 0 && c.transactions.status() == Status::Idle {
            return Err(Error::usage("a portal lives in a transaction, and none is open")
                .hint("begin() one and open it there; a cursor with hold(true) outlives its transaction")
                .with_sql(self.core.sql));
        }
        self.core.prepare(c, &self.params)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        self.core.send(c, &self.params)
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.core.on_message(c, message)
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        self.core.wants_retry(c)
    }

    fn finish(self, c: &mut Conversation) -> Result<Portal<T>> {
        if let Some(error) = self.core.error {
            return Err(error);
        }
        Ok(Portal {
            name: self.name.into(),
            sql: self.core.sql.into(),
            reading: self.core.reading,
            is_complete: false,
            holder: c.hold_portal(self.name),
            rows: PhantomData,
        })
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Portal, sql: Some(self.core.sql), parameters: self.params.count() }
    }
}

/// Some of a portal's rows.
#[derive(Debug)]
pub struct FetchPortal<'p, T> {
    request: Request<'p, (), All<T>>,
    name: &'p str,
    holder: &'p Arc<()>,
    is_complete: &'p mut bool,
    rows: u32,
    suspended: bool,
}

impl<'p, T: FromRowOwned> FetchPortal<'p, T> {
    /// The next `rows` rows, or fewer at the end; 0 is all that are left.
    pub fn new(portal: &'p mut Portal<T>, rows: u32) -> FetchPortal<'p, T> {
        let mut request = Request::new(&portal.sql, (), All::default());
        request.core.reading = portal.reading.clone();
        let Portal { name, holder, is_complete, .. } = portal;
        FetchPortal { request, name, holder, is_complete, rows, suspended: false }
    }
}

impl<T: FromRowOwned> Exchange for FetchPortal<'_, T> {
    type Output = Vec<T>;

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        if *self.is_complete {
            return Ok(());
        }
        if !c.holds_portal(self.holder) {
            return Err(Error::usage("the portal is not open on this session")
                .hint("a portal lives in the transaction that it was opened in, and no longer")
                .with_sql(self.request.core.sql));
        }
        c.open_request()?;
        c.execute_part(self.name, i32::try_from(self.rows).unwrap_or(i32::MAX))
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.suspended |= matches!(message, Message::PortalSuspended);
        self.request.on_message(c, message)
    }

    fn finish(self, c: &mut Conversation) -> Result<Vec<T>> {
        *self.is_complete |= !self.suspended;
        self.request.finish(c)
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Portal, sql: Some(self.request.core.sql), parameters: 0 }
    }
}
