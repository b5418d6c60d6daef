//! tokio: needs a runtime with its I/O and time drivers enabled.

use pg_core::config::tcp::Tcp;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// How long connecting waits before it asks again for room in the queue of a Unix socket.
#[cfg(unix)]
const FULL_QUEUE: std::time::Duration = std::time::Duration::from_millis(10);

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    pub(crate) async fn tcp(address: SocketAddr, tcp: &Tcp) -> io::Result<Socket> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        #[cfg(unix)]
        super::watch::watch(&stream, tcp)?;
        #[cfg(not(unix))]
        socket2::SockRef::from(&stream).set_keepalive(tcp.keepalives)?;
        Ok(Socket::Tcp(stream))
    }

    /// Connects. On Linux, a path that begins with `@` is a name of the abstract namespace.
    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> io::Result<Socket> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let mut path = path.as_os_str().as_bytes().to_vec();
        if let (true, [at @ b'@', ..]) =
            (cfg!(any(target_os = "linux", target_os = "android")), path.as_mut_slice())
        {
            *at = 0;
        }
        let path = std::ffi::OsString::from_vec(path);
        loop {
            match UnixStream::connect(&path).await {
                // The server's queue is full, and the system doesn't tell when there is room.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(FULL_QUEUE).await,
                other => return other.map(Socket::Unix),
            }
        }
    }

    /// Reads what is there; 0 at the end.
    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(space);
        ready!(match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_read(context, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Sends as much as fits.
    #[inline]
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    /// Sends as much as fits without waiting; `WouldBlock` if nothing does.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.try_write(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.try_write(bytes),
        }
    }
}

/// Whether the current task runs under it.
#[cfg(feature = "runtime-smol")]
pub(super) fn is_here() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// Ready at a moment.
pub(super) async fn sleep_until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}

/// Lets the runtime look at its sockets.
pub(super) use tokio::task::yield_now;

/// The addresses of a host, found off the runtime's threads.
pub(super) async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    tokio::net::lookup_host((name, port)).await.map(Iterator::collect)
}
