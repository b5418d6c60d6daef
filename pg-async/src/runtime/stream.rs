//! A stream of the user's, instead of a socket.

use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a connection can run over: any byte stream of futures-io.
pub trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A stream, and whether it has something to be flushed.
pub(crate) struct Socket {
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

    /// Sends as much as fits without waiting; `WouldBlock` if nothing does.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut context = Context::from_waker(Waker::noop());
        match stream.as_mut().poll_write(&mut context, bytes) {
            Poll::Ready(sent) => {
                let _ = stream.as_mut().poll_flush(&mut context);
                sent
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
