//! tokio's `AsyncRead`, `AsyncWrite` and `AsyncSeek` for what a session lends: large objects are all three, and COPY is
//! fed from them and written to them. tokio's channels take notifications ([`ToChannel`]).

use pg_core::error::{Error, ErrorKind, Result};
use pg_core::run::Lender;
use pg_core::streams::{CopyIn, CopyOut, LargeObject};
use std::future::{Future, poll_fn};
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

pub use super::tokio_channel::ToChannel;

/// So much is read from a source at once.
const PIECE: usize = 64 * 1024;

/// Writes all that a source gives into a COPY FROM STDIN.
///
/// # Errors
/// As [`CopyIn::write`]; and the source's own, after which the COPY is to be dropped or aborted.
pub async fn copy_from<S: Lender>(
    copy: &mut CopyIn<'_, S>,
    mut source: impl AsyncRead + Unpin + Send,
) -> Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let mut buffer = ReadBuf::new(&mut piece);
        poll_fn(|context| Pin::new(&mut source).poll_read(context, &mut buffer)).await.map_err(|error| {
            Error::new(ErrorKind::Encode, "the source of a COPY failed").with_source(error)
        })?;
        if buffer.filled().is_empty() {
            return Ok(());
        }
        copy.write(buffer.filled()).await?;
    }
}

/// Writes all that is left of a COPY TO STDOUT into a sink: how many rows there were in all.
///
/// # Errors
/// As [`CopyOut::next_piece`]; and the sink's own, after which the rest is read away by the next call.
pub async fn copy_to<S: Lender>(
    mut copy: CopyOut<'_, S>,
    mut sink: impl AsyncWrite + Unpin + Send,
) -> Result<u64> {
    let failed = |error| Error::io("writing what a COPY gave", error);
    while let Some(mut piece) = copy.next_piece().await? {
        while !piece.is_empty() {
            let written = poll_fn(|context| Pin::new(&mut sink).poll_write(context, piece)).await;
            let written = written.map_err(failed)?;
            if written == 0 {
                return Err(failed(io::ErrorKind::WriteZero.into()));
            }
            piece = piece.get(written..).unwrap_or_default();
        }
    }
    poll_fn(|context| Pin::new(&mut sink).poll_flush(context)).await.map_err(failed)?;
    Ok(copy.rows().unwrap_or_default())
}

/// A large object as an [`AsyncRead`], [`AsyncWrite`] and [`AsyncSeek`].
///
/// Shutting it down flushes and closes it; what was written and not flushed is lost when it is dropped.
#[must_use = "what is written to it is complete after flush or shutdown"]
pub struct LargeObjectIo<'s, S: Lender>(State<'s, S>);

/// What a step gives back: the object, unless it was closed, and how it went.
type Step<'s, S> = Pin<Box<dyn Future<Output = (Option<LargeObject<'s, S>>, Result<()>)> + Send + 's>>;

/// A step moves no data of the caller's: that goes between the buffers while nothing is on its way, so that a step
/// nobody waits for any longer loses and repeats nothing.
enum State<'s, S: Lender> {
    Idle(LargeObject<'s, S>),
    Busy(Step<'s, S>),
    Closing(Step<'s, S>),
    Closed,
}

impl<'s, S: Lender> LargeObjectIo<'s, S> {
    /// Makes it of an open large object.
    pub fn new(object: LargeObject<'s, S>) -> LargeObjectIo<'s, S> {
        LargeObjectIo(State::Idle(object))
    }

    /// Gives the large object back; `None` while a step is on its way, and once it is shut down.
    pub fn into_inner(self) -> Option<LargeObject<'s, S>> {
        match self.0 {
            State::Idle(object) => Some(object),
            _ => None,
        }
    }

    /// The object, once no step is on its way.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut LargeObject<'s, S>>> {
        if let State::Busy(step) = &mut self.0 {
            let (object, outcome) = ready!(step.as_mut().poll(context));
            self.0 = object.map_or(State::Closed, State::Idle);
            outcome.map_err(io::Error::other)?;
        }
        match &mut self.0 {
            State::Idle(object) => Poll::Ready(Ok(object)),
            _ => Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, "the large object is closed"))),
        }
    }

    /// Begins a step.
    fn begin<F>(&mut self, step: impl FnOnce(LargeObject<'s, S>) -> F)
    where
        F: Future<Output = (Option<LargeObject<'s, S>>, Result<()>)> + Send + 's,
    {
        if let State::Idle(object) = std::mem::replace(&mut self.0, State::Closed) {
            self.0 = State::Busy(Box::pin(step(object)));
        }
    }
}

impl<S: Lender> AsyncRead for LargeObjectIo<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let object = ready!(self.poll_idle(context))?;
            if let Some(count) = object.read_ahead(buffer.initialize_unfilled()) {
                buffer.advance(count);
                return Poll::Ready(Ok(()));
            }
            self.begin(|mut object| async move {
                let outcome = object.fill().await;
                (Some(object), outcome)
            });
        }
    }
}

impl<S: Lender> AsyncWrite for LargeObjectIo<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let object = ready!(self.poll_idle(context))?;
            if let Some(count) = object.write_behind(data) {
                return Poll::Ready(Ok(count));
            }
            self.begin(flush);
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while ready!(self.poll_idle(context))?.wants_flush() {
            self.begin(flush);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.0 {
                State::Closed => return Poll::Ready(Ok(())),
                State::Closing(step) => {
                    let (_, outcome) = ready!(step.as_mut().poll(context));
                    self.0 = State::Closed;
                    return Poll::Ready(outcome.map_err(io::Error::other));
                }
                State::Idle(_) | State::Busy(_) => {
                    ready!(self.as_mut().poll_flush(context))?;
                    if let State::Idle(object) = std::mem::replace(&mut self.0, State::Closed) {
                        self.0 = State::Closing(Box::pin(async move { (None, object.close().await) }));
                    }
                }
            }
        }
    }
}

async fn flush<S: Lender>(mut object: LargeObject<'_, S>) -> (Option<LargeObject<'_, S>>, Result<()>) {
    let outcome = object.flush().await;
    (Some(object), outcome)
}

impl<S: Lender> AsyncSeek for LargeObjectIo<'_, S> {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        if let State::Busy(_) | State::Closing(_) = self.0 {
            return Err(io::Error::other("a step is on its way: poll it to its end first"));
        }
        self.begin(|mut object| async move {
            let outcome = object.seek(to).await.map(drop);
            (Some(object), outcome)
        });
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let object = ready!(self.poll_idle(context))?;
        Poll::Ready(Ok(object.tell()))
    }
}

impl<S: Lender> std::fmt::Debug for LargeObjectIo<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LargeObjectIo").finish_non_exhaustive()
    }
}
