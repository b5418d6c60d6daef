//! COPY FROM STDIN: bytes or rows are written, and counted at the end.

use crate::copy::{CopyFrom, CopyRow, RowWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::copy::{Copied, Copy, CopyState, Direction, Flush};
use crate::exchange::session::Describe;
use crate::exchange::stream::Fetch;
use crate::message::frontend::OPEN_COPY_DATA;
use crate::run::Lender;
use crate::wire::writer::Buffer;
use std::io::Read;
use std::marker::PhantomData;

/// Data is handed to the link whenever this much is queued; so much of it is held at once, and no more.
const PIECE: usize = 64 * 1024;

/// How far a COPY has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows written; 0 where bytes are.
    pub rows: u64,
    /// Bytes of data written.
    pub bytes: u64,
}

/// A COPY FROM STDIN that takes data.
///
/// At most 64 KiB and one message of it are held: a server that doesn't keep up makes [`CopyIn::write`] wait.
///
/// # Drop
/// Dropped without [`finish`](CopyIn::finish) it is failed: nothing of it remains, and the session is usable. CopyFail is
/// queued and one attempt is made to send it, without waiting.
#[must_use = "dropped without finish(), a COPY is failed and nothing of it remains"]
pub struct CopyIn<'s, S: Lender> {
    session: &'s mut S,
    state: CopyState,
    progress: Progress,
    watch: Option<Box<dyn FnMut(Progress) + Send + 's>>,
}

impl<'s, S: Lender> CopyIn<'s, S> {
    pub(crate) async fn start(session: &'s mut S, sql: &str) -> Result<CopyIn<'s, S>> {
        let state = session.run(Copy::new(sql, Direction::In)).await?;
        Ok(CopyIn { session, state, progress: Progress::default(), watch: None })
    }

    /// Calls `watch` whenever a piece was handed to the link, and at the end.
    pub fn on_progress(mut self, watch: impl FnMut(Progress) + Send + 's) -> CopyIn<'s, S> {
        self.watch = Some(Box::new(watch));
        self
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Writes data, of any length: rows may be cut anywhere.
    ///
    /// # Errors
    /// What the server said of the data before; the COPY is over then. It is told here or by [`CopyIn::finish`].
    ///
    /// # Cancel safety
    /// Dropped, some of the data may have been written: drop the COPY too, or count by [`CopyIn::progress`].
    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        for piece in data.chunks(PIECE) {
            let Some(queued) = self.session.lent().put_copy_data(&self.state, piece)? else {
                return self.over().await;
            };
            self.progress.bytes = self.progress.bytes.saturating_add(piece.len() as u64);
            if queued >= PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// The server takes no more data: why.
    #[cold]
    async fn over(&mut self) -> Result<()> {
        self.end().await?;
        Err(Error::usage("the COPY is over, and takes no more data"))
    }

    /// Hands all that was written to the link, so that the server has it before more comes.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub async fn flush(&mut self) -> Result<()> {
        loop {
            // The server may have refused the data long before its end.
            self.check()?;
            if !self.session.lent().wants_write() {
                break;
            }
            self.session.run(Flush).await?;
        }
        self.tell();
        Ok(())
    }

    /// Writes all that a source gives.
    ///
    /// # Errors
    /// As [`CopyIn::write`]; and the source's own, after which the COPY is to be dropped or ended by [`CopyIn::abort`].
    ///
    /// In the async client the source must not wait, as a slice or a `Cursor` doesn't: the task would wait with it.
    pub async fn write_all_of(&mut self, mut source: impl Read + Send) -> Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let read = match source.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(
                        Error::new(ErrorKind::Encode, "the source of a COPY failed").with_source(error)
                    );
                }
            };
            self.write(piece.get(..read).unwrap_or_default()).await?;
        }
    }

    /// Says that the data is complete, and waits for the server: how many rows it took.
    ///
    /// # Errors
    /// What the server said of the data; nothing of the COPY remains then. An error of kind `Timeout` leaves it open: the
    /// server may have been done with it already.
    ///
    /// # Cancel safety
    /// Dropped, the server decides.
    pub async fn finish(mut self) -> Result<u64> {
        self.session.lent().end_copy(&self.state);
        let rows = self.end().await?;
        self.tell();
        Ok(rows)
    }

    /// Fails the COPY and waits until the server has undone it. `reason` stands in the server's log, at most 8,000 bytes of
    /// it.
    ///
    /// # Errors
    /// A lost connection; nothing of the COPY remains then either.
    pub async fn abort(mut self, reason: &str) -> Result<()> {
        self.session.lent().fail_copy(&self.state, reason);
        match self.end().await {
            Err(error) if self.session.lent().is_closed() => Err(error),
            _ => Ok(()),
        }
    }

    async fn end(&mut self) -> Result<u64> {
        loop {
            match self.session.lent().poll_copy(&mut self.state)? {
                Copied::End(_) if self.state.has_failed() => {
                    return Err(Error::usage("the COPY has failed, and its error was told before"));
                }
                Copied::End(rows) => return Ok(rows),
                Copied::Data(_) => {}
                Copied::Open => self.session.run(Fetch).await?,
            }
        }
    }

    fn check(&mut self) -> Result<()> {
        match self.session.lent().poll_copy(&mut self.state)? {
            Copied::End(_) => Err(Error::usage("the COPY is over, and takes no more data")),
            Copied::Data(_) | Copied::Open => Ok(()),
        }
    }

    fn tell(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch(self.progress);
        }
    }
}

impl<S: Lender> Drop for CopyIn<'_, S> {
    fn drop(&mut self) {
        let connection = self.session.lent();
        connection.fail_copy(&self.state, "the COPY was given up");
        if connection.wants_write() {
            self.session.send_now();
        }
    }
}

impl<S: Lender> std::fmt::Debug for CopyIn<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyIn").field("state", &self.state).field("progress", &self.progress).finish()
    }
}

/// A COPY FROM STDIN that takes rows of a Rust type. All that is said of [`CopyIn`] holds.
#[must_use = "dropped without finish(), a COPY is failed and nothing of it remains"]
pub struct CopyRowsIn<'s, S: Lender, R> {
    copy: CopyIn<'s, S>,
    writer: RowWriter,
    /// A CopyData that rows are appended to.
    piece: Buffer,
    rows: PhantomData<fn(R)>,
}

impl<'s, S: Lender, R: CopyRow> CopyRowsIn<'s, S, R> {
    /// The columns are described first, which costs a round trip.
    pub(crate) async fn start(session: &'s mut S, copy: &CopyFrom) -> Result<CopyRowsIn<'s, S, R>> {
        let names: Vec<&str> = R::FIELDS.iter().filter_map(|field| field.name()).collect();
        let copy = copy.for_rows(&names, R::FIELDS.len())?;
        // An altered column's new type may take the old one's bytes for another value.
        let describing = copy.describing(R::FIELDS.len())?;
        let planned = Describe::new(&describing, |description, catalog| {
            RowWriter::with_names::<R>(&description.parameters, copy.column_names(), catalog)
        });
        let writer = session.run(planned).await?;
        let copy = if writer.is_binary() { copy.binary() } else { copy };
        let copy = CopyIn::start(session, &copy.to_sql()?).await?;
        Ok(CopyRowsIn { copy, writer, piece: OPEN_COPY_DATA.into(), rows: PhantomData })
    }

    /// Calls `watch` whenever a piece was handed to the link, and at the end.
    pub fn on_progress(mut self, watch: impl FnMut(Progress) + Send + 's) -> CopyRowsIn<'s, S, R> {
        self.copy = self.copy.on_progress(watch);
        self
    }

    /// How far it has come: rows and bytes that were written.
    pub fn progress(&self) -> Progress {
        self.copy.progress
    }

    /// Writes a row.
    ///
    /// # Errors
    /// A value that its column can't hold, with the column's name: nothing of this row was written, and the COPY goes on.
    /// What the server said of the rows before: the COPY is over then.
    ///
    /// # Cancel safety
    /// The row was taken as soon as the future was first polled.
    pub async fn write(&mut self, row: &R) -> Result<()> {
        let settings = self.copy.session.lent().conversation().settings();
        self.writer.write(&mut self.piece, row, settings)?;
        self.copy.progress.rows = self.copy.progress.rows.saturating_add(1);
        if self.piece.len() >= PIECE {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes all rows of an iterator.
    ///
    /// # Errors
    /// As [`CopyRowsIn::write`].
    pub async fn write_all(&mut self, rows: impl IntoIterator<Item = R, IntoIter: Send>) -> Result<()>
    where
        R: Sync + Send,
    {
        for row in rows {
            self.write(&row).await?;
        }
        Ok(())
    }

    /// Hands all rows that were written to the link.
    ///
    /// # Errors
    /// As [`CopyRowsIn::write`].
    pub async fn flush(&mut self) -> Result<()> {
        if !self.hand_over()? {
            return self.copy.over().await;
        }
        self.copy.flush().await
    }

    /// Whether the server takes more.
    fn hand_over(&mut self) -> Result<bool> {
        let data = self.piece.len().saturating_sub(OPEN_COPY_DATA.len());
        if data == 0 {
            return Ok(true);
        }
        let copy = &mut self.copy;
        let taken = copy.session.lent().put_copy_message(&copy.state, &mut self.piece);
        copy.progress.bytes = copy.progress.bytes.saturating_add(data as u64);
        self.piece.shrink_to(2 * PIECE);
        self.piece.extend_from_slice(&OPEN_COPY_DATA);
        taken
    }

    /// Says that there are no more rows, and waits for the server: how many it took.
    ///
    /// # Errors
    /// What the server said of the rows; nothing of the COPY remains then.
    ///
    /// # Cancel safety
    /// Dropped, the server decides.
    pub async fn finish(mut self) -> Result<u64> {
        self.writer.end(&mut self.piece);
        self.hand_over()?;
        self.copy.finish().await
    }

    /// Fails the COPY and waits until the server has undone it. `reason` stands in the server's log.
    ///
    /// # Errors
    /// A lost connection; nothing of the COPY remains then either.
    pub async fn abort(self, reason: &str) -> Result<()> {
        self.copy.abort(reason).await
    }
}

impl<S: Lender, R> std::fmt::Debug for CopyRowsIn<'_, S, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyRowsIn").field("copy", &self.copy).finish_non_exhaustive()
    }
}
