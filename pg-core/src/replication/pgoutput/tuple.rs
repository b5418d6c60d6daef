//! Rows of pgoutput: a count of columns, and for each a letter that says what it is.

use crate::error::{Error, Result};
use crate::wire::reader::Reader;

/// A row, checked as a whole and read on demand.
#[derive(Debug, Clone, Copy)]
pub struct Tuple<'a> {
    columns: u16,
    values: Reader<'a>,
}

impl PartialEq for Tuple<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns && self.values.rest() == other.values.rest()
    }
}

impl Eq for Tuple<'_> {}

/// One column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TupleValue<'a> {
    /// NULL; in a key, a column that doesn't belong to it.
    Null,
    /// A value that is stored out of line (TOAST) and wasn't changed: the server doesn't send it.
    Unchanged,
    /// In the type's text form.
    Text(&'a [u8]),
    /// In the type's binary form.
    Binary(&'a [u8]),
}

/// What a row was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old<'a> {
    /// The columns of the replica identity; the others are NULL.
    Key(Tuple<'a>),
    /// All columns: the table has `REPLICA IDENTITY FULL`.
    Row(Tuple<'a>),
}

impl<'a> Old<'a> {
    /// The row, of which a key has only its own columns.
    pub fn tuple(&self) -> Tuple<'a> {
        match self {
            Old::Key(tuple) | Old::Row(tuple) => *tuple,
        }
    }

    pub(super) fn read(r: &mut Reader<'a>) -> Result<Old<'a>> {
        match r.u8()? {
            b'K' => Tuple::read(r).map(Old::Key),
            b'O' => Tuple::read(r).map(Old::Row),
            other => Err(unknown(other, "'K' or 'O'")),
        }
    }
}

#[cold]
fn unknown(letter: u8, expected: &str) -> Error {
    Error::decode(format!("a row begins with {:?}, expected {expected}", letter as char))
}

impl<'a> Tuple<'a> {
    /// A new row.
    pub(super) fn new_row(r: &mut Reader<'a>) -> Result<Tuple<'a>> {
        match r.u8()? {
            b'N' => Tuple::read(r),
            other => Err(unknown(other, "'N'")),
        }
    }

    fn read(r: &mut Reader<'a>) -> Result<Tuple<'a>> {
        let columns = r.u16()?;
        let values = *r;
        for _ in 0..columns {
            TupleValue::read(r)?;
        }
        let length = values.rest().len().saturating_sub(r.rest().len());
        let values = Reader::new(values.rest().get(..length).unwrap_or_default());
        Ok(Tuple { columns, values })
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        usize::from(self.columns)
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The values in the table's order.
    pub fn values(&self) -> impl Iterator<Item = TupleValue<'a>> + use<'a> {
        let mut values = self.values;
        // Each was read before.
        std::iter::from_fn(move || TupleValue::read(&mut values).ok())
    }
}

impl<'a> TupleValue<'a> {
    #[inline]
    fn read(r: &mut Reader<'a>) -> Result<TupleValue<'a>> {
        match r.u8()? {
            b'n' => Ok(TupleValue::Null),
            b'u' => Ok(TupleValue::Unchanged),
            b't' => bytes(r).map(TupleValue::Text),
            b'b' => bytes(r).map(TupleValue::Binary),
            other => Err(Error::decode(format!("a value is of the unknown kind {:?}", other as char))),
        }
    }

    /// The bytes, of a value that has some.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            TupleValue::Text(bytes) | TupleValue::Binary(bytes) => Some(bytes),
            TupleValue::Null | TupleValue::Unchanged => None,
        }
    }
}

#[inline]
fn bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
    r.take(length)
}
