//! A stream of the user's, instead of a socket.

use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a connection can run over: any byte stream of futures-io.
#[diagnostic::on_unimplemented(
    message = "no connection goes over `{Self}`",
    note = "it goes over what is futures-io's `AsyncRead + AsyncWrite + Send`; tokio's streams become so by `tokio_util::compat`"
)]
pub trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A stream, and whether it has something to be flushed.
pub(crate) struct Socket {
    /// Never waited for: a mutex makes it one that threads may share.
    stream: Mutex<Pin<Box<dyn Stream>>>,
    is_dirty: bool,
}

impl Socket {
    pub(crate) fn new(stream: impl Stream + 'static) -> Socket {
        Socket { stream: Mutex::new(Box::pin(stream)), is_dirty: false }
    }

    fn get_mut(&mut self) -> Pin<&mut dyn Stream> {
        self.stream.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_dirty {
            match self.get_mut().poll_flush(context) {
                Poll::Ready(Ok(())) => self.is_dirty = false,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => {}
            }
        }
        self.get_mut().poll_read(context, space)
    }

    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_dirty = true;
        self.get_mut().poll_write(context, bytes)
    }

    /// Sends as much as fits without waiting; `WouldBlock` if nothing does. What can't be flushed at once is flushed before
    /// the next read.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(sent) = self.poll_write(&mut context, bytes) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        self.is_dirty = !matches!(self.get_mut().poll_flush(&mut context), Poll::Ready(Ok(())));
        sent
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A stream that keeps what is written until it is flushed, and doesn't flush at the first attempt.
    #[derive(Default)]
    struct Lazy {
        kept: usize,
        attempts: usize,
        flushed: Arc<AtomicUsize>,
    }

    impl AsyncRead for Lazy {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Lazy {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.kept += bytes.len();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.attempts += 1;
            if self.attempts == 1 {
                return Poll::Pending;
            }
            let kept = std::mem::take(&mut self.kept);
            self.flushed.fetch_add(kept, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_could_not_be_flushed_when_it_was_sent_is_flushed_by_the_next_read() {
        let lazy = Lazy::default();
        let flushed = Arc::clone(&lazy.flushed);
        let mut socket = Socket::new(lazy);
        assert_eq!(socket.send(b"ROLLBACK").unwrap(), 8);
        assert_eq!(flushed.load(Ordering::Relaxed), 0);
        assert!(socket.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0; 8]).is_pending());
        assert_eq!(flushed.load(Ordering::Relaxed), 8);
    }
}
