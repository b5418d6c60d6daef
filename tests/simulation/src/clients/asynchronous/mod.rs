//! The source of pg-async's loop and client, compiled over an imagined runtime.

#[allow(unreachable_pub, reason = "the client says it in public")]
mod cancel;
#[allow(dead_code, unreachable_pub, reason = "what only users call is here too")]
#[path = "../../../../../pg-async/src/client.rs"]
mod client;
#[allow(unreachable_pub, reason = "the client says it in public")]
#[path = "../../../../../pg-async/src/driver.rs"]
mod driver;
pub(crate) mod runtime;
#[allow(dead_code, unreachable_pub, reason = "what only users call is here too")]
#[path = "../../../../../pg-async/src/shared/mod.rs"]
mod shared;

pub(crate) use cancel::CancelToken;
pub(crate) use client::Client;
pub(crate) use driver::Link;
pub(crate) use shared::Shared;
