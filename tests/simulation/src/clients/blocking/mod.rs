//! The source of pg-blocking's loop and client, compiled over an imagined socket.

#[allow(unreachable_pub, reason = "the client says it in public")]
mod cancel;
#[allow(dead_code, unreachable_pub, reason = "what only users call is here too")]
#[path = "../../../../../pg-blocking/src/client.rs"]
mod client;
#[allow(unreachable_pub, reason = "the client says it in public")]
#[path = "../../../../../pg-blocking/src/driver.rs"]
mod driver;
pub(crate) mod nonblocking;
mod socket;

pub(crate) use cancel::CancelToken;
pub(crate) use client::Raw;
pub(crate) use driver::Link;
pub(crate) use socket::Socket;
