//! Layer 3, COPY: the commands, quoted, and rows in binary and text form. Nothing here sends anything.
//!
#![doc = include_str!("../../docs/copying.md")]

mod command;
mod format;
mod row;

pub use command::{CopyFrom, CopyTo, OnError};
pub use format::{Header, TextRow};
pub use row::{CopyField, CopyRow, CopyWriter, RowWriter};
