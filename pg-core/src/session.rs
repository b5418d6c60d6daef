//! Layer 6, the session: everything that a user does with a connection, once, over [`Run::run`].
//!
//! A function that is generic over [`Session`] runs in both clients: as an ordinary async function in the async one,
//! and through [`complete`](crate::blocking::complete) in the blocking one.

use crate::constant::{Declared, Query};
use crate::copy::{CopyFrom, CopyRow, CopyTo};
use crate::error::Result;
use crate::exchange::Exchange;
use crate::exchange::batch::Batch;
use crate::exchange::collect::{Affected, All, AtMostOne, Each, Made, One, Value, Values};
use crate::exchange::committing::Committing;
use crate::exchange::cursor::CursorOptions;
use crate::exchange::isolated::Isolated;
use crate::exchange::many::Many;
use crate::exchange::pipeline::{Pipeline, PipelineParts as Parts};
use crate::exchange::portal::{FetchPortal, OpenPortal, Portal};
use crate::exchange::query::Request;
use crate::exchange::session::{Begin, Description, End, Ping, Prepare};
use crate::exchange::stream::Stream;
use crate::exchange::types::TypeByName;
use crate::exchange::under::{Terms, Under};
use crate::exchange::waiting::{Deliver, Hear, Pause};
use crate::params::Params;
use crate::protocol::connection::Connection;
use crate::protocol::notifications::{Heard, NotificationSink};
use crate::retry::{Body, Retry, inside_a_transaction};
use crate::row::{FromRow, FromRowOwned, RowRef, Shape};
use crate::run::{Boxed, Lender, in_pieces};
use crate::streams::{
    CopyIn, CopyOut, CopyRowsIn, CopyRowsOut, LargeObject, LargeObjectMode, NamedCursor, Notifications,
    large_object, notifying,
};
use crate::transaction::TransactionOptions;
use crate::types::expects::Drift;
use crate::types::registry::Registry;
use crate::types::typecaster::TypecasterOwned;
use crate::verify::Findings;
use postgres_types::{Oid, Type};
use std::future::Future;
use std::io::{Read, Write};
use std::time::Duration;

pub use crate::run::Run;
pub use crate::streams::Rows;

/// A session: a client, a transaction, or whatever wraps one.
///
/// Two things are required beside [`Run::run`]; all else is provided. A decorator implements `run` around the inner
/// session's and forwards the two; generic code, transactions and streams then go through it unchanged.
///
/// All futures here are `Send`, and safe to drop at any point: the connection stays usable, and no row or error of
/// the dropped call reaches a later one. What the server had begun may have taken effect.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no session",
    note = "clients, transactions and pooled connections are; take one by `&mut`. A decorator implements `Run` and `Session`"
)]
pub trait Session: Run + Sized {
    /// The connection beneath.
    fn connection(&mut self) -> &mut Connection;

    /// One attempt to send what is queued, without waiting: for guards that are dropped.
    fn nudge(&mut self);

    /// Runs a statement and gives all its rows.
    ///
    /// `params` is a tuple, `()`, or a list: see [`Params`]. `T` is a type with `#[derive(FromRow)]`, a tuple, or
    /// [`Row`](crate::row::Row). A type that borrows from the row can't leave it: use [`Session::stream`] for those.
    ///
    /// # Errors
    /// What the server says, with the statement; a row that `T` can't hold, with the column's name.
    fn query<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, All::default()))
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Session::query`]; and an error of kind `RowCount` for no row, or more than one.
    fn query_one<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<T>> + Send {
        self.run(Request::new(sql, params, One::default()))
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Session::query`]; and an error of kind `RowCount` for more than one row.
    fn query_opt<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Option<T>>> + Send {
        self.run(Request::new(sql, params, AtMostOne::default()))
    }

    /// Runs a statement that gives exactly one row, and reads its first column. NULL needs `Option`.
    ///
    /// # Errors
    /// As [`Session::query_one`].
    fn query_value<T: TypecasterOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<T>> + Send {
        self.run(Request::new(sql, params, Value::default()))
    }

    /// Runs a statement and reads the first column of all its rows.
    ///
    /// # Errors
    /// As [`Session::query`].
    fn query_values<T: TypecasterOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, Values::default()))
    }

    /// Runs a statement and gives the number of rows that its tag tells; 0 where it tells none. Rows are not read.
    ///
    /// # Errors
    /// What the server says, with the statement.
    fn execute(&mut self, sql: &str, params: impl Params) -> impl Future<Output = Result<u64>> + Send {
        self.run(Request::new(sql, params, Affected))
    }

    /// Runs a statement and gives what `make` makes of each row: what a row becomes is said for this statement, and at run
    /// time. `make` may read the row as any row type, whole ([`RowRef::get`]) or by the value ([`RowRef::value`]), and
    /// decide by its columns.
    ///
    /// Columns are described before the first run of a statement, which costs one more round trip that once.
    ///
    /// ```no_run
    /// # use pg_core::{Session, row::RowRef, types::value::Value};
    /// # async fn show<S: Session>(client: &mut S) -> Result<(), pg_core::Error> {
    /// let pairs = |row: RowRef<'_>| row.get::<Vec<(String, Value)>>();
    /// let lengths = |row: RowRef<'_>| Ok(row.get::<(&str,)>()?.0.len());
    /// let rows = client.query_with("select * from users", (), pairs).await?;
    /// let names: Vec<usize> = client.query_with("select name from users", (), lengths).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Session::query`]; and the first error of `make`, which is given no more rows after it.
    fn query_with<T: Send>(
        &mut self,
        sql: &str,
        params: impl Params,
        make: impl FnMut(RowRef<'_>) -> Result<T> + Send,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, Made::by(make)))
    }

    /// Runs a statement and calls `f` with each row as it comes. Returns the number of rows.
    ///
    /// # Errors
    /// As [`Session::query`]; and the first error of `f`, after which no more rows are given to it.
    fn for_each<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
        f: impl FnMut(T) -> Result<()> + Send,
    ) -> impl Future<Output = Result<u64>> + Send {
        self.run(Request::new(sql, params, Each::new(f)))
    }

    /// Runs several statements, separated by semicolons; no parameters, no rows. Outside a transaction they are one.
    ///
    /// # Errors
    /// That of the first statement that fails; those after it are not run.
    fn batch_execute(&mut self, sql: &str) -> impl Future<Output = Result<()>> + Send {
        self.run(Batch::new(sql))
    }

    /// Prepares a statement and tells its parameters and columns, without running it. It stays in the cache.
    ///
    /// # Errors
    /// What the server says, with the statement.
    fn prepare(&mut self, sql: &str) -> impl Future<Output = Result<Description>> + Send {
        self.run(Prepare::new(sql))
    }

    /// Runs a statement and gives its rows one by one, as they lie in the input buffer.
    ///
    /// However many rows there are, at most one read buffer and one message are held. Columns are described before
    /// the first run of a statement, which costs one more round trip that once; [`Session::stream_as`] doesn't.
    ///
    /// # Drop
    /// Dropping the rows early is safe: the next call reads the rest away, or cancels the statement if that takes
    /// longer than the configured time (100 ms).
    fn stream(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Rows<'_, Self>>> + Send {
        async move {
            let cursor = self.run(Stream::new(sql, params, &Shape::DYNAMIC)).await?;
            Ok(Rows::over(self, cursor))
        }
    }

    /// As [`Session::stream`], with the row type known from the start: columns come in the form that it reads best, and
    /// the first run is one round trip too, unless `T` reads a string, an array or a tuple: what types those columns
    /// have must be known before rows are given away. `T` may be a type that borrows, such as `User<'_>`.
    fn stream_as<T: FromRow<'static>>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Rows<'_, Self>>> + Send {
        async move {
            let cursor = self.run(Stream::new(sql, params, T::SHAPE)).await?;
            Ok(Rows::over(self, cursor))
        }
    }

    /// Gives a statement its parameters in a portal, whose rows [`Session::fetch_portal`] hands out part by part; in
    /// between other statements run, and other portals are read. Inside a transaction, with which it ends.
    ///
    /// # Errors
    /// As [`Session::query`]; outside of a transaction, a usage error.
    fn portal<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Portal<T>>> + Send {
        async move {
            let name = self.connection().portal_name();
            self.run(OpenPortal::new(sql, params, &name)).await
        }
    }

    /// The next rows of a portal: as many as said, and fewer, or none, at its end; 0 is all that are left. One round trip.
    ///
    /// # Errors
    /// As [`Session::query`]; a portal whose transaction has ended, or of another session.
    ///
    /// # Cancel safety
    /// Dropped, the rows of this part may be lost.
    fn fetch_portal<T: FromRowOwned>(
        &mut self,
        portal: &mut Portal<T>,
        rows: u32,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(FetchPortal::new(portal, rows))
    }

    /// Declares a cursor of this name for a query: see [`NamedCursor`]. Inside a transaction, with which it ends.
    ///
    /// # Errors
    /// What the server says, such as of a statement that is no query; outside of a transaction, a usage error.
    fn cursor<T: FromRowOwned>(
        &mut self,
        name: &str,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<NamedCursor<'_, Self, T>>> + Send {
        self.cursor_with(CursorOptions::new(name), sql, params)
    }

    /// Declares a cursor that scrolls, or outlives its transaction.
    ///
    /// # Errors
    /// As [`Session::cursor`].
    fn cursor_with<T: FromRowOwned>(
        &mut self,
        options: CursorOptions,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<NamedCursor<'_, Self, T>>> + Send {
        async move { NamedCursor::declare(self, &options, sql, params).await }
    }

    /// A cursor that is open already: one that was [left](NamedCursor::leave), or that a function has opened and
    /// returned by name. The server isn't asked.
    ///
    /// # Errors
    /// A name that is empty or holds NUL.
    fn open_cursor<T: FromRowOwned>(&mut self, name: &str) -> Result<NamedCursor<'_, Self, T>> {
        NamedCursor::existing(self, name)
    }

    /// Runs a declared statement and gives all its rows.
    ///
    /// # Errors
    /// As [`Session::query`].
    fn fetch<P: Params, R: FromRowOwned>(
        &mut self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<Vec<R>>> + Send {
        self.run(query.all(params))
    }

    /// Runs a declared statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Session::query_one`].
    fn fetch_one<P: Params, R: FromRowOwned>(
        &mut self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<R>> + Send {
        self.run(query.one(params))
    }

    /// Runs a declared statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Session::query_opt`].
    fn fetch_opt<P: Params, R: FromRowOwned>(
        &mut self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<Option<R>>> + Send {
        self.run(query.opt(params))
    }

    /// Runs a declared statement that returns no rows, and gives the number of rows it affected.
    ///
    /// # Errors
    /// As [`Session::execute`].
    fn fetch_affected<P: Params>(
        &mut self,
        query: &Query<P, ()>,
        params: P,
    ) -> impl Future<Output = Result<u64>> + Send {
        self.run(query.execute(params))
    }

    /// Runs several statements in one round trip: a tuple (up to 8) or `Vec` of parts, made by
    /// [`pipeline::query`](crate::exchange::pipeline::query), [`pipeline::execute`](crate::exchange::pipeline::execute)
    /// or a [`Query`]'s `all`, `one`, `opt`.
    ///
    /// They share one Sync: outside a transaction, if one fails, none has taken effect. However many they are, they are
    /// written in pieces of 32 KiB while answers are read.
    ///
    /// # Errors
    /// That of the part that failed; those after it were not run.
    ///
    /// # Cancel safety
    /// Dropped before all was written, nothing of it remains; in a transaction, the transaction has failed then.
    fn pipeline<T: Parts>(&mut self, parts: T) -> impl Future<Output = Result<T::Output>> + Send {
        in_pieces(self, Pipeline::new(parts))
    }

    /// As [`Session::pipeline`], with a Sync for each part: each takes effect or fails by itself, and gives a result of
    /// its own: a tuple or `Vec` of [`Result`]s.
    ///
    /// Inside a transaction a statement that fails leaves the transaction failed, so that those after it fail too, with
    /// `25P02`; use savepoints there, or one call each.
    ///
    /// # Errors
    /// A lost connection, or a transaction that could not begin.
    ///
    /// # Cancel safety
    /// Dropped, some of the first parts may have taken effect, and none of the others.
    fn pipeline_each<T: Parts>(&mut self, parts: T) -> impl Future<Output = Result<T::Each>> + Send {
        self.run(Isolated::new(parts))
    }

    /// Runs a statement with each set of parameters that an iterator gives, all or nothing: the number of rows that were
    /// affected in all.
    ///
    /// The statement is prepared once, and up to 32 KiB or 512 sets take one round trip, prepared or not. More are
    /// written as the link takes them, while answers are read: the iterator may be endless, and of the request at most
    /// 32 KiB, one set more and what is remembered of 512 statements are held.
    ///
    /// ```no_run
    /// # use pg_core::Session;
    /// # async fn fill<S: Session>(client: &mut S, users: &[(i64, String)]) -> Result<(), pg_core::Error> {
    /// let sets = users.iter().map(|(id, name)| (*id, name.as_str()));
    /// let inserted = client.execute_many("insert into users (id, name) values ($1, $2)", sets).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the server says, or a value that can't be written, with the index of its set, counted from 0. Nothing of any
    /// set remains then; in a transaction, the transaction has failed.
    ///
    /// # Cancel safety
    /// Dropped before all was written, nothing of it remains; in a transaction, the transaction has failed then.
    fn execute_many<'a>(
        &'a mut self,
        sql: &'a str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send + 'a,
    ) -> Boxed<'a, u64> {
        Box::pin(async move { in_pieces(self, Many::new(sql, sets.into_iter(), Affected)).await })
    }

    /// As [`Session::execute_many`], with the rows that all sets give, in order: those of `insert .. returning`, say.
    ///
    /// # Errors
    /// As [`Session::execute_many`]; a row that `T` can't hold, which undoes nothing.
    fn query_many<'a, T: FromRowOwned + 'a>(
        &'a mut self,
        sql: &'a str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send + 'a,
    ) -> Boxed<'a, Vec<T>> {
        Box::pin(async move { in_pieces(self, Many::new(sql, sets.into_iter(), All::default())).await })
    }

    /// Begins a transaction; inside one, a savepoint. It is rolled back when dropped without
    /// [`commit`](Transaction::commit).
    ///
    /// Nothing is sent: BEGIN travels with the first statement, and an error of it is reported there.
    ///
    /// # Errors
    /// A transaction that was ended by SQL can't be begun inside.
    fn begin(&mut self) -> impl Future<Output = Result<Transaction<'_, Self>>> + Send {
        self.begin_with(TransactionOptions::default())
    }

    /// Begins a transaction with an isolation level or modes.
    ///
    /// # Errors
    /// As [`Session::begin`]; options inside a transaction are an error, since a savepoint has none.
    fn begin_with(
        &mut self,
        options: TransactionOptions,
    ) -> impl Future<Output = Result<Transaction<'_, Self>>> + Send {
        async move {
            let depth =
                self.run(Begin::new(options.to_sql(), options != TransactionOptions::default())).await?;
            Ok(Transaction { session: self, depth })
        }
    }

    /// Runs a transaction, and runs it again when it fails for what other transactions did at the same time: for
    /// serialization failures (40001) and deadlocks (40P01), of a statement or of COMMIT, and for a COMMIT that the server
    /// answered by rolling back. Gives what `body` gave in the attempt that was committed.
    ///
    /// `body` is an `async fn` by its name, or `async |tx| ..` without `move`. It is given the session inside the
    /// transaction, begins anew with each attempt, and must not end the transaction itself. Each failed attempt is rolled
    /// back, and the session [pauses](Session::pause), before the next.
    ///
    /// ```no_run
    /// # use pg_core::{Isolation, Result, Retry, Session};
    /// async fn book<S: Session>(client: &mut S, flight: i64) -> Result<i64> {
    ///     let policy = Retry::new().isolation(Isolation::Serializable);
    ///     client
    ///         .retry(policy, async |tx| {
    ///             let free: i64 = tx.query_value("select free from flight where id = $1", (flight,)).await?;
    ///             tx.execute("update flight set free = $2 where id = $1", (flight, free - 1)).await?;
    ///             Ok(free - 1)
    ///         })
    ///         .await
    /// }
    /// ```
    ///
    /// # Errors
    /// Any other error of `body`, at once, and the last one when all attempts have failed. A commit of unknown outcome is
    /// never run again. Inside a transaction, a usage error.
    fn retry<T: Send, F>(&mut self, policy: Retry, mut body: F) -> impl Future<Output = Result<T>> + Send
    where
        F: AsyncFnMut(&mut Self) -> Result<T> + for<'t> Body<'t, Self, T> + Send,
    {
        async move {
            let mut attempt = 0;
            loop {
                if self.connection().is_inside() {
                    return Err(inside_a_transaction());
                }
                attempt += 1;
                let mut tx = self.begin_with(policy.options).await?;
                let outcome = match body.call(tx.session()).await {
                    Ok(value) => tx.commit().await.map(|()| value),
                    Err(error) => {
                        // The server is told before the pause, and what it says isn't what the body failed for.
                        let _ = tx.rollback().await;
                        Err(error)
                    }
                };
                match outcome {
                    Ok(value) => return Ok(value),
                    Err(error) => {
                        let chance = self.connection().chance();
                        self.pause(policy.again(attempt, error, chance)?).await?;
                    }
                }
            }
        }
    }

    /// Starts a COPY FROM STDIN, whose bytes are written piece by piece: text, CSV, or whatever `sql` says.
    /// [`CopyFrom`] makes the command.
    ///
    /// # Errors
    /// What the server says; a statement that is no COPY FROM STDIN.
    fn copy_in(&mut self, sql: &str) -> impl Future<Output = Result<CopyIn<'_, Self>>> + Send {
        CopyIn::start(self, sql)
    }

    /// Starts a COPY FROM STDIN of rows: structs with `#[derive(CopyRow)]`, or tuples. In binary, unless some field has
    /// only a text form. The columns are described first, which costs one more round trip.
    ///
    /// # Errors
    /// A field that its column doesn't take, by name, before anything is copied; what the server says.
    fn copy_in_rows<R: CopyRow>(
        &mut self,
        copy: &CopyFrom,
    ) -> impl Future<Output = Result<CopyRowsIn<'_, Self, R>>> + Send {
        CopyRowsIn::start(self, copy)
    }

    /// Copies all rows of an iterator into a table: how many the server took.
    ///
    /// # Errors
    /// As [`Session::copy_in_rows`]; a value that its column can't hold. Nothing of the COPY remains then.
    fn copy_in_all<I>(&mut self, copy: &CopyFrom, rows: I) -> impl Future<Output = Result<u64>> + Send
    where
        I: IntoIterator<Item: CopyRow + Send + Sync, IntoIter: Send> + Send,
    {
        async move {
            let mut copy = self.copy_in_rows(copy).await?;
            copy.write_all(rows).await?;
            copy.finish().await
        }
    }

    /// Starts a COPY TO STDOUT, whose bytes are read piece by piece. [`CopyTo`] makes the command.
    ///
    /// # Errors
    /// What the server says; a statement that is no COPY TO STDOUT.
    fn copy_out(&mut self, sql: &str) -> impl Future<Output = Result<CopyOut<'_, Self>>> + Send {
        CopyOut::start(self, sql)
    }

    /// Starts a COPY TO STDOUT whose rows are read as `T`, which may borrow, such as `User<'_>`. In binary, unless some
    /// field has only a text form. The columns are described first, which costs one more round trip.
    ///
    /// # Errors
    /// A column that `T` can't read, by name; what the server says.
    fn copy_out_rows<T: FromRow<'static>>(
        &mut self,
        copy: &CopyTo,
    ) -> impl Future<Output = Result<CopyRowsOut<'_, Self>>> + Send {
        CopyRowsOut::start(self, copy, T::SHAPE)
    }

    /// Creates a large object, empty: its OID.
    ///
    /// # Errors
    /// What the server says.
    fn create_large_object(&mut self) -> impl Future<Output = Result<Oid>> + Send {
        self.query_value("select lo_create(0)", ())
    }

    /// Opens a large object, inside a transaction, with which it is closed.
    ///
    /// # Errors
    /// There is none with this OID; outside of a transaction, a usage error.
    fn open_large_object(
        &mut self,
        oid: Oid,
        mode: LargeObjectMode,
    ) -> impl Future<Output = Result<LargeObject<'_, Self>>> + Send {
        LargeObject::open(self, oid, mode)
    }

    /// Removes a large object.
    ///
    /// # Errors
    /// There is none with this OID.
    fn unlink_large_object(&mut self, oid: Oid) -> impl Future<Output = Result<()>> + Send {
        large_object::unlink(self, oid)
    }

    /// Makes a large object of all that a source gives, in a transaction (a savepoint inside one): its OID.
    ///
    /// # Errors
    /// What the server says; the source's own. Nothing remains of it then.
    ///
    /// In the async client the source must not wait, as a slice or a `Cursor` doesn't: the task would wait with it.
    fn import_large_object(&mut self, source: impl Read + Send) -> impl Future<Output = Result<Oid>> + Send {
        async move {
            let mut tx = self.begin().await?;
            let oid = tx.create_large_object().await?;
            let mut object = tx.open_large_object(oid, LargeObjectMode::Write).await?;
            object.write_all_of(source).await?;
            object.close().await?;
            tx.commit().await?;
            Ok(oid)
        }
    }

    /// Writes all of a large object into `sink`, in a transaction (a savepoint inside one): how many bytes.
    ///
    /// # Errors
    /// There is none with this OID; the sink's own.
    ///
    /// In the async client the sink must not wait, as a `Vec` doesn't: the task would wait with it.
    fn export_large_object(
        &mut self,
        oid: Oid,
        sink: impl Write + Send,
    ) -> impl Future<Output = Result<u64>> + Send {
        async move {
            let mut tx = self.begin().await?;
            let mut object = tx.open_large_object(oid, LargeObjectMode::Read).await?;
            let count = object.write_to(sink).await?;
            object.close().await?;
            tx.commit().await?;
            Ok(count)
        }
    }

    /// Listens to a channel: any name of 1 to 63 bytes, taken as it is. Inside a transaction, from its COMMIT on.
    ///
    /// What is notified is gathered during any operation, and while [waiting](Session::wait_notification).
    ///
    /// # Errors
    /// A name that is empty or too long, before it is sent; a connection that keeps no prepared statements, as is said for
    /// [poolers in transaction mode](crate::config::Config::statement_cache_capacity); what the server says.
    fn listen(&mut self, channel: &str) -> impl Future<Output = Result<()>> + Send {
        let hears = notifying::check_hears(self.connection());
        notifying::command(self, hears.and_then(|()| notifying::listen(channel)))
    }

    /// Listens no longer to a channel; one that isn't listened to is no error.
    ///
    /// # Errors
    /// A name that is empty or too long, before it is sent; what the server says.
    fn unlisten(&mut self, channel: &str) -> impl Future<Output = Result<()>> + Send {
        notifying::command(self, notifying::unlisten(channel))
    }

    /// Listens to nothing any more.
    ///
    /// # Errors
    /// What the server says.
    fn unlisten_all(&mut self) -> impl Future<Output = Result<()>> + Send {
        self.batch_execute("UNLISTEN *")
    }

    /// Notifies all that listen to a channel; inside a transaction at its COMMIT. An empty payload is none.
    ///
    /// # Errors
    /// A payload longer than 7,999 bytes, or a name that is empty or longer than 63, before anything is sent.
    fn notify(&mut self, channel: &str, payload: &str) -> impl Future<Output = Result<()>> + Send {
        notifying::notify(self, channel, payload)
    }

    /// [`Session::notify`] with a value as JSON: [`Notification::json`](crate::protocol::notifications::Notification::json)
    /// reads it.
    ///
    /// # Errors
    /// As [`Session::notify`]; a value that JSON can't hold.
    #[cfg(feature = "with-serde_json-1")]
    fn notify_json(
        &mut self,
        channel: &str,
        value: &(impl serde::Serialize + Sync),
    ) -> impl Future<Output = Result<()>> + Send {
        notifying::notify_json(self, channel, value)
    }

    /// The next notification, waited for no longer than this; `None` when the time is over. Zero looks what has come.
    ///
    /// # Errors
    /// Inside a transaction, where the server delivers none; while there is a sink; a lost connection, after all that
    /// came before.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    fn wait_notification(&mut self, timeout: Duration) -> impl Future<Output = Result<Option<Heard>>> + Send {
        self.run(Hear::within(Some(timeout)))
    }

    /// The notifications one after the other, waited for without limit.
    fn notifications(&mut self) -> Notifications<'_, Self> {
        Notifications::over(self)
    }

    /// Gives all notifications that wait, and from now on all that come, to a sink; `None`: they are kept again.
    /// See [`NotificationSink`] for what can be one.
    fn set_notification_sink(&mut self, sink: Option<Box<dyn NotificationSink>>) {
        self.connection().inbox().set_sink(sink);
    }

    /// Waits no longer than this until the sink was given something: how many notifications, 0 when the time is over.
    ///
    /// # Errors
    /// What the sink refused, which stays with the connection; there is no sink; as [`Session::wait_notification`].
    fn deliver_notifications(&mut self, timeout: Duration) -> impl Future<Output = Result<u64>> + Send {
        self.run(Deliver::within(Some(timeout)))
    }

    /// One round trip that does nothing else: an error says that the connection is gone.
    ///
    /// # Errors
    /// The connection is closed.
    fn ping(&mut self) -> impl Future<Output = Result<()>> + Send {
        self.run(Ping::default())
    }

    /// The type that SQL calls `name`: `"item"`, `"shop.item"`, `"\"Mixed Case\""`, `"item[]"`, `"double precision"`.
    /// Read as the server reads it, and without a schema looked for in the search path. `None` if there is none.
    ///
    /// With all it is made of: attributes, labels, element. One round trip; the type is known from then on.
    ///
    /// # Errors
    /// A name that SQL can't read.
    fn type_by_name(&mut self, name: &str) -> impl Future<Output = Result<Option<Type>>> + Send {
        self.run(TypeByName::new(name))
    }

    /// Checks declared statements against the live schema: each is prepared, its parameters' types are checked against
    /// `P` and its columns against `R`, by the same planning as a run's, so that what passes runs. Nothing is run. All
    /// that is wrong comes in one error: where the statement is declared, what doesn't fit, the SQL and the cure.
    ///
    /// A column of a table that may be NULL there and is read by what can't hold NULL is wrong too; what an outer join
    /// makes NULL can't be told. [`Query::never_null`] says what the schema doesn't know. Of a list of parameters that
    /// is known only at run time nothing is checked.
    ///
    /// Meant for one test of a program. A round trip for each statement, and a few more.
    ///
    /// ```no_run
    /// use pg_core::{FromRow, Query, Session};
    ///
    /// #[derive(FromRow)]
    /// struct User { id: i64, name: Option<String> }
    ///
    /// const BY_EMAIL: Query<(&str,), User> = Query::new("select id, name from users where email = $1");
    /// const RENAME: Query<(i64, &str), ()> = Query::new("update users set name = $2 where id = $1");
    ///
    /// # async fn test<S: Session>(client: &mut S) -> pg_core::Result<()> {
    /// client.verify(&[&BY_EMAIL, &RENAME]).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// What doesn't fit, all of it; a lost connection.
    fn verify(&mut self, queries: &[&dyn Declared]) -> impl Future<Output = Result<()>> + Send {
        async move {
            let mut findings = Findings::of(queries);
            let is_inside = self.connection().is_inside();
            if is_inside {
                // A BEGIN that waits is sent ahead: one that fails says nothing of the queries.
                self.batch_execute("select").await?;
            }
            for (index, query) in queries.iter().enumerate() {
                let checked = match is_inside {
                    false => self.run(query.check()).await,
                    true => {
                        // A statement that is refused must not end the transaction.
                        let mut savepoint = self.begin().await?;
                        let checked = savepoint.run(query.check()).await;
                        savepoint.rollback().await?;
                        checked
                    }
                };
                findings.add(index, checked)?;
            }
            let answer = self.run(findings.question()).await?;
            findings.answer(&answer);
            findings.told()
        }
    }

    /// [`Registry::verify`]: how the types that were given to [`Registry::with`] differ from those of the live schema.
    ///
    /// # Errors
    /// The look-up failed; a drift is none.
    fn drifts(&mut self, registry: &Registry) -> impl Future<Output = Result<Vec<Drift>>> + Send {
        registry.verify(self)
    }

    /// [`Registry::refresh`]: this session and `registry` take over what has changed on the server.
    ///
    /// # Errors
    /// The look-up failed.
    fn refresh(&mut self, registry: &Registry) -> impl Future<Output = Result<()>> + Send {
        registry.refresh(self)
    }

    /// The types that this connection has looked up so far, by OID; those of PostgreSQL's own are not among them.
    fn types(&mut self) -> Vec<Type> {
        self.connection().conversation().catalog().types()
    }

    /// Changes the registry of this connection alone (copy on write): what is registered here comes before what the
    /// configuration's registry has. `client.register(|registry| registry.typecaster("point", cast_point))`
    ///
    /// Statements are planned anew, and prepared anew at their next run. Inside a transaction it stays after it.
    fn register(&mut self, change: impl FnOnce(Registry) -> Registry) {
        self.connection().register(change);
    }

    /// The same session under the codecs of `registry`, which come before all others: for one statement, or a few.
    /// `client.using(&registry).query_value::<Via<Point>>(..)`
    ///
    /// Its statements are prepared apart from the session's own, and cached as those are, so that it is worth keeping the
    /// registry.
    fn using(&mut self, registry: &Registry) -> Using<'_, Self> {
        Using { session: self, terms: Terms { codecs: Some(registry.codecs().clone()), limit: None } }
    }

    /// The same session with a deadline for each call: `client.within(Duration::from_secs(1)).query(..)`
    ///
    /// A call that isn't complete by then is cancelled, read to its end, and fails with an error of kind `Timeout`
    /// ([`Error::is_timeout`](crate::Error::is_timeout)); the session is usable after it, and in a transaction the
    /// statement has failed. If it is done before the request reaches it, its result is given all the same, as that of
    /// a COMMIT is. A server that doesn't answer within [`cancel_timeout`](crate::Config::cancel_timeout) loses the
    /// connection.
    ///
    /// It comes before the session's [own](Session::set_deadline); of several the shortest counts. Each piece of a
    /// stream or COPY is a call, and so is each step of what repeats them, such as [`Session::copy_in_all`].
    fn within(&mut self, limit: Duration) -> Using<'_, Self> {
        Using { session: self, terms: Terms { codecs: None, limit: Some(limit) } }
    }

    /// How long each call may take from now on that isn't run [`within`](Session::within) a time of its own; `None`: as
    /// long as it takes. What [`Config::deadline`](crate::Config::deadline) says at first.
    fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.connection().set_deadline(deadline);
    }

    /// Waits so long, without asking anything of the server; generic code can't wait otherwise. No deadline shortens it
    /// but that of [`within`](Session::within).
    ///
    /// # Errors
    /// The server has closed the connection meanwhile.
    fn pause(&mut self, time: Duration) -> impl Future<Output = Result<()>> + Send {
        self.run(Pause::new(time))
    }

    /// Whether the connection is known to be unusable. A link that broke unnoticed shows at the next call.
    fn is_closed(&mut self) -> bool {
        self.connection().is_closed()
    }
}

impl<S: Session> Lender for S {
    #[inline]
    fn lent(&mut self) -> &mut Connection {
        self.connection()
    }

    fn send_now(&mut self) {
        self.nudge();
    }
}

impl<S: Session> Session for &mut S {
    fn connection(&mut self) -> &mut Connection {
        (**self).connection()
    }

    fn nudge(&mut self) {
        (**self).nudge();
    }
}

/// A session on terms of its own: what [`Session::using`] and [`Session::within`] give.
#[derive(Debug)]
pub struct Using<'s, S> {
    session: &'s mut S,
    terms: Terms,
}

impl<S: Run> Run for Using<'_, S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        self.session.run(Under::new(exchange, self.terms.clone()))
    }
}

impl<S: Session> Session for Using<'_, S> {
    fn connection(&mut self) -> &mut Connection {
        self.session.connection()
    }

    fn nudge(&mut self) {
        self.session.nudge();
    }
}

/// What only a whole connection can do: the part that a transaction or a pooled session doesn't have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no whole connection",
    note = "what is asked for concerns the connection beneath: call it on the client, outside of a transaction or a pool"
)]
pub trait Lifecycle: Session {
    /// What cancels this session's statement from elsewhere.
    type CancelToken;

    /// A token that cancels the statement that this session runs, from any thread or task.
    fn cancel_token(&self) -> Self::CancelToken;

    /// Says farewell to the server and closes the link.
    ///
    /// # Errors
    /// The link was lost before.
    fn close(self) -> impl Future<Output = Result<()>> + Send;
}

/// An open transaction or savepoint: a session whose statements belong to it.
///
/// # Drop
/// Dropped without [`commit`](Transaction::commit) it is rolled back: the ROLLBACK is queued and one attempt is made
/// to send it, without waiting. Its locks are free as soon as the server has read it.
#[derive(Debug)]
#[must_use = "dropped without commit(), a transaction is rolled back"]
pub struct Transaction<'s, S: Session> {
    session: &'s mut S,
    depth: u32,
}

impl<S: Session> Transaction<'_, S> {
    /// Keeps what the transaction did.
    ///
    /// # Errors
    /// What the server says; an error of kind `RolledBack` if a statement inside had failed, since the server then
    /// answers COMMIT by rolling back; of kind `CommitUnknown` if the connection was lost on the way.
    ///
    /// # Cancel safety
    /// Dropped before COMMIT was written, it is rolled back; after that, the server decides.
    pub async fn commit(self) -> Result<()> {
        let depth = self.depth;
        self.session.run(End::commit(depth)).await
    }

    /// Runs the transaction's last statement, or several, and COMMIT behind it in the same round trip. If a statement
    /// fails, COMMIT is not run and the transaction is undone.
    ///
    /// A part is made by [`pipeline::execute`](crate::exchange::pipeline::execute) and the like; a tuple of up to 8, or a
    /// `Vec`, are several. Since BEGIN travels with the first statement, a transaction with nothing before it is one round
    /// trip: `client.begin_with(options).await?.commit_with((a, b, c)).await?`.
    ///
    /// A nested transaction's RELEASE takes a round trip of its own.
    ///
    /// # Errors
    /// That of the statement that failed; else as [`Transaction::commit`]. A row that can't be read is told after
    /// COMMIT: the error says that the transaction was committed. A nested transaction is undone by it.
    ///
    /// # Cancel safety
    /// As [`Transaction::commit`].
    pub async fn commit_with<T: Parts>(self, parts: T) -> Result<T::Output> {
        let depth = self.depth;
        if self.session.connection().conversation().transactions().is_outermost(depth) {
            return in_pieces(self.session, Committing::new(parts)).await;
        }
        let output = in_pieces(self.session, Pipeline::new(parts)).await?;
        self.session.run(End::commit(depth)).await?;
        Ok(output)
    }

    /// Undoes what the transaction did, and waits for the server's answer.
    ///
    /// # Errors
    /// A lost connection; the transaction is undone then too.
    pub async fn rollback(self) -> Result<()> {
        let depth = self.depth;
        self.session.run(End::roll_back(depth)).await
    }

    /// The session beneath, for recursive functions: `visit(tx.session(), n - 1)` has the same type at every depth, and
    /// `begin()` on it is still a savepoint, because the depth is the connection's.
    pub fn session(&mut self) -> &mut S {
        self.session
    }
}

impl<S: Session> Run for Transaction<'_, S> {
    #[inline]
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        self.session.run(exchange)
    }
}

impl<S: Session> Session for Transaction<'_, S> {
    fn connection(&mut self) -> &mut Connection {
        self.session.connection()
    }

    fn nudge(&mut self) {
        self.session.nudge();
    }
}

impl<S: Session> Drop for Transaction<'_, S> {
    fn drop(&mut self) {
        let connection = self.session.connection();
        connection.roll_back(self.depth);
        if connection.wants_write() {
            self.session.nudge();
        }
    }
}
