//! COPY as text and bytes: the commands, quoted; rows in binary and text form. Nothing here sends anything.
//!
//! Manual: "COPY", with its "File Formats".

mod command;
mod format;
mod row;

pub use command::{CopyFrom, CopyTo, OnError};
pub use format::{Header, TextRow};
pub use row::{CopyField, CopyRow, CopyWriter, RowWriter};
