//! The socket: sending without waiting, reading with or without a deadline. Nothing of PostgreSQL is known here.

use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Instant;

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
        rustix::io::retry_on_intr(|| send(self, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)).map_err(io::Error::from)
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

    /// Waits until there is something to read or, if `writing`, room to send.
    pub(crate) fn wait(&self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let wanted = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
            let mut fds = [PollFd::new(self, wanted)];
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
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Ready::TimedOut);
            }
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
