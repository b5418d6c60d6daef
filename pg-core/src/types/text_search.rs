//! Text search: [`TsVector`] <-> `tsvector`, [`TsQuery`] <-> `tsquery`. Manual: "Text Search Types".

mod query;
mod token;
mod vector;
mod weight;

pub use query::{Node, Operand, Part, TsQuery};
pub use vector::{Position, TsVector};
pub use weight::{Weight, Weights};
