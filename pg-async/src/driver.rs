//! The one loop: the only place of this crate that reads or writes a socket.
//!
//! The write is tried at once; then the task waits for bytes to read, and for room to send only while there is
//! something left to send, so that no pipeline can deadlock with a server that waits for us to read.
//!
//! The tests compile this file a second time, over a link and a clock that are imagined.

use super::runtime::{self, Instant, Socket, Timer};
use pg_core::error::{Error, Result};
use pg_core::exchange::driving::Steps;
use pg_core::protocol::connection::Connection;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

/// A connection and its socket.
#[derive(Debug)]
pub struct Link {
    pub(crate) connection: Connection,
    pub(crate) socket: Socket,
}

impl Link {
    pub(crate) fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let bytes = self.connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            match self.socket.poll_write(context, bytes) {
                Poll::Ready(Ok(count)) => self.connection.handle_sent(count),
                Poll::Ready(Err(e)) => return self.poll_last_words(context, e),
                Poll::Pending => break,
            }
        }
        match self.socket.poll_read(context, self.connection.space()) {
            Poll::Ready(Ok(count)) => self.connection.handle_read(count),
            Poll::Ready(Err(e)) => self.connection.handle_failure(Error::io("reading from the server", e)),
            // All is sent that was to be sent, and the server has nothing to say against it.
            Poll::Pending if self.connection.only_writes() && !self.connection.wants_write() => {}
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// One attempt to send what waits.
    pub(crate) fn nudge(&mut self) {
        let bytes = self.connection.poll_transmit();
        if let Ok(count) = self.socket.send(bytes) {
            self.connection.handle_sent(count);
        }
    }

    /// The server may have said why before it closed: that is better than a broken pipe.
    #[cold]
    fn poll_last_words(&mut self, context: &mut Context<'_>, error: io::Error) -> Poll<()> {
        match self.socket.poll_read(context, self.connection.space()) {
            Poll::Ready(Ok(count)) if count > 0 => self.connection.handle_read(count),
            Poll::Ready(_) => self.connection.handle_failure(Error::io("sending to the server", error)),
            // The runtime has not looked yet; a link that can't be written to has something to read, or its end.
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }
}

impl Steps for Link {
    type Moment = Instant;
    type Timer = Timer;

    fn now() -> Instant {
        Instant::now()
    }

    fn after(time: Duration) -> Option<Instant> {
        Instant::now().checked_add(time)
    }

    #[inline]
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    #[inline]
    fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        deadline: Option<Instant>,
        timer: &mut Timer,
    ) -> Poll<Result<bool>> {
        // Asked first, since a server that never stops sending never lets a wait time out.
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Poll::Ready(Ok(false));
        }
        match (Link::poll_step(self, context), deadline) {
            (Poll::Ready(()), _) => Poll::Ready(Ok(true)),
            (Poll::Pending, None) => Poll::Pending,
            (Poll::Pending, Some(deadline)) => timer.poll(deadline, context).map(|()| Ok(false)),
        }
    }

    async fn look(&mut self) {
        runtime::yield_now().await;
        poll_fn(|context| {
            let _ = Link::poll_step(self, context);
            Poll::Ready(())
        })
        .await;
    }

    fn nudge(&mut self) {
        Link::nudge(self);
    }
}
