//! Layer 1, bytes: a cursor over a message body, appending with back-patched lengths, and splitting the stream into
//! frames. Nothing here knows what a message means.

pub mod frame;
pub mod reader;
pub mod values;
pub mod writer;
