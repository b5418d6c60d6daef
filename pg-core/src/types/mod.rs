//! Layer 3, types: adapters, typecasters, plans and what is known of the server's types. One type family a file.
//!
#![doc = include_str!("../../docs/types.md")]

pub mod adapter;
pub mod array;
pub mod bit;
pub mod catalog;
pub mod codecs;
pub mod composite;
pub mod context;
pub mod conversion;
pub mod derived;
pub mod derives;
pub mod domain;
pub mod elements;
pub mod enumeration;
pub mod expects;
pub mod geometry;
pub mod hstore;
pub mod interval;
#[cfg(feature = "with-serde_json-1")]
pub mod json;
pub mod jsonpath;
pub mod lists;
pub mod literal;
pub mod ltree;
pub mod money;
pub mod name;
pub mod native;
pub mod network;
pub mod numeric;
pub mod packed;
pub mod plan;
pub mod range;
pub mod record;
pub mod registry;
pub mod run_time;
pub mod strings;
pub mod system;
pub mod text_form;
pub mod text_search;
pub mod time;
pub mod typecaster;
pub mod value;
pub mod via;
pub mod wanted;
pub mod with;

pub use postgres_types::{Kind, Oid, Type};

mod booleans;
mod bytes;
#[cfg(feature = "with-chrono-0_4")]
mod chrono;
mod forms;
#[cfg(feature = "with-geo-types-0_7")]
mod geo_types;
#[cfg(feature = "with-ipnet-2")]
mod ipnet;
#[cfg(feature = "with-jiff-0_2")]
mod jiff;
mod nullable;
mod numbers;
#[cfg(feature = "with-pgvector-0_4")]
mod pgvector;
#[cfg(feature = "with-rust_decimal-1")]
mod rust_decimal;
mod through;
#[cfg(feature = "with-time-0_3")]
mod time_0_3;
#[cfg(feature = "with-uuid-1")]
mod uuid;
mod versioned;

#[cfg(test)]
pub(crate) mod cases;
