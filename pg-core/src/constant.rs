//! Statements as constants: the SQL, its parameters and its rows in one typed value.

use crate::exchange::check::Check;
use crate::exchange::collect::{Affected, All, AtMostOne, Collect, One};
use crate::exchange::query::Request;
use crate::params::Params;
use crate::row::FromRowOwned;
use std::marker::PhantomData;
use std::panic::Location;

/// A statement with the types of its parameters `P` and of its rows `R`, declared once.
///
/// [`Session::verify`](crate::Session::verify) checks any number of them against a live schema, in one test.
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
///
/// const RENAME: Query<(i64, &str), ()> = Query::new("update users set name = $2 where id = $1");
/// // let renamed = client.fetch_affected(&RENAME, (1, "anna"))?;
/// ```
pub struct Query<P, R> {
    sql: &'static str,
    location: &'static Location<'static>,
    never_null: &'static [&'static str],
    types: PhantomData<fn() -> (P, R)>,
}

impl<P, R> Query<P, R> {
    /// A statement of this text, declared where this is called.
    #[track_caller]
    pub const fn new(sql: &'static str) -> Query<P, R> {
        Query { sql, location: Location::caller(), never_null: &[], types: PhantomData }
    }

    /// Says that these columns of the result are never NULL, though their tables would let them be: by what the statement
    /// selects, which no schema tells. [`Session::verify`](crate::Session::verify) believes it.
    ///
    /// ```
    /// use pg_core::Query;
    ///
    /// const NAMES: Query<(), (String,)> =
    ///     Query::new("select nickname from users where nickname is not null").never_null(&["nickname"]);
    /// # assert_eq!(NAMES.sql(), "select nickname from users where nickname is not null");
    /// ```
    #[must_use]
    pub const fn never_null(self, columns: &'static [&'static str]) -> Query<P, R> {
        Query { never_null: columns, ..self }
    }

    /// Its text.
    pub const fn sql(&self) -> &'static str {
        self.sql
    }

    /// Where it is declared.
    pub const fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// A [`Query`] of any parameters and rows, for [`Session::verify`](crate::Session::verify).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be checked against a schema",
    note = "`verify` takes `Query<P, R>` constants: `client.verify(&[&BY_EMAIL, &ALL])`"
)]
pub trait Declared: Sync {
    /// Its text.
    fn sql(&self) -> &'static str;

    /// Where it is declared.
    fn location(&self) -> &'static Location<'static>;

    /// What prepares and plans it, and runs nothing.
    #[doc(hidden)]
    fn check(&self) -> Check;
}

macro_rules! declared {
    ([$($generics:tt)*] $rows:ty, $collect:ty) => {
        impl<P: Params, $($generics)*> Declared for Query<P, $rows> {
            fn sql(&self) -> &'static str {
                self.sql
            }

            fn location(&self) -> &'static Location<'static> {
                self.location
            }

            fn check(&self) -> Check {
                Check::new(self.sql, P::FIELDS, <$collect as Collect>::SHAPE, self.never_null)
            }
        }
    };
}

declared!([R: FromRowOwned] R, All<R>);
declared!([](), Affected);

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
