//! The type matrix: each type of `pg-core/docs/types.md` in each place and form it can be in, under both clients,
//! against the server's own text of the same value.
//!
//! A value is sent and comes back. Along with it the server is sent a text that means the same, and makes the value of
//! that by itself: both must be one to it, and what comes back must be what was sent. [`Place`] lists the places; each is
//! tried in binary and in text.
//!
//! # A new type
//!
//! One row in the file of its family in `families/`:
//!
//! ```ignore
//! Row::new("uuid", "uuid::Uuid", |rng| {
//!     let uuid = Uuid::from_u128(..);
//!     (uuid, uuid.to_string())              // a value, and a text that the server reads as the same
//! })
//! .edges([(Uuid::nil(), "00000000-0000-0000-0000-000000000000")])   // with the server's own text, to the letter
//! .except(Place::Range, "why there is no such cell")
//! ```
//!
//! - The Rust type's name is spelt as the documents spell it. Further Rust types for the same SQL type:
//!   [`Row::written_as`] and [`Row::read_as`].
//! - A type that older servers lack says [`Row::since`]; one that an extension brings,
//!   [`Row::extension`].
//! - A type that the server reads or writes only as text says [`Row::text_only`]; one whose text can't be
//!   written, [`Row::binary_only`].
//!
//! A test holds the rows to the table of the documents in both directions.

pub mod families;
mod forced;
mod places;
mod row;
mod run;

pub use places::Place;
pub use row::{AnyRow, Row};
pub use run::{Tally, run, soak};
