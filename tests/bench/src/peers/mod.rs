//! The peers, a file each. A peer's `run` connects, does an operation for each item of `Rounds`, and gives the last
//! row that it read. Rows pass through `black_box`, so that no decoding is optimised away.

mod asynchronous;
mod blocking;
#[cfg(feature = "libpq")]
mod libpq;
mod postgres;
mod raw;
mod tokio_postgres;

use crate::{
    child::Rounds,
    workload::{Result, User, Workload},
};

pub struct Peer {
    pub name: &'static str,
    pub run: fn(Workload, Rounds) -> Result<Option<User>>,
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
