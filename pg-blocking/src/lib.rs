//! A blocking PostgreSQL client, typed from end to end, with no runtime inside.
//!
//! ```no_run
//! use pg_blocking::{Config, FromRow, FromSql, ToSql};
//!
//! #[derive(Debug, ToSql, FromSql)]
//! #[pg(name = "mood", rename_all = "snake_case")] // CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')
//! enum Mood { Sad, Ok, Happy }
//!
//! #[derive(Debug, FromRow)]
//! struct User { id: i64, name: String, mood: Option<Mood> }
//!
//! fn main() -> Result<(), pg_blocking::Error> {
//!     let mut client = Config::new("postgres://app@localhost/shop")?.connect()?;
//!     let happy: Vec<User> = client.query("select * from users where mood = $1", (Mood::Happy,))?;
//!     println!("{happy:?}");
//!
//!     let mut tx = client.begin()?;
//!     tx.execute("update users set mood = $2 where id = $1", (7_i64, Mood::Ok))?;
//!     tx.commit() // dropped without commit = rolled back
//! }
//! ```
//!
//! Where to find what:
//!
//! | you want | look at |
//! |---|---|
//! | connect | [`Config`] |
//! | run statements | [`Client`] (all its methods are [`Blocking`]'s) |
//! | send and read your own types | [`ToSql`], [`FromSql`], [`FromRow`], [`pg_core::types`] |
//! | rows one by one, borrowed | [`Blocking::stream`] |
//! | transactions, savepoints | [`Blocking::begin`], [`TransactionOptions`] |
//! | several statements in one round trip | [`Blocking::pipeline`], [`pg_core::exchange::pipeline`] |
//! | statements as typed constants | [`Query`] |
//! | SQL made at run time | [`Sql`] |
//! | cancel from another thread | [`Blocking::cancel_token`], [`CancelToken`] |
//! | code for both clients | [`Session`], [`complete`] |
//! | Ctrl-C, coroutines, an event loop of yours | [`wait`], [`nonblocking`] |
//! | notifications, for ever | [`Listener`], [`Blocking::listen`] |
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
extern crate self as pg_blocking;

mod cancel;
mod client;
mod connect;
mod driver;
mod listener;
#[cfg(unix)]
pub mod nonblocking;
mod observe;
pub mod pool;
mod pump;
mod socket;
#[cfg(unix)]
pub mod wait;

pub use cancel::CancelToken;
pub use client::{Client, Raw};
pub use connect::Connect;
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
    Adapter, Blocking, CursorOptions, Error, ErrorKind, Heard, Isolation, LargeObjectMode, Lifecycle,
    Notification, NotificationSink, Portal, Query, Registry, Result, Retry, Row, Rows, Run, Session, Sql,
    SqlState, Towards, Transaction, TransactionOptions, Typecaster, complete,
};
pub use pg_derive::{
    CopyRowForBlocking as CopyRow, FromRowForBlocking as FromRow, FromSqlForBlocking as FromSql,
    ParamsForBlocking as Params, ToSqlForBlocking as ToSql,
};
pub use pump::Pump;

/// How to connect: a connection string, then settings, then [`connect`](pg_core::config::Config::connect).
pub type Config = pg_core::config::Config<Connect>;
