//! What this crate needs of a runtime, one file a runtime: a socket that is polled, name resolution, and a deadline.
//!
//! With both features on, a connection that is opened inside of tokio is tokio's, and any other is smol's.

#[cfg(feature = "runtime-smol")]
mod smol;
mod stream;
#[cfg(feature = "runtime-tokio")]
mod tokio;
#[cfg(feature = "runtime-tokio")]
mod tokio_channel;
#[cfg(feature = "runtime-tokio")]
pub mod tokio_io;
#[cfg(unix)]
mod watch;

use pg_core::config::tcp::Tcp;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// The clock that deadlines go by.
pub(crate) use std::time::Instant;
pub use stream::Stream;

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Socket {
    #[cfg(feature = "runtime-tokio")]
    Tokio(tokio::Socket),
    #[cfg(feature = "runtime-smol")]
    Smol(smol::Socket),
    /// Not a socket of ours.
    Stream(stream::Socket),
}

/// Does the same by whichever runtime is here.
macro_rules! here {
    ($tokio:expr, $smol:expr) => {{
        #[cfg(all(feature = "runtime-tokio", feature = "runtime-smol"))]
        {
            if tokio::is_here() { $tokio } else { $smol }
        }
        #[cfg(all(feature = "runtime-tokio", not(feature = "runtime-smol")))]
        {
            $tokio
        }
        #[cfg(all(feature = "runtime-smol", not(feature = "runtime-tokio")))]
        {
            $smol
        }
    }};
}

impl Socket {
    pub(crate) async fn tcp(address: SocketAddr, tcp: &Tcp) -> io::Result<Socket> {
        here!(
            tokio::Socket::tcp(address, tcp).await.map(Socket::Tokio),
            smol::Socket::tcp(address, tcp).await.map(Socket::Smol)
        )
    }

    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> io::Result<Socket> {
        here!(
            tokio::Socket::unix(path).await.map(Socket::Tokio),
            smol::Socket::unix(path).await.map(Socket::Smol)
        )
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Socket {
        Socket::Stream(stream::Socket::new(stream))
    }

    /// Reads what is there; 0 at the end.
    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            #[cfg(feature = "runtime-tokio")]
            Socket::Tokio(socket) => socket.poll_read(context, space),
            #[cfg(feature = "runtime-smol")]
            Socket::Smol(socket) => socket.poll_read(context, space),
            Socket::Stream(socket) => socket.poll_read(context, space),
        }
    }

    /// Sends as much as fits.
    #[inline]
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            #[cfg(feature = "runtime-tokio")]
            Socket::Tokio(socket) => socket.poll_write(context, bytes),
            #[cfg(feature = "runtime-smol")]
            Socket::Smol(socket) => socket.poll_write(context, bytes),
            Socket::Stream(socket) => socket.poll_write(context, bytes),
        }
    }

    /// Sends as much as fits without waiting; `WouldBlock` if nothing does.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(feature = "runtime-tokio")]
            Socket::Tokio(socket) => socket.send(bytes),
            #[cfg(feature = "runtime-smol")]
            Socket::Smol(socket) => socket.send(bytes),
            Socket::Stream(socket) => socket.send(bytes),
        }
    }
}

/// Wakes at a deadline, once it is waited for. Boxed, so that whoever has none isn't made larger by it.
#[derive(Default)]
pub struct Timer(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Timer {
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline))).as_mut().poll(context)
    }
}

/// Awaits a future up to a deadline; `None` if that came first.
pub(crate) async fn before<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = Timer::default();
    poll_fn(|context| match (future.as_mut().poll(context), deadline) {
        (Poll::Ready(output), _) => Poll::Ready(Some(output)),
        (Poll::Pending, None) => Poll::Pending,
        (Poll::Pending, Some(deadline)) => timer.poll(deadline, context).map(|()| None),
    })
    .await
}

async fn sleep_until(moment: Instant) {
    here!(tokio::sleep_until(moment).await, {
        smol::sleep_until(moment).await;
    });
}

/// Lets the runtime look at its sockets.
pub(crate) async fn yield_now() {
    here!(tokio::yield_now().await, smol::yield_now().await);
}

/// The addresses of a host, found off the runtime's threads.
pub(crate) async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    here!(tokio::resolve(name, port).await, smol::resolve(name, port).await)
}
