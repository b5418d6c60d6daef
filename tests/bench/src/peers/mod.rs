//! The peers, a file each. A peer's `run` connects, does an operation for each item of `Rounds`, and gives the last
//! row that it read. Rows pass through `black_box`, so that no decoding is optimised away.

mod asynchronous;
mod blocking;
#[cfg(feature = "libpq")]
mod libpq;
mod postgres;
mod raw;
mod tokio_postgres;

use std::hint::black_box;

use crate::{
    child::Rounds,
    workload::{Last, Result, Workload},
};

pub struct Peer {
    pub name: &'static str,
    pub run: fn(Workload, Rounds) -> Result<Option<Last>>,
}

pub const PEERS: &[Peer] = &[
    Peer { name: "raw", run: raw::framed },
    Peer { name: "raw-poll", run: raw::polled },
    Peer { name: "raw-decode", run: raw::decoded },
    #[cfg(feature = "libpq")]
    Peer { name: "libpq", run: libpq::run },
    Peer { name: "postgres", run: postgres::run },
    Peer { name: "tokio-postgres", run: tokio_postgres::run },
    Peer { name: "pg-blocking", run: blocking::run },
    Peer { name: "pg-async", run: asynchronous::run },
];

/// The last of rows that were read whole.
fn pop<T>(rows: Vec<T>) -> Option<Last>
where
    Last: From<T>,
{
    black_box(rows).pop().map(Last::from)
}
