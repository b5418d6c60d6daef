//! An async PostgreSQL client, typed from end to end, whose futures may be dropped at any await.
//!
//! There is no background task: whoever awaits does the I/O.
//!
//! ```no_run
//! use pg_async::{Config, FromRow, FromSql, Session, ToSql};
//!
//! #[derive(Debug, ToSql, FromSql)]
//! #[pg(name = "mood", rename_all = "snake_case")] // CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')
//! enum Mood { Sad, Ok, Happy }
//!
//! #[derive(Debug, FromRow)]
//! struct User { id: i64, name: String, mood: Option<Mood> }
//!
//! # async fn run() -> Result<(), pg_async::Error> {
//! let mut client = Config::new("postgres://app@localhost/shop")?.connect().await?;
//! let happy: Vec<User> = client.query("select * from users where mood = $1", (Mood::Happy,)).await?;
//! println!("{happy:?}");
//!
//! let mut tx = client.begin().await?;
//! tx.execute("update users set mood = $2 where id = $1", (7_i64, Mood::Ok)).await?;
//! tx.commit().await // dropped without commit = rolled back
//! # }
//! ```
//!
//! Where to find what:
//!
//! | you want | look at |
//! |---|---|
//! | connect | [`Config`] |
//! | run statements | [`Client`] (its methods are those of [`Session`], which must be imported) |
//! | send and read your own types | [`ToSql`], [`FromSql`], [`FromRow`], [`pg_core::types`] |
//! | rows one by one, borrowed | [`Session::stream`] |
//! | transactions, savepoints | [`Session::begin`], [`Transaction`], [`TransactionOptions`] |
//! | several statements in one round trip | [`Session::pipeline`], [`pg_core::exchange::pipeline`] |
//! | one connection for many tasks | [`Shared`] |
//! | statements as typed constants | [`Query`] |
//! | SQL made at run time | [`Sql`] |
//! | cancel from another task | [`Lifecycle::cancel_token`], [`CancelToken`] |
//! | code for both clients | [`Session`] |
//! | notifications, for ever | [`Listener`], [`Session::listen`], [`io::ToChannel`] |
//! | log, measure, trace, wrap every call | [`observe()`], [`pg_core::observe`] |
//! | replication: slots, streams, changes as your types | [`ReplicationSession`], [`pg_core::replication`] |
//! | errors | [`Error`] |

// Nothing that a server sends, and no value of a caller's, may end the process.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        clippy::disallowed_methods
    )
)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may panic"))]

#[allow(
    unused_extern_crates,
    reason = "used by the derives' expansions in this crate's own tests and examples"
)]
extern crate self as pg_async;

#[cfg(not(any(feature = "runtime-tokio", feature = "runtime-smol")))]
compile_error!("pg-async needs a runtime: turn on the feature `runtime-tokio` or `runtime-smol`");

mod cancel;
mod client;
mod connect;
mod driver;
mod listener;
mod observe;
pub mod pool;
mod runtime;
mod shared;

pub use cancel::CancelToken;
pub use client::Client;
pub use connect::{Connect, connect_stream};
pub use listener::Listener;
pub use observe::observe;
pub use pg_core;
#[doc(hidden)]
pub use pg_core::__private;
pub use pg_core::config::settings::Replication;
pub use pg_core::copy::{CopyFrom, CopyRow, CopyTo};
pub use pg_core::params::Params;
pub use pg_core::row::FromRow;
pub use pg_core::walsender::ReplicationSession;
pub use pg_core::{
    Adapter, CursorOptions, Error, ErrorKind, Heard, Isolation, LargeObjectMode, Lifecycle, Notification,
    NotificationSink, Portal, Query, Registry, Result, Retry, Row, Rows, Run, Session, Sql, SqlState,
    Towards, Transaction, TransactionOptions, Typecaster,
};
pub use pg_derive::{
    CopyRowForAsync as CopyRow, FromRowForAsync as FromRow, FromSqlForAsync as FromSql,
    ParamsForAsync as Params, ToSqlForAsync as ToSql,
};
pub use runtime::Stream;
#[cfg(feature = "runtime-tokio")]
pub use runtime::tokio_io as io;
pub use shared::{Lease, Shared, SharedTransaction};

/// How to connect: a connection string, then settings, then [`connect`](pg_core::config::Config::connect).
pub type Config = pg_core::config::Config<Connect>;
