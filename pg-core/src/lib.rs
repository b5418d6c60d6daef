//! PostgreSQL without I/O: the protocol, the codecs, the registry and the sessions that `pg-blocking` and `pg-async`
//! drive. Bytes in, bytes out, values out: no socket, task, clock, environment, file or random source is known here.
//!
//! # The layers
//!
//! Each may use those above it, none below; a test holds it.
//!
//! | layer | modules | what lives there |
//! |---|---|---|
//! | 0 words | [`sqlstate`], [`error`], [`quote`], `tuples`, [`lsn`] | vocabulary, the one [`Error`], escaping |
//! | 1 bytes | [`wire`] | a cursor over a body, appending with back-patched lengths, splitting the stream into frames |
//! | 2 messages | [`message`] | every message of protocol 3.0 and 3.2 |
//! | 3 types | [`types`], [`row`], [`params`], [`compose`], [`copy`], [`replication`] | adapters, typecasters, plans, rows, parameters |
//! | 4 protocol | [`config`], [`auth`], `tls`, [`protocol`] | connection strings, login, the state table, [`protocol::connection::Connection`] |
//! | 5 exchanges | [`exchange`], [`constant`] | the operations, one a file |
//! | 6 session | [`run`], [`streams`], [`session`], [`transaction`], [`retry`], [`blocking`], [`observe`], [`factory`], [`listener`], [`pool`], [`walsender`], `verify` | what a user does with a connection, generic over the clients |
//!
//! # The way of a value
//!
//! A parameter: a tuple's [`Params`] names each type by a constant; the statement's first run makes a
//! [`Plan`](types::plan::Plan) for each and keeps it; each run's Bind lets the [`Adapter`] append to the one output
//! buffer. A row: its [`FromRow`] shape is a constant; RowDescription is matched to it once; each DataRow is read by
//! the [`Typecaster`]s straight out of the one input buffer.
//!
//! # What is promised
//!
#![doc = include_str!("../docs/promises.md")]
//!
//! # Limits
//!
#![doc = include_str!("../docs/limits.md")]
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

// So that the derives' expansions, which name `::pg_core`, work in this crate's own tests and examples.
#[allow(unused_extern_crates, reason = "used by expansions")]
extern crate self as pg_core;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod auth;
pub mod blocking;
pub mod compose;
pub mod config;
pub mod constant;
pub mod copy;
pub mod error;
pub mod exchange;
pub mod factory;
pub mod listener;
pub mod lsn;
pub mod message;
pub mod observe;
pub mod params;
pub mod pool;
pub mod protocol;
pub mod quote;
pub mod replication;
pub mod retry;
pub mod row;
pub mod run;
pub mod session;
pub mod sqlstate;
pub mod streams;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transaction;
mod tuples;
pub mod types;
mod verify;
pub mod walsender;
pub mod wire;

pub use blocking::{Blocking, complete};
pub use compose::Sql;
pub use config::Config;
pub use constant::Query;
pub use copy::CopyRow;
pub use error::{Error, ErrorKind, Result};
pub use exchange::cursor::{CursorOptions, Towards};
pub use exchange::portal::Portal;
pub use params::Params;
pub use pg_derive::{
    CopyRowForCore as CopyRow, FromRowForCore as FromRow, FromSqlForCore as FromSql, ParamsForCore as Params,
    ToSqlForCore as ToSql,
};
pub use protocol::notifications::{Heard, Notification, NotificationSink};
pub use retry::Retry;
pub use row::{FromRow, Row};
pub use run::Run;
pub use session::{Lifecycle, Rows, Session, Transaction};
pub use sqlstate::SqlState;
pub use streams::LargeObjectMode;
pub use transaction::{Isolation, TransactionOptions};
pub use types::adapter::{Adapter, Parameter};
pub use types::registry::Registry;
pub use types::typecaster::Typecaster;
