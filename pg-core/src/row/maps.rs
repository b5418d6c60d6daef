//! Rows as maps, by the columns' names: `HashMap<String, Value>`, `BTreeMap<String, Value>`, `Vec<(String, Value)>` in the
//! columns' order, and with the feature `with-serde_json-1` a JSON object.

use super::reader::{FromRow, RowReader};
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::types::value::Value;
use std::collections::{BTreeMap, HashMap};

impl<'r> FromRow<'r> for Vec<(String, Value)> {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        row.columns().iter().map(|column| Ok((column.name().to_owned(), row.next()?))).collect()
    }
}

impl<'r> FromRow<'r> for HashMap<String, Value> {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        let mut map = HashMap::with_capacity(row.columns().len());
        each(row, |name, value| map.insert(name, value).is_none())?;
        Ok(map)
    }
}

impl<'r> FromRow<'r> for BTreeMap<String, Value> {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        let mut map = BTreeMap::new();
        each(row, |name, value| map.insert(name, value).is_none())?;
        Ok(map)
    }
}

#[cfg(feature = "with-serde_json-1")]
impl<'r> FromRow<'r> for serde_json::Map<String, serde_json::Value> {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        let mut map = serde_json::Map::new();
        each(row, |name, value| map.insert(name, value.into()).is_none())?;
        Ok(map)
    }
}

/// An object with a member for each column.
#[cfg(feature = "with-serde_json-1")]
impl<'r> FromRow<'r> for serde_json::Value {
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn from_row(row: &mut RowReader<'r, '_>) -> Result<Self> {
        serde_json::Map::from_row(row).map(serde_json::Value::Object)
    }
}

/// Reads each column. Two of one name would be one value in a map, so that is an error: nothing is dropped in silence.
fn each(row: &mut RowReader<'_, '_>, mut insert: impl FnMut(String, Value) -> bool) -> Result<()> {
    for column in row.columns() {
        if !insert(column.name().to_owned(), row.next()?) {
            return Err(twice(column.name()));
        }
    }
    Ok(())
}

#[cold]
fn twice(name: &str) -> Error {
    Error::decode(format!("the row has two columns {name:?}, of which a map would hold one"))
        .hint("give one of them another name: `select a.id, b.id as b_id`; or read a Vec<(String, Value)>")
}
