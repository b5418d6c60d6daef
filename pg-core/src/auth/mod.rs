//! Logging in: what we answer when the server asks who we are, and what it must prove in return.
//!
//! [`Login`](login::Login) is driven by the start-up exchange: each `handle_*` takes one authentication message and
//! gives the next reply. What may be answered at all is the [`Policy`](policy::Policy). Nothing here draws random
//! numbers (the nonce is an argument), and no secret is ever in a `Debug` or an error.
//!
//! Source: "Protocol Flow: Start-up", "SASL Authentication", "libpq: Parameter Key Words" (`require_auth`,
//! `channel_binding`).

pub mod login;
pub mod md5;
pub mod password;
pub mod policy;
pub mod scram;
