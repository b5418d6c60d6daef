//! smol: async-io's sockets and timers, which need no runtime around them. Any executor will do.

use async_io::{Async, Timer};
use pg_core::config::tcp::Tcp;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long connecting waits before it asks again for room in the queue of a Unix socket.
#[cfg(unix)]
const FULL_QUEUE: Duration = Duration::from_millis(10);

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

impl Socket {
    pub(super) async fn tcp(address: SocketAddr, tcp: &Tcp) -> io::Result<Socket> {
        let stream = Async::<TcpStream>::connect(address).await?;
        stream.get_ref().set_nodelay(true)?;
        #[cfg(unix)]
        super::watch::watch(stream.get_ref(), tcp)?;
        #[cfg(not(unix))]
        socket2::SockRef::from(stream.get_ref()).set_keepalive(tcp.keepalives)?;
        Ok(Socket::Tcp(stream))
    }

    /// Connects. On Linux, a path that begins with `@` is a name of the abstract namespace.
    #[cfg(unix)]
    pub(super) async fn unix(path: &Path) -> io::Result<Socket> {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let address = {
            use std::os::unix::ffi::OsStrExt;
            match path.as_os_str().as_bytes().strip_prefix(b"@") {
                Some(name) => SocketAddrUnix::new_abstract_name(name)?,
                None => SocketAddrUnix::new(path)?,
            }
        };
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let address = SocketAddrUnix::new(path)?;
        loop {
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty(), None)?;
            rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            match connect(&socket, &address) {
                Ok(()) => return Ok(Socket::Unix(Async::new(UnixStream::from(socket))?)),
                // The server's queue is full, and the system doesn't tell when there is room.
                Err(rustix::io::Errno::AGAIN) => {
                    Timer::after(FULL_QUEUE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads what is there; 0 at the end.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let read = match self {
                Socket::Tcp(stream) => stream.get_ref().read(space),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.get_ref().read(space),
            };
            match read {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => return Poll::Ready(other),
            }
            let readable = match self {
                Socket::Tcp(stream) => stream.poll_readable(context),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.poll_readable(context),
            };
            std::task::ready!(readable)?;
        }
    }

    /// Sends as much as fits.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.send(bytes) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => return Poll::Ready(other),
            }
            let writable = match self {
                Socket::Tcp(stream) => stream.poll_writable(context),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.poll_writable(context),
            };
            std::task::ready!(writable)?;
        }
    }

    /// Sends as much as fits without waiting; `WouldBlock` if nothing does.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.get_ref().write(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.get_ref().write(bytes),
        }
    }
}

/// Ready at a moment.
pub(super) fn sleep_until(moment: Instant) -> impl Future<Output = Instant> + Send {
    Timer::at(moment)
}

/// Lets others run.
pub(super) use futures_lite::future::yield_now;

/// The addresses of a host, found in a thread of its own.
pub(super) async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let name = name.to_owned();
    blocking::unblock(move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
}
