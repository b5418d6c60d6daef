//! The harness: what the tests of this workspace stand on, and what your own tests may use.

pub mod clients;
#[cfg(unix)]
pub mod fake_server;
#[cfg(unix)]
pub mod recorded;
#[cfg(unix)]
pub mod relay;
#[cfg(unix)]
pub mod server;
#[cfg(unix)]
pub mod sim;
#[cfg(unix)]
pub mod soak;
#[cfg(unix)]
pub mod trace;
#[cfg(unix)]
pub mod types;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
