//! TLS without I/O: rustls' own connection, fed with bytes by whoever has the socket.
//!
//! - [`client_config`](config::client_config): `sslmode` and the root certificates as a [`rustls::ClientConfig`]
//! - [`Channel`](channel::Channel): one connection, ciphertext on one side and plaintext on the other
//! - [`server_end_point`](end_point::server_end_point): the hash that SCRAM binds to
//!
//! The ring provider is named explicitly, so no process-wide default is needed or touched. Randomness and the time for
//! certificate checks are rustls' own; a client crate may set `time_provider` of the configuration.
//!
//! Source: "libpq: SSL Support", "Protocol Flow: SSL Session Encryption", RFC 5929.

pub mod channel;
pub mod config;
pub mod end_point;

mod certificate;
mod explain;

#[cfg(test)]
mod tests;
