//! The blocking face of any session: plain methods over the same code, written once.

mod complete;
mod copy;
mod cursor;
mod large_object;
mod notifications;

use crate::constant::{Declared, Query};
use crate::copy::{CopyFrom, CopyRow, CopyTo};
use crate::error::Result;
use crate::exchange::Exchange;
use crate::exchange::cursor::CursorOptions;
use crate::exchange::pipeline::PipelineParts;
use crate::exchange::portal::Portal;
use crate::exchange::session::Description;
use crate::params::Params;
use crate::protocol::connection::Connection;
use crate::protocol::notifications::{Heard, NotificationSink};
use crate::retry::{Retry, inside_a_transaction};
use crate::row::{Column, FromRow, FromRowOwned, RowRef};
use crate::session::{Lifecycle, Rows, Run, Session, Transaction, Using};
use crate::streams::LargeObjectMode;
use crate::transaction::TransactionOptions;
use crate::types::expects::Drift;
use crate::types::registry::Registry;
use crate::types::typecaster::TypecasterOwned;
use postgres_types::{Oid, Type};
use std::future::Future;
use std::io::{Read, Write};
use std::time::Duration;

pub use complete::complete;
pub use copy::{BlockingCopyIn, BlockingCopyOut, BlockingCopyRowsIn, BlockingCopyRowsOut};
pub use cursor::BlockingCursor;
pub use large_object::BlockingLargeObject;
pub use notifications::BlockingNotifications;

/// A session with plain methods. `pg_blocking::Client` is one over its connection; transactions are one over theirs.
///
/// It is a [`Session`] too, so it can be handed to generic code: `complete(transfer(&mut client, ..))`. Each method does
/// what the method of [`Session`] of the same name does.
#[derive(Debug)]
pub struct Blocking<S>(S);

impl<S> Blocking<S> {
    /// Puts the face on a session whose `run` never waits.
    pub fn new(session: S) -> Blocking<S> {
        Blocking(session)
    }

    /// The session beneath.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }

    /// Takes the face off.
    pub fn into_inner(self) -> S {
        self.0
    }
}

impl<S: Run> Run for Blocking<S> {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        self.0.run(exchange)
    }
}

impl<S: Session> Session for Blocking<S> {
    fn connection(&mut self) -> &mut Connection {
        self.0.connection()
    }

    fn nudge(&mut self) {
        self.0.nudge();
    }
}

impl<S: Session> Blocking<S> {
    /// [`Session::query`]: all rows.
    pub fn query<T: FromRowOwned>(&mut self, sql: &str, params: impl Params) -> Result<Vec<T>> {
        complete(self.0.query(sql, params))
    }

    /// [`Session::query_one`]: exactly one row.
    pub fn query_one<T: FromRowOwned>(&mut self, sql: &str, params: impl Params) -> Result<T> {
        complete(self.0.query_one(sql, params))
    }

    /// [`Session::query_opt`]: one row or none.
    pub fn query_opt<T: FromRowOwned>(&mut self, sql: &str, params: impl Params) -> Result<Option<T>> {
        complete(self.0.query_opt(sql, params))
    }

    /// [`Session::query_value`]: the first column of exactly one row.
    pub fn query_value<T: TypecasterOwned + Send>(&mut self, sql: &str, params: impl Params) -> Result<T> {
        complete(self.0.query_value(sql, params))
    }

    /// [`Session::query_values`]: the first column of all rows.
    pub fn query_values<T: TypecasterOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<T>> {
        complete(self.0.query_values(sql, params))
    }

    /// [`Session::execute`]: the number of rows affected.
    pub fn execute(&mut self, sql: &str, params: impl Params) -> Result<u64> {
        complete(self.0.execute(sql, params))
    }

    /// [`Session::query_with`]: what a function makes of each row.
    pub fn query_with<T: Send>(
        &mut self,
        sql: &str,
        params: impl Params,
        make: impl FnMut(RowRef<'_>) -> Result<T> + Send,
    ) -> Result<Vec<T>> {
        complete(self.0.query_with(sql, params, make))
    }

    /// [`Session::for_each`]: a function called with each row.
    pub fn for_each<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
        f: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<u64> {
        complete(self.0.for_each(sql, params, f))
    }

    /// [`Session::batch_execute`]: several statements.
    pub fn batch_execute(&mut self, sql: &str) -> Result<()> {
        complete(self.0.batch_execute(sql))
    }

    /// [`Session::prepare`]: a statement's parameters and columns.
    pub fn prepare(&mut self, sql: &str) -> Result<Description> {
        complete(self.0.prepare(sql))
    }

    /// [`Session::stream`]: rows one by one.
    pub fn stream(&mut self, sql: &str, params: impl Params) -> Result<BlockingRows<'_, S>> {
        complete(self.0.stream(sql, params)).map(BlockingRows)
    }

    /// [`Session::stream_as`]: rows one by one, of a type known from the start.
    pub fn stream_as<T: FromRow<'static>>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<BlockingRows<'_, S>> {
        complete(self.0.stream_as::<T>(sql, params)).map(BlockingRows)
    }

    /// [`Session::portal`]: a statement whose rows are handed out part by part.
    pub fn portal<T: FromRowOwned>(&mut self, sql: &str, params: impl Params) -> Result<Portal<T>> {
        complete(self.0.portal(sql, params))
    }

    /// [`Session::fetch_portal`]: the next rows of a portal.
    pub fn fetch_portal<T: FromRowOwned>(&mut self, portal: &mut Portal<T>, rows: u32) -> Result<Vec<T>> {
        complete(self.0.fetch_portal(portal, rows))
    }

    /// [`Session::cursor`]: declares a cursor.
    pub fn cursor<T: FromRowOwned>(
        &mut self,
        name: &str,
        sql: &str,
        params: impl Params,
    ) -> Result<BlockingCursor<'_, S, T>> {
        complete(self.0.cursor(name, sql, params)).map(BlockingCursor)
    }

    /// [`Session::cursor_with`]: declares a cursor that scrolls, or outlives its transaction.
    pub fn cursor_with<T: FromRowOwned>(
        &mut self,
        options: CursorOptions,
        sql: &str,
        params: impl Params,
    ) -> Result<BlockingCursor<'_, S, T>> {
        complete(self.0.cursor_with(options, sql, params)).map(BlockingCursor)
    }

    /// [`Session::open_cursor`]: a cursor that is open already.
    pub fn open_cursor<T: FromRowOwned>(&mut self, name: &str) -> Result<BlockingCursor<'_, S, T>> {
        self.0.open_cursor(name).map(BlockingCursor)
    }

    /// [`Session::fetch`]: all rows of a declared statement.
    pub fn fetch<P: Params, R: FromRowOwned>(&mut self, query: &Query<P, R>, params: P) -> Result<Vec<R>> {
        complete(self.0.fetch(query, params))
    }

    /// [`Session::fetch_one`]: exactly one row of a declared statement.
    pub fn fetch_one<P: Params, R: FromRowOwned>(&mut self, query: &Query<P, R>, params: P) -> Result<R> {
        complete(self.0.fetch_one(query, params))
    }

    /// [`Session::fetch_opt`]: one row or none of a declared statement.
    pub fn fetch_opt<P: Params, R: FromRowOwned>(
        &mut self,
        query: &Query<P, R>,
        params: P,
    ) -> Result<Option<R>> {
        complete(self.0.fetch_opt(query, params))
    }

    /// [`Session::fetch_affected`]: the number of rows that a declared statement affected.
    pub fn fetch_affected<P: Params>(&mut self, query: &Query<P, ()>, params: P) -> Result<u64> {
        complete(self.0.fetch_affected(query, params))
    }

    /// [`Session::pipeline`]: several statements in one round trip.
    pub fn pipeline<T: PipelineParts>(&mut self, parts: T) -> Result<T::Output> {
        complete(self.0.pipeline(parts))
    }

    /// [`Session::pipeline_each`]: the same, each with a Sync and a result of its own.
    pub fn pipeline_each<T: PipelineParts>(&mut self, parts: T) -> Result<T::Each> {
        complete(self.0.pipeline_each(parts))
    }

    /// [`Session::execute_many`]: a statement with many sets of parameters, all or nothing.
    pub fn execute_many(
        &mut self,
        sql: &str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send,
    ) -> Result<u64> {
        complete(self.0.execute_many(sql, sets))
    }

    /// [`Session::query_many`]: the same, with the rows that all sets give.
    pub fn query_many<T: FromRowOwned>(
        &mut self,
        sql: &str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send,
    ) -> Result<Vec<T>> {
        complete(self.0.query_many(sql, sets))
    }

    /// [`Session::begin`]: a transaction or savepoint.
    pub fn begin(&mut self) -> Result<Blocking<Transaction<'_, S>>> {
        complete(self.0.begin()).map(Blocking)
    }

    /// [`Session::begin_with`]: a transaction with options.
    pub fn begin_with(&mut self, options: TransactionOptions) -> Result<Blocking<Transaction<'_, S>>> {
        complete(self.0.begin_with(options)).map(Blocking)
    }

    /// [`Session::copy_in`]: a COPY FROM STDIN of bytes.
    pub fn copy_in(&mut self, sql: &str) -> Result<BlockingCopyIn<'_, S>> {
        complete(self.0.copy_in(sql)).map(BlockingCopyIn)
    }

    /// [`Session::copy_in_rows`]: a COPY FROM STDIN of rows.
    pub fn copy_in_rows<R: CopyRow>(&mut self, copy: &CopyFrom) -> Result<BlockingCopyRowsIn<'_, S, R>> {
        complete(self.0.copy_in_rows(copy)).map(BlockingCopyRowsIn)
    }

    /// [`Session::copy_in_all`]: copies all rows of an iterator into a table.
    pub fn copy_in_all<R: CopyRow>(
        &mut self,
        copy: &CopyFrom,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<u64> {
        let mut copy = self.copy_in_rows(copy)?;
        copy.write_all(rows)?;
        copy.finish()
    }

    /// [`Session::copy_out`]: a COPY TO STDOUT of bytes.
    pub fn copy_out(&mut self, sql: &str) -> Result<BlockingCopyOut<'_, S>> {
        complete(self.0.copy_out(sql)).map(BlockingCopyOut)
    }

    /// [`Session::copy_out_rows`]: a COPY TO STDOUT of rows.
    pub fn copy_out_rows<T: FromRow<'static>>(
        &mut self,
        copy: &CopyTo,
    ) -> Result<BlockingCopyRowsOut<'_, S>> {
        complete(self.0.copy_out_rows::<T>(copy)).map(BlockingCopyRowsOut)
    }

    /// [`Session::listen`]: listens to a channel.
    pub fn listen(&mut self, channel: &str) -> Result<()> {
        complete(self.0.listen(channel))
    }

    /// [`Session::unlisten`]: listens no longer to a channel.
    pub fn unlisten(&mut self, channel: &str) -> Result<()> {
        complete(self.0.unlisten(channel))
    }

    /// [`Session::unlisten_all`]: listens to nothing any more.
    pub fn unlisten_all(&mut self) -> Result<()> {
        complete(self.0.unlisten_all())
    }

    /// [`Session::notify`]: notifies all that listen to a channel.
    pub fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        complete(self.0.notify(channel, payload))
    }

    /// [`Session::notify_json`]: the same with a value as JSON.
    #[cfg(feature = "with-serde_json-1")]
    pub fn notify_json(&mut self, channel: &str, value: &(impl serde::Serialize + Sync)) -> Result<()> {
        complete(self.0.notify_json(channel, value))
    }

    /// [`Session::wait_notification`]: the next notification, within a time.
    pub fn wait_notification(&mut self, timeout: Duration) -> Result<Option<Heard>> {
        complete(self.0.wait_notification(timeout))
    }

    /// [`Session::notifications`]: an iterator that waits for each; after an error it ends.
    pub fn notifications(&mut self) -> BlockingNotifications<'_, S> {
        BlockingNotifications::new(self.0.notifications())
    }

    /// [`Session::set_notification_sink`]: gives all notifications to a sink.
    pub fn set_notification_sink(&mut self, sink: Option<Box<dyn NotificationSink>>) {
        self.0.set_notification_sink(sink);
    }

    /// [`Session::deliver_notifications`]: waits until the sink was given something.
    pub fn deliver_notifications(&mut self, timeout: Duration) -> Result<u64> {
        complete(self.0.deliver_notifications(timeout))
    }

    /// [`Session::ping`]: a round trip that does nothing else.
    pub fn ping(&mut self) -> Result<()> {
        complete(self.0.ping())
    }

    /// [`Session::type_by_name`]: the type that SQL calls so.
    pub fn type_by_name(&mut self, name: &str) -> Result<Option<Type>> {
        complete(self.0.type_by_name(name))
    }

    /// [`Session::verify`]: declared statements against the live schema.
    pub fn verify(&mut self, queries: &[&dyn Declared]) -> Result<()> {
        complete(self.0.verify(queries))
    }

    /// [`Session::drifts`]: how a registry's types differ from those of the live schema.
    pub fn drifts(&mut self, registry: &Registry) -> Result<Vec<Drift>> {
        complete(self.0.drifts(registry))
    }

    /// [`Session::refresh`]: takes over what has changed on the server.
    pub fn refresh(&mut self, registry: &Registry) -> Result<()> {
        complete(self.0.refresh(registry))
    }

    /// [`Session::types`]: the types that were looked up so far.
    pub fn types(&mut self) -> Vec<Type> {
        self.0.types()
    }

    /// [`Session::register`]: changes the registry of this connection alone.
    pub fn register(&mut self, change: impl FnOnce(Registry) -> Registry) {
        self.0.register(change);
    }

    /// [`Session::using`]: the same session under the codecs of `registry`.
    pub fn using(&mut self, registry: &Registry) -> Blocking<Using<'_, S>> {
        Blocking(self.0.using(registry))
    }

    /// [`Session::retry`]: runs a transaction, again if it fails for what others did at the same time.
    ///
    /// ```no_run
    /// # use pg_core::{Blocking, Result, Retry, Session};
    /// # fn show<S: Session>(client: &mut Blocking<S>) -> Result<()> {
    /// let left: i64 = client.retry(Retry::new(), |tx| {
    ///     tx.execute("update flight set free = free - 1 where id = $1", (7_i64,))?;
    ///     tx.query_value("select free from flight where id = $1", (7_i64,))
    /// })?;
    /// # Ok(()) }
    /// ```
    pub fn retry<T>(
        &mut self,
        policy: Retry,
        mut body: impl FnMut(&mut Blocking<Transaction<'_, S>>) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 0;
        loop {
            if self.connection().is_inside() {
                return Err(inside_a_transaction());
            }
            attempt += 1;
            let mut tx = self.begin_with(policy.options)?;
            let outcome = match body(&mut tx) {
                Ok(value) => tx.commit().map(|()| value),
                Err(error) => {
                    // The server is told before the pause, and what it says isn't what the body failed for.
                    let _ = tx.rollback();
                    Err(error)
                }
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let chance = self.connection().chance();
                    self.pause(policy.again(attempt, error, chance)?)?;
                }
            }
        }
    }

    /// [`Session::create_large_object`]: its OID.
    pub fn create_large_object(&mut self) -> Result<Oid> {
        complete(self.0.create_large_object())
    }

    /// [`Session::open_large_object`]: to be read, written and sought in.
    pub fn open_large_object(
        &mut self,
        oid: Oid,
        mode: LargeObjectMode,
    ) -> Result<BlockingLargeObject<'_, S>> {
        complete(self.0.open_large_object(oid, mode)).map(BlockingLargeObject)
    }

    /// [`Session::unlink_large_object`]: removes it.
    pub fn unlink_large_object(&mut self, oid: Oid) -> Result<()> {
        complete(self.0.unlink_large_object(oid))
    }

    /// [`Session::import_large_object`]: makes one of all that a source gives.
    pub fn import_large_object(&mut self, source: impl Read + Send) -> Result<Oid> {
        complete(self.0.import_large_object(source))
    }

    /// [`Session::export_large_object`]: writes all of one into `sink`.
    pub fn export_large_object(&mut self, oid: Oid, sink: impl Write + Send) -> Result<u64> {
        complete(self.0.export_large_object(oid, sink))
    }

    /// [`Session::within`]: the same session with a deadline for each call.
    pub fn within(&mut self, limit: Duration) -> Blocking<Using<'_, S>> {
        Blocking(self.0.within(limit))
    }

    /// [`Session::set_deadline`]: how long each call may take from now on.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.0.set_deadline(deadline);
    }

    /// [`Session::pause`]: waits so long.
    pub fn pause(&mut self, time: Duration) -> Result<()> {
        complete(self.0.pause(time))
    }

    /// [`Session::is_closed`]: whether the connection is known to be unusable.
    pub fn is_closed(&mut self) -> bool {
        self.0.is_closed()
    }

    /// [`Session::connection`]: the connection beneath, for parameters, notices and notifications.
    pub fn connection(&mut self) -> &mut Connection {
        self.0.connection()
    }
}

impl<S: Lifecycle> Blocking<S> {
    /// [`Lifecycle::cancel_token`]: what cancels this session's statement from elsewhere.
    pub fn cancel_token(&self) -> S::CancelToken {
        self.0.cancel_token()
    }

    /// [`Lifecycle::close`]: says farewell to the server and closes the link.
    pub fn close(self) -> Result<()> {
        complete(self.0.close())
    }
}

impl<S: Session> Blocking<Transaction<'_, S>> {
    /// [`Transaction::commit`]: keeps what the transaction did.
    pub fn commit(self) -> Result<()> {
        complete(self.0.commit())
    }

    /// [`Transaction::commit_with`]: the last statements, and COMMIT in the same round trip.
    pub fn commit_with<T: PipelineParts>(self, parts: T) -> Result<T::Output> {
        complete(self.0.commit_with(parts))
    }

    /// [`Transaction::rollback`]: undoes what the transaction did.
    pub fn rollback(self) -> Result<()> {
        complete(self.0.rollback())
    }
}

impl<S: Session, T> BlockingCursor<'_, S, T> {
    /// [`NamedCursor::session`](crate::streams::NamedCursor::session): for other statements while it is open.
    pub fn session(&mut self) -> Blocking<&mut S> {
        Blocking(self.0.session())
    }
}

/// [`Rows`] with plain methods.
#[derive(Debug)]
#[must_use = "the statement was sent; its rows wait"]
pub struct BlockingRows<'s, S>(Rows<'s, S>);

impl<S: Session> BlockingRows<'_, S> {
    /// [`Rows::columns`].
    pub fn columns(&self) -> &[Column] {
        self.0.columns()
    }

    /// [`Rows::next_row`]: the next row, which lives until the next call; `None` at the end.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<RowRef<'_>>> {
        complete(self.0.next_row())
    }

    /// [`Rows::next_as`]: the next row as `T`.
    pub fn next_as<'r, T: FromRow<'r>>(&'r mut self) -> Result<Option<T>> {
        complete(self.0.next_as())
    }
}
