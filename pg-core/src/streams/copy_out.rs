//! COPY TO STDOUT: bytes or rows are read, as they lie in the input buffer.

use crate::copy::{CopyTo, Header, TextRow};
use crate::error::{Error, Result};
use crate::exchange::copy::{Copied, Copy, CopyFrame, CopyState, Direction};
use crate::exchange::session::Describe;
use crate::exchange::stream::Fetch;
use crate::message::Format;
use crate::message::backend::DataRow;
use crate::row::{Column, FromRow, RowPlan, RowRef, Shape, of_one_row};
use crate::run::Lender;
use std::io::Write;

/// A COPY TO STDOUT that gives its data piece by piece.
///
/// At most one read buffer and one message are held: whoever stops reading stops the server.
///
/// # Drop
/// It has no destructor: the data belongs to the connection, whose next call reads the rest away, or cancels the
/// statement if that takes longer than the configured time.
#[must_use = "the statement was sent; its data waits"]
pub struct CopyOut<'s, S> {
    session: &'s mut S,
    state: CopyState,
    rows: Option<u64>,
}

impl<'s, S: Lender> CopyOut<'s, S> {
    pub(crate) async fn start(session: &'s mut S, sql: &str) -> Result<CopyOut<'s, S>> {
        let state = session.run(Copy::new(sql, Direction::Out)).await?;
        Ok(CopyOut { session, state, rows: None })
    }

    /// The next piece, which lives until the next call: one row in text and CSV. `None` at the end.
    ///
    /// # Errors
    /// What the server said instead; there is no more after it.
    ///
    /// # Cancel safety
    /// No piece is lost when the future is dropped.
    pub async fn next_piece(&mut self) -> Result<Option<&[u8]>> {
        match self.next().await? {
            Some(frame) => Ok(Some(self.session.lent().copy_data(frame))),
            None => Ok(None),
        }
    }

    async fn next(&mut self) -> Result<Option<CopyFrame>> {
        loop {
            if self.rows.is_some() {
                return Ok(None);
            }
            match self.session.lent().poll_copy(&mut self.state)? {
                Copied::Data(frame) => return Ok(Some(frame)),
                Copied::End(rows) => self.rows = Some(rows),
                Copied::Open => self.session.run(Fetch).await?,
            }
        }
    }

    /// How many rows the server says there were; `None` before the end.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Writes all that is left into `sink`: how many rows there were in all.
    ///
    /// # Errors
    /// As [`CopyOut::next_piece`]; and the sink's own, after which the rest is read away by the next call.
    ///
    /// In the async client the sink must not wait, as a `Vec` doesn't: the task would wait with it.
    pub async fn write_to(mut self, mut sink: impl Write + Send) -> Result<u64> {
        while let Some(piece) = self.next_piece().await? {
            sink.write_all(piece).map_err(|e| Error::io("writing what a COPY gave", e))?;
        }
        sink.flush().map_err(|e| Error::io("writing what a COPY gave", e))?;
        Ok(self.rows.unwrap_or_default())
    }
}

/// A COPY TO STDOUT whose rows are read as Rust types, borrowed or owned. All that is said of [`CopyOut`] holds.
#[must_use = "the statement was sent; its rows wait"]
pub struct CopyRowsOut<'s, S> {
    copy: CopyOut<'s, S>,
    plan: RowPlan,
    other: Option<RowPlan>,
    binary: bool,
    begun: bool,
    text: TextRow,
}

impl<'s, S: Lender> CopyRowsOut<'s, S> {
    /// The columns are described first, which costs a round trip.
    pub(crate) async fn start(
        session: &'s mut S,
        copy: &CopyTo,
        shape: &'static Shape,
    ) -> Result<CopyRowsOut<'s, S>> {
        let select = copy.select()?;
        let planned = Describe::new(&select, |description, catalog| {
            let plan = RowPlan::new(shape, description.columns, catalog)?;
            let binary = plan.wanted_formats().iter().all(|format| *format == Format::Binary);
            let formats = vec![if binary { Format::Binary } else { Format::Text }; plan.columns().len()];
            Ok((plan.with_formats(shape, &formats)?, binary))
        });
        let (plan, binary) = session.run(planned).await?;
        let copy = CopyOut::start(session, &copy.of_rows(binary)?).await?;
        Ok(CopyRowsOut { copy, plan, other: None, binary, begun: false, text: TextRow::default() })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        self.plan.columns()
    }

    /// The next row, which lives until the next call; `None` at the end.
    ///
    /// # Errors
    /// What the server said instead of a row; there are no more after it. Data that is no row.
    ///
    /// # Cancel safety
    /// No row is lost when the future is dropped.
    pub async fn next_row(&mut self) -> Result<Option<RowRef<'_>>> {
        loop {
            let Some(frame) = self.copy.next().await? else {
                return Ok(None);
            };
            let connection = self.copy.session.lent();
            let data = connection.copy_data(frame);
            let data = match (self.binary, self.begun) {
                (true, false) => Header::read(data).map_err(of_one_row)?,
                _ => data,
            };
            self.begun = true;
            // The header may come alone; the trailer is a count that no row has.
            if self.binary && (data.is_empty() || data == (-1i16).to_be_bytes()) {
                continue;
            }
            let skipped = connection.copy_data(frame).len().saturating_sub(data.len());
            return self.row(frame, skipped).map(Some);
        }
    }

    fn row(&mut self, frame: CopyFrame, skipped: usize) -> Result<RowRef<'_>> {
        let connection = self.copy.session.lent();
        connection.clear_scratch();
        let (data, context) = connection.copied(frame);
        let data = data.get(skipped..).unwrap_or_default();
        let data = if self.binary { data } else { self.text.read(data).map_err(of_one_row)? };
        Ok(RowRef {
            row: DataRow::new(data).map_err(of_one_row)?,
            plan: &self.plan,
            cache: &mut self.other,
            context,
        })
    }

    /// The next row as `T`; `None` at the end.
    ///
    /// # Errors
    /// As [`CopyRowsOut::next_row`]; and a row that `T` can't hold, after which the rows go on.
    pub async fn next_as<'r, T: FromRow<'r>>(&'r mut self) -> Result<Option<T>> {
        self.next_row().await?.map(RowRef::get).transpose()
    }
}

impl<S> std::fmt::Debug for CopyOut<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyOut").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<S> std::fmt::Debug for CopyRowsOut<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyRowsOut").field("plan", &self.plan).finish_non_exhaustive()
    }
}
