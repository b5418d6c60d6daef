//! The derives: what a type can be to PostgreSQL, and all attributes with where they stand.
//!
#![doc = include_str!("../../docs/derives.md")]
