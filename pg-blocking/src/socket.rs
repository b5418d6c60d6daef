//! The socket: sending without waiting, reading with or without a deadline. Nothing of PostgreSQL is known here.

use std::io;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
/// The clock that deadlines go by.
pub(crate) use std::time::Instant;

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    Read,
    Write,
    TimedOut,
}

impl Socket {
    /// Connects; `TimedOut` if the deadline comes first.
    pub(crate) fn tcp(address: SocketAddr, deadline: Option<Instant>) -> io::Result<Socket> {
        let stream = match left(deadline)? {
            Some(left) => TcpStream::connect_timeout(&address, left)?,
            None => TcpStream::connect(address)?,
        };
        stream.set_nodelay(true)?;
        #[cfg(unix)]
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        #[cfg(not(unix))]
        socket2::SockRef::from(&stream).set_keepalive(true)?;
        Ok(Socket::Tcp(stream))
    }

    /// Connects; `TimedOut` if the deadline comes first. On Linux, a path that begins with `@` is a name of the abstract
    /// namespace.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn unix(path: &Path, deadline: Option<Instant>) -> io::Result<Socket> {
        use rustix::net::{
            AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
        };
        use std::os::unix::ffi::OsStrExt;
        let address = match path.as_os_str().as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddrUnix::new_abstract_name(name)?,
            None => SocketAddrUnix::new(path)?,
        };
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // Connecting waits while the server's queue is full, for as long as sending may wait.
        let left = left(deadline)?;
        if left.is_some() {
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, left)?;
        }
        match connect(&socket, &address) {
            Err(rustix::io::Errno::AGAIN) if left.is_some() => return Err(io::ErrorKind::TimedOut.into()),
            other => other?,
        }
        if left.is_some() {
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, None)?;
        }
        Ok(Socket::Unix(socket.into()))
    }

    /// Connects, which never waits on these systems.
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn unix(path: &Path, _: Option<Instant>) -> io::Result<Socket> {
        UnixStream::connect(path).map(Socket::Unix)
    }
}

/// The time that is left; `TimedOut` if none is.
fn left(deadline: Option<Instant>) -> io::Result<Option<std::time::Duration>> {
    match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(left) if left.is_zero() => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

#[cfg(unix)]
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

#[cfg(unix)]
impl Socket {
    /// Sends as much as fits without waiting; `WouldBlock` if nothing does.
    #[inline]
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        use rustix::net::{SendFlags, send};
        rustix::io::retry_on_intr(|| send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
            .map_err(io::Error::from)
    }

    /// Reads what is there, waiting for at least a byte; 0 at the end.
    #[inline]
    pub(crate) fn receive(&self, space: &mut [u8]) -> io::Result<usize> {
        self.receive_with(space, rustix::net::RecvFlags::empty())
    }

    /// Reads what is there; `WouldBlock` if nothing is.
    pub(crate) fn receive_now(&self, space: &mut [u8]) -> io::Result<usize> {
        self.receive_with(space, rustix::net::RecvFlags::DONTWAIT)
    }

    #[inline]
    fn receive_with(&self, space: &mut [u8], flags: rustix::net::RecvFlags) -> io::Result<usize> {
        loop {
            match rustix::net::recv(self, &mut *space, flags) {
                Ok((count, _)) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until there is something to read or, if `writing`, room to send. After the deadline there never is: a server
    /// that sends and sends must not outlast it.
    pub(crate) fn wait(&self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
        wait(self, writing, deadline)
    }

    /// Another handle of the same socket.
    pub(crate) fn try_clone(&self) -> io::Result<Socket> {
        Ok(match self {
            Socket::Tcp(stream) => Socket::Tcp(stream.try_clone()?),
            Socket::Unix(stream) => Socket::Unix(stream.try_clone()?),
        })
    }
}

/// Waits as [`Socket::wait`] does.
#[cfg(unix)]
pub(crate) fn wait(fd: impl AsFd, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let wanted = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    loop {
        let Ok(left) = left(deadline) else { return Ok(Ready::TimedOut) };
        let timeout =
            left.map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
        let mut fds = [PollFd::new(&fd, wanted)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(Ready::TimedOut),
            // An error or a hang-up is told by the read that follows.
            Ok(_) if fds.iter().any(|fd| fd.revents().intersects(!PollFlags::OUT)) => return Ok(Ready::Read),
            Ok(_) => return Ok(Ready::Write),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether there is room to send now, or an error to be told.
#[cfg(unix)]
pub(crate) fn is_writable(fd: impl AsFd) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&fd, PollFlags::OUT)], Some(&now)))? > 0)
}

#[cfg(not(unix))]
impl Socket {
    fn stream(&self) -> &TcpStream {
        let Socket::Tcp(stream) = self;
        stream
    }

    fn now<T>(&self, f: impl FnOnce(&TcpStream) -> io::Result<T>) -> io::Result<T> {
        let stream = self.stream();
        stream.set_nonblocking(true)?;
        let result = f(stream);
        stream.set_nonblocking(false)?;
        result
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.now(|mut stream| io::Write::write(&mut stream, bytes))
    }

    pub(crate) fn receive(&self, space: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.stream(), space)
    }

    pub(crate) fn receive_now(&self, space: &mut [u8]) -> io::Result<usize> {
        self.now(|mut stream| io::Read::read(&mut stream, space))
    }

    /// Without `poll(2)`: looks for something to read for a moment at a time.
    pub(crate) fn wait(&self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
        let moment = std::time::Duration::from_millis(5);
        loop {
            let Ok(left) = left(deadline) else { return Ok(Ready::TimedOut) };
            self.stream().set_read_timeout(Some(left.map_or(moment, |left| left.min(moment))))?;
            let peeked = self.stream().peek(&mut [0]);
            self.stream().set_read_timeout(None)?;
            match peeked {
                Ok(_) => return Ok(Ready::Read),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if writing {
                        return Ok(Ready::Write);
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }
}
