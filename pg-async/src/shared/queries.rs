//! What is run on a shared connection: the methods of [`Session`](crate::Session) that need nothing but `run`, by `&self`.

use super::Shared;
use pg_core::constant::Query;
use pg_core::error::Result;
use pg_core::exchange::batch::Batch;
use pg_core::exchange::collect::{Affected, All, AtMostOne, Each, Made, One, Value, Values};
use pg_core::exchange::isolated::Isolated;
use pg_core::exchange::many::Many;
use pg_core::exchange::pipeline::{Pipeline, PipelineParts as Parts};
use pg_core::exchange::query::Request;
use pg_core::exchange::session::{Description, Ping, Prepare};
use pg_core::exchange::types::TypeByName;
use pg_core::params::Params;
use pg_core::row::{FromRowOwned, RowRef};
use pg_core::run::Boxed;
use pg_core::types::Type;
use pg_core::types::typecaster::TypecasterOwned;
use std::future::Future;

/// Each is what [`Session`](crate::Session) has by the same name.
impl Shared {
    /// Runs a statement and gives all its rows.
    ///
    /// # Errors
    /// As [`Session::query`](crate::Session::query).
    pub fn query<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, All::default()))
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Session::query_one`](crate::Session::query_one).
    pub fn query_one<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<T>> + Send {
        self.run(Request::new(sql, params, One::default()))
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Session::query_opt`](crate::Session::query_opt).
    pub fn query_opt<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Option<T>>> + Send {
        self.run(Request::new(sql, params, AtMostOne::default()))
    }

    /// Runs a statement that gives exactly one row, and reads its first column.
    ///
    /// # Errors
    /// As [`Session::query_value`](crate::Session::query_value).
    pub fn query_value<T: TypecasterOwned + Send>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<T>> + Send {
        self.run(Request::new(sql, params, Value::default()))
    }

    /// Runs a statement and reads the first column of all its rows.
    ///
    /// # Errors
    /// As [`Session::query_values`](crate::Session::query_values).
    pub fn query_values<T: TypecasterOwned + Send>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, Values::default()))
    }

    /// Runs a statement and gives the number of rows that its tag tells.
    ///
    /// # Errors
    /// As [`Session::execute`](crate::Session::execute).
    pub fn execute(&self, sql: &str, params: impl Params) -> impl Future<Output = Result<u64>> + Send {
        self.run(Request::new(sql, params, Affected))
    }

    /// Runs a statement and gives what `make` makes of each row. `make` must not use this connection.
    ///
    /// # Errors
    /// As [`Session::query_with`](crate::Session::query_with).
    pub fn query_with<T: Send>(
        &self,
        sql: &str,
        params: impl Params,
        make: impl FnMut(RowRef<'_>) -> Result<T> + Send,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        self.run(Request::new(sql, params, Made::by(make)))
    }

    /// Runs a statement and calls `f` with each row as it comes. `f` must not use this connection: the others wait for it.
    ///
    /// # Errors
    /// As [`Session::for_each`](crate::Session::for_each).
    pub fn for_each<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl Params,
        f: impl FnMut(T) -> Result<()> + Send,
    ) -> impl Future<Output = Result<u64>> + Send {
        self.run(Request::new(sql, params, Each::new(f)))
    }

    /// Runs several statements, separated by semicolons, on a lease of their own.
    ///
    /// # Errors
    /// As [`Session::batch_execute`](crate::Session::batch_execute).
    pub fn batch_execute(&self, sql: &str) -> impl Future<Output = Result<()>> + Send {
        self.run(Batch::new(sql))
    }

    /// Prepares a statement and tells its parameters and columns.
    ///
    /// # Errors
    /// As [`Session::prepare`](crate::Session::prepare).
    pub fn prepare(&self, sql: &str) -> impl Future<Output = Result<Description>> + Send {
        self.run(Prepare::new(sql))
    }

    /// Runs a declared statement and gives all its rows.
    ///
    /// # Errors
    /// As [`Session::fetch`](crate::Session::fetch).
    pub fn fetch<P: Params, R: FromRowOwned>(
        &self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<Vec<R>>> + Send {
        self.run(query.all(params))
    }

    /// Runs a declared statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Session::fetch_one`](crate::Session::fetch_one).
    pub fn fetch_one<P: Params, R: FromRowOwned>(
        &self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<R>> + Send {
        self.run(query.one(params))
    }

    /// Runs a declared statement that gives one row or none.
    ///
    /// # Errors
    /// As [`Session::fetch_opt`](crate::Session::fetch_opt).
    pub fn fetch_opt<P: Params, R: FromRowOwned>(
        &self,
        query: &Query<P, R>,
        params: P,
    ) -> impl Future<Output = Result<Option<R>>> + Send {
        self.run(query.opt(params))
    }

    /// Runs a declared statement that returns no rows, and gives the number of rows it affected.
    ///
    /// # Errors
    /// As [`Session::fetch_affected`](crate::Session::fetch_affected).
    pub fn fetch_affected<P: Params>(
        &self,
        query: &Query<P, ()>,
        params: P,
    ) -> impl Future<Output = Result<u64>> + Send {
        self.run(query.execute(params))
    }

    /// Runs several statements under one Sync, all or nothing: nothing of the other tasks comes between them.
    ///
    /// # Errors
    /// As [`Session::pipeline`](crate::Session::pipeline).
    pub fn pipeline<T: Parts>(&self, parts: T) -> impl Future<Output = Result<T::Output>> + Send {
        self.run(Pipeline::new(parts))
    }

    /// Runs several statements with a Sync each.
    ///
    /// # Errors
    /// As [`Session::pipeline_each`](crate::Session::pipeline_each).
    pub fn pipeline_each<T: Parts>(&self, parts: T) -> impl Future<Output = Result<T::Each>> + Send {
        self.run(Isolated::new(parts))
    }

    /// Runs a statement with each set of parameters of an iterator, all or nothing, on a lease of its own.
    ///
    /// # Errors
    /// As [`Session::execute_many`](crate::Session::execute_many).
    pub fn execute_many<'a>(
        &'a self,
        sql: &'a str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send + 'a,
    ) -> Boxed<'a, u64> {
        Box::pin(async move { self.run(Many::new(sql, sets.into_iter(), Affected)).await })
    }

    /// As [`Shared::execute_many`], with the rows that all sets give.
    ///
    /// # Errors
    /// As [`Session::query_many`](crate::Session::query_many).
    pub fn query_many<'a, T: FromRowOwned + 'a>(
        &'a self,
        sql: &'a str,
        sets: impl IntoIterator<Item: Params, IntoIter: Send> + Send + 'a,
    ) -> Boxed<'a, Vec<T>> {
        Box::pin(async move { self.run(Many::new(sql, sets.into_iter(), All::default())).await })
    }

    /// One round trip that does nothing else.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        self.run(Ping::default())
    }

    /// The type that SQL calls `name`.
    ///
    /// # Errors
    /// As [`Session::type_by_name`](crate::Session::type_by_name).
    pub fn type_by_name(&self, name: &str) -> impl Future<Output = Result<Option<Type>>> + Send {
        self.run(TypeByName::new(name))
    }
}
