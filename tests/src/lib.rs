//! The harness: what the tests of this workspace stand on, and what your own tests may use.

#[cfg(unix)]
pub mod chaos;
pub mod clients;
pub mod documents;
#[cfg(unix)]
pub mod fake_server;
pub mod listeners;
pub mod pools;
#[cfg(unix)]
pub mod recorded;
#[cfg(unix)]
pub mod relay;
pub mod seed;
#[cfg(unix)]
pub mod server;
#[cfg(unix)]
pub mod sharing;
#[cfg(unix)]
pub mod soak;
#[cfg(unix)]
pub mod stage;
#[cfg(unix)]
pub mod trace;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
