//! Layer 2, messages: every message of protocol 3.0 and 3.2, borrowed on the way in, appended on the way out.
//! Manual: "Message Formats".

pub mod backend;
pub mod frontend;
pub mod replication;

/// How a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The type's input and output functions' text.
    Text,
    /// The type's send and receive functions' bytes.
    Binary,
}

impl Format {
    /// The code in Bind and RowDescription.
    #[inline]
    pub fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }
}
