//! Rows: shapes known at compile time, plans made once per statement, and readers that decode straight out of the
//! input buffer.

mod column;
mod maps;
mod owned;
mod plan;
mod reader;
mod shape;
mod table;
#[cfg(test)]
mod tests;

pub use column::{Column, ColumnIndex};
pub(crate) use owned::of_one_row;
pub use owned::{Row, RowRef};
pub use plan::RowPlan;
pub use reader::{FromRow, FromRowOwned, RowReader, Single};
pub(crate) use reader::{Ignored, check};
pub use shape::{Field, Shape};
pub use table::Table;
