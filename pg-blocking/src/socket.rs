//! The socket: sending without waiting, reading with or without a deadline. Nothing of PostgreSQL is known here.

#[cfg(unix)]
use crate::wait::Wanted;
use pg_core::config::tcp::Tcp;
use pg_core::error::{Error, ErrorKind};
use std::io;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
/// Why a strategy of the user's has ended a wait before its time.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
/// The clock that deadlines go by.
pub(crate) use std::time::Instant;

/// A connected stream socket, and how it is waited for.
pub(crate) struct Socket {
    stream: Stream,
    strategy: Option<Box<Strategy>>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// A strategy of the user's, and why it has failed.
struct Strategy {
    #[cfg(unix)]
    wait: std::sync::Arc<dyn crate::wait::Wait>,
    failure: Option<Failure>,
    is_suspended: bool,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("stream", &self.stream)
            .field("has_strategy", &self.strategy.is_some())
            .finish_non_exhaustive()
    }
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// There is something to read, or an error to be told.
    Read,
    /// There is room to send.
    Write,
    /// The deadline has passed.
    TimedOut,
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Socket {
        Socket { stream: Stream::Tcp(stream), strategy: None }
    }
}

#[cfg(unix)]
impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Socket {
        Socket { stream: Stream::Unix(stream), strategy: None }
    }
}

impl Socket {
    /// Whether each read is waited for first, by a strategy.
    #[inline]
    pub(crate) fn waits_first(&self) -> bool {
        self.strategy.is_some()
    }

    /// Why the last wait has ended before its time, if it has.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.strategy.as_mut()?.failure.take()
    }

    /// Waits in the plain way meanwhile.
    pub(crate) fn suspend(&mut self, is_suspended: bool) {
        if let Some(strategy) = &mut self.strategy {
            strategy.is_suspended = is_suspended;
        }
    }
}

impl Socket {
    /// Connects; `TimedOut` if the deadline comes first.
    pub(crate) fn tcp(address: SocketAddr, tcp: &Tcp, deadline: Option<Instant>) -> io::Result<Socket> {
        let stream = match left(deadline)? {
            Some(left) => TcpStream::connect_timeout(&address, left)?,
            None => TcpStream::connect(address)?,
        };
        stream.set_nodelay(true)?;
        #[cfg(unix)]
        watch(&stream, tcp)?;
        #[cfg(not(unix))]
        socket2::SockRef::from(&stream).set_keepalive(tcp.keepalives)?;
        Ok(stream.into())
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
        Ok(UnixStream::from(socket).into())
    }

    /// Connects, which never waits on these systems.
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    pub(crate) fn unix(path: &Path, _: Option<Instant>) -> io::Result<Socket> {
        UnixStream::connect(path).map(Socket::from)
    }
}

/// Has the system watch the link.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn watch(socket: impl AsFd, tcp: &Tcp) -> io::Result<()> {
    use rustix::net::sockopt;
    let socket = socket.as_fd();
    sockopt::set_socket_keepalive(socket, tcp.keepalives)?;
    if let Some(idle) = tcp.idle.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepidle(socket, idle)?;
    }
    if let Some(interval) = tcp.interval.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepintvl(socket, interval)?;
    }
    if let Some(count) = tcp.count.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepcnt(socket, count)?;
    }
    if let Some(timeout) = tcp.user_timeout {
        sockopt::set_tcp_user_timeout(socket, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))?;
    }
    Ok(())
}

/// Has the system watch the link.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn watch(socket: impl AsFd, tcp: &Tcp) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_keepalive(socket, tcp.keepalives)?)
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
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
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
    pub(crate) fn wait(&mut self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
        if let Some(strategy) = &mut self.strategy
            && !strategy.is_suspended
        {
            if left(deadline).is_err() {
                return Ok(Ready::TimedOut);
            }
            let wanted = if writing { Wanted::Write } else { Wanted::Read };
            let fd = match &self.stream {
                Stream::Tcp(stream) => stream.as_fd(),
                Stream::Unix(stream) => stream.as_fd(),
            };
            return Ok(strategy.wait.wait(fd, wanted, deadline).unwrap_or_else(|failure| {
                strategy.failure = Some(failure);
                Ready::TimedOut
            }));
        }
        wait(&*self, writing, deadline)
    }

    /// Lets time pass as it is waited here.
    pub(crate) fn pause(&self, time: std::time::Duration) -> pg_core::Result<()> {
        let strategy = self.strategy.as_ref().filter(|strategy| !strategy.is_suspended);
        crate::wait::pause(strategy.map(|strategy| &*strategy.wait), time)
    }

    /// Waits by a strategy from now on; `None`: by the system's read.
    pub(crate) fn set_strategy(&mut self, wait: Option<std::sync::Arc<dyn crate::wait::Wait>>) {
        self.strategy = wait.map(|wait| Box::new(Strategy { wait, failure: None, is_suspended: false }));
    }

    /// Another handle of the same socket.
    pub(crate) fn try_clone(&self) -> io::Result<Socket> {
        Ok(match &self.stream {
            Stream::Tcp(stream) => stream.try_clone()?.into(),
            Stream::Unix(stream) => stream.try_clone()?.into(),
        })
    }
}

/// Waits as [`Socket::wait`] does without a strategy.
#[cfg(unix)]
pub(crate) fn wait(fd: impl AsFd, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
    loop {
        if let Some(ready) = poll_once(&fd, writing, deadline)? {
            return Ok(ready);
        }
    }
}

/// The same; `None` if a signal came first.
#[cfg(unix)]
pub(crate) fn poll_once(
    fd: impl AsFd,
    writing: bool,
    deadline: Option<Instant>,
) -> io::Result<Option<Ready>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let wanted = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let Ok(left) = left(deadline) else { return Ok(Some(Ready::TimedOut)) };
    let timeout =
        left.map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
    let mut fds = [PollFd::new(&fd, wanted)];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) => Ok(Some(Ready::TimedOut)),
        // An error or a hang-up is told by the read that follows.
        Ok(_) if fds.iter().any(|fd| fd.revents().intersects(!PollFlags::OUT)) => Ok(Some(Ready::Read)),
        Ok(_) => Ok(Some(Ready::Write)),
        Err(rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
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
    /// Lets time pass.
    pub(crate) fn pause(&self, time: std::time::Duration) -> pg_core::Result<()> {
        std::thread::sleep(time);
        Ok(())
    }

    fn stream(&self) -> &TcpStream {
        let Stream::Tcp(stream) = &self.stream;
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
    pub(crate) fn wait(&mut self, writing: bool, deadline: Option<Instant>) -> io::Result<Ready> {
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

/// The error of a call whose wait has failed.
pub(crate) fn interrupted(failure: Failure) -> Error {
    Error::new(ErrorKind::Interrupted, "waiting for the server was interrupted").with_source(failure)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use rustix::net::sockopt;
    use std::time::Duration;

    #[test]
    fn the_system_watches_the_link_as_it_was_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let seconds = Duration::from_secs;
        let tcp = Tcp {
            keepalives: true,
            idle: Some(seconds(33)),
            interval: Some(seconds(7)),
            count: Some(4),
            user_timeout: Some(Duration::from_millis(1500)),
        };
        watch(&socket, &tcp).unwrap();
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), seconds(33));
        assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap(), seconds(7));
        assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), 4);
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 1500);
        watch(&socket, &Tcp { keepalives: false, ..Tcp::default() }).unwrap();
        assert!(!sockopt::socket_keepalive(&socket).unwrap());
    }
}
