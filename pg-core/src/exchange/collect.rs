//! What is done with the rows of a statement: all of them, one, a column, none.

use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::DataRow;
use crate::row::{FromRow, FromRowOwned, RowPlan, RowRef, Shape, Single};
use crate::types::context::Context;
use crate::types::typecaster::TypecasterOwned;
use std::marker::PhantomData;

/// What is done with the rows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't collect rows",
    note = "`All`, `One`, `AtMostOne`, `Values` and `Value` do, of rows with `#[derive(FromRow)]`"
)]
pub trait Collect: Send {
    /// What comes out.
    type Output: Send;

    /// The columns that are read; a shape without fields reads none.
    const SHAPE: &'static Shape;

    /// The rows, or what becomes of them, are kept until the end; else they are given away as they come.
    const KEEPS: bool = true;

    /// Takes a row.
    ///
    /// # Errors
    /// The first error is what the statement ends with; the rows after it are not read.
    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()>;

    /// Forgets the rows taken so far, since the statement is run once more. False if they can't be taken back.
    fn reset(&mut self) -> bool;

    /// What comes out; `affected` is the number in the statement's tag.
    ///
    /// # Errors
    /// A number of rows that wasn't expected.
    fn finish(self, affected: u64) -> Result<Self::Output>;
}

/// All rows.
#[derive(Debug)]
pub struct All<T>(Vec<T>);

impl<T> Default for All<T> {
    fn default() -> All<T> {
        All(Vec::new())
    }
}

impl<T: FromRowOwned> Collect for All<T> {
    type Output = Vec<T>;
    const SHAPE: &'static Shape = <T as FromRow<'static>>::SHAPE;

    #[inline]
    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        self.0.push(plan.read(row, context)?);
        Ok(())
    }

    fn reset(&mut self) -> bool {
        self.0.clear();
        true
    }

    #[inline]
    fn finish(self, _: u64) -> Result<Vec<T>> {
        Ok(self.0)
    }
}

/// No row or one.
#[derive(Debug)]
pub struct AtMostOne<T>(Option<T>);

impl<T> Default for AtMostOne<T> {
    fn default() -> AtMostOne<T> {
        AtMostOne(None)
    }
}

impl<T: FromRowOwned> Collect for AtMostOne<T> {
    type Output = Option<T>;
    const SHAPE: &'static Shape = <T as FromRow<'static>>::SHAPE;

    #[inline]
    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        if self.0.is_some() {
            return Err(more_than_one());
        }
        self.0 = Some(plan.read(row, context)?);
        Ok(())
    }

    fn reset(&mut self) -> bool {
        self.0 = None;
        true
    }

    #[inline]
    fn finish(self, _: u64) -> Result<Option<T>> {
        Ok(self.0)
    }
}

/// Exactly one row.
#[derive(Debug)]
pub struct One<T>(AtMostOne<T>);

impl<T> Default for One<T> {
    fn default() -> One<T> {
        One(AtMostOne(None))
    }
}

impl<T: FromRowOwned> Collect for One<T> {
    type Output = T;
    const SHAPE: &'static Shape = <T as FromRow<'static>>::SHAPE;

    #[inline]
    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        self.0.row(plan, row, context)
    }

    fn reset(&mut self) -> bool {
        self.0.reset()
    }

    #[inline]
    fn finish(self, _: u64) -> Result<T> {
        self.0.0.ok_or_else(no_row)
    }
}

#[cold]
fn more_than_one() -> Error {
    Error::new(ErrorKind::RowCount, "the statement returned more than one row")
        .hint("add `limit 1` or a key to it, or use query(..) for all rows")
}

#[cold]
fn no_row() -> Error {
    Error::new(ErrorKind::RowCount, "the statement returned no row")
        .hint("use query_opt(..) if that may happen")
}

/// The first column of all rows.
#[derive(Debug)]
pub struct Values<T>(Vec<T>);

impl<T> Default for Values<T> {
    fn default() -> Values<T> {
        Values(Vec::new())
    }
}

impl<T: TypecasterOwned + Send> Collect for Values<T> {
    type Output = Vec<T>;
    const SHAPE: &'static Shape = <Single<T> as FromRow<'static>>::SHAPE;

    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        self.0.push(plan.read::<Single<T>>(row, context)?.0);
        Ok(())
    }

    fn reset(&mut self) -> bool {
        self.0.clear();
        true
    }

    fn finish(self, _: u64) -> Result<Vec<T>> {
        Ok(self.0)
    }
}

/// The first column of exactly one row.
#[derive(Debug)]
pub struct Value<T>(Option<T>);

impl<T> Default for Value<T> {
    fn default() -> Value<T> {
        Value(None)
    }
}

impl<T: TypecasterOwned + Send> Collect for Value<T> {
    type Output = T;
    const SHAPE: &'static Shape = <Single<T> as FromRow<'static>>::SHAPE;

    #[inline]
    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        if self.0.is_some() {
            return Err(more_than_one());
        }
        self.0 = Some(plan.read::<Single<T>>(row, context)?.0);
        Ok(())
    }

    fn reset(&mut self) -> bool {
        self.0 = None;
        true
    }

    #[inline]
    fn finish(self, _: u64) -> Result<T> {
        self.0.ok_or_else(no_row)
    }
}

/// No row is read: the number of rows in the tag.
#[derive(Debug, Default)]
pub struct Affected;

impl Collect for Affected {
    type Output = u64;
    const SHAPE: &'static Shape = <crate::row::Ignored as FromRow<'static>>::SHAPE;

    fn row(&mut self, _: &RowPlan, _: DataRow<'_>, _: &Context) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self) -> bool {
        true
    }

    fn finish(self, affected: u64) -> Result<u64> {
        Ok(affected)
    }
}

/// Each row made into a value by a function, and the values kept.
#[derive(Debug)]
pub struct Made<F, T> {
    make: F,
    made: Vec<T>,
    called: bool,
    /// The plan of the row type that the function last asked for.
    cache: Option<RowPlan>,
}

impl<F, T> Made<F, T> {
    /// Makes a value of each row by `make`.
    pub fn by(make: F) -> Made<F, T> {
        Made { make, made: Vec::new(), called: false, cache: None }
    }
}

impl<T: Send, F: FnMut(RowRef<'_>) -> Result<T> + Send> Collect for Made<F, T> {
    type Output = Vec<T>;
    const SHAPE: &'static Shape = &Shape::DYNAMIC;

    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        self.called = true;
        self.made.push((self.make)(RowRef { row, plan, cache: &mut self.cache, context })?);
        Ok(())
    }

    fn reset(&mut self) -> bool {
        !self.called
    }

    fn finish(self, _: u64) -> Result<Vec<T>> {
        Ok(self.made)
    }
}

/// Each row given to a function, nothing kept.
#[derive(Debug)]
pub struct Each<F, T> {
    f: F,
    called: bool,
    rows: PhantomData<fn() -> T>,
}

impl<F, T> Each<F, T> {
    /// Calls `f` with each row.
    pub fn new(f: F) -> Each<F, T> {
        Each { f, called: false, rows: PhantomData }
    }
}

impl<T: FromRowOwned, F: FnMut(T) -> Result<()> + Send> Collect for Each<F, T> {
    type Output = u64;
    const SHAPE: &'static Shape = <T as FromRow<'static>>::SHAPE;
    const KEEPS: bool = false;

    fn row(&mut self, plan: &RowPlan, row: DataRow<'_>, context: &Context) -> Result<()> {
        self.called = true;
        (self.f)(plan.read(row, context)?)
    }

    fn reset(&mut self) -> bool {
        !self.called
    }

    fn finish(self, affected: u64) -> Result<u64> {
        Ok(affected)
    }
}
