//! Expansions compile for every shape a type can have, and what they write they read again, in both forms, through
//! plans made with a catalog put together by hand.

#![deny(warnings)]

#[path = "derive_shapes/compile.rs"]
mod compile;
#[path = "derive_shapes/native.rs"]
mod native;
#[path = "derive_shapes/round_trips.rs"]
mod round_trips;
