//! Statements as constants: the SQL, its parameters and its rows in one typed value.

use crate::exchange::collect::{Affected, All, AtMostOne, One};
use crate::exchange::query::Request;
use crate::params::Params;
use crate::row::FromRowOwned;
use std::marker::PhantomData;

/// A statement with the types of its parameters `P` and of its rows `R`, declared once.
///
/// ```
/// use pg_core::{FromRow, Query};
///
/// #[derive(FromRow)]
/// struct User { id: i64, name: String }
///
/// const BY_EMAIL: Query<(&str,), User> = Query::new("select id, name from users where email = $1");
/// assert_eq!(BY_EMAIL.sql(), "select id, name from users where email = $1");
/// // let user = client.fetch_opt(&BY_EMAIL, ("a@b.c",))?;
/// ```
pub struct Query<P, R> {
    sql: &'static str,
    types: PhantomData<fn() -> (P, R)>,
}

impl<P, R> Query<P, R> {
    /// A statement of this text.
    pub const fn new(sql: &'static str) -> Query<P, R> {
        Query { sql, types: PhantomData }
    }

    /// Its text.
    pub const fn sql(&self) -> &'static str {
        self.sql
    }
}

impl<P: Params, R: FromRowOwned> Query<P, R> {
    /// All rows, as a part of a pipeline.
    pub fn all(&self, params: P) -> Request<'static, P, All<R>> {
        Request::new(self.sql, params, All::default())
    }

    /// Exactly one row, as a part of a pipeline.
    pub fn one(&self, params: P) -> Request<'static, P, One<R>> {
        Request::new(self.sql, params, One::default())
    }

    /// One row or none, as a part of a pipeline.
    pub fn opt(&self, params: P) -> Request<'static, P, AtMostOne<R>> {
        Request::new(self.sql, params, AtMostOne::default())
    }
}

impl<P: Params> Query<P, ()> {
    /// The number of rows affected, as a part of a pipeline. For a statement that returns no rows.
    pub fn execute(&self, params: P) -> Request<'static, P, Affected> {
        Request::new(self.sql, params, Affected)
    }
}

impl<P, R> Clone for Query<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for Query<P, R> {}

impl<P, R> std::fmt::Debug for Query<P, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Query").field(&self.sql).finish()
    }
}
