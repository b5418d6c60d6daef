//! Opening sockets without waiting.

use super::task::Waits;
use crate::socket::{Ready, Socket};
use pg_core::config::host::Host;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::connect::{self, Place};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with, sockopt};
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long connecting waits before it asks again for room in the queue of a Unix socket.
const FULL_QUEUE: Duration = Duration::from_millis(10);

/// Opens a socket; a timeout is that of the deadline.
pub(super) async fn open(place: &Place, waits: &Waits, deadline: Option<Instant>) -> Result<Socket> {
    waits.forget_fd();
    let refused = |e: io::Error| connect::refused(e, &place.host);
    match (&place.host, place.address) {
        (Host::Unix { .. }, _) => {
            let path = place.host.socket_path().unwrap_or_default();
            let address = unix_address(&path).map_err(refused)?;
            loop {
                let socket = new(AddressFamily::UNIX).map_err(refused)?;
                match rustix::net::connect(&socket, &address) {
                    Ok(()) => return Ok(UnixStream::from(socket).into()),
                    // The server's queue is full, and the system doesn't tell when there is room.
                    Err(Errno::AGAIN) => pause(waits, Instant::now() + FULL_QUEUE, deadline).await?,
                    Err(error) => return Err(refused(error.into())),
                }
            }
        }
        (_, Some(address)) => {
            let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let socket = new(family).map_err(refused)?;
            match rustix::net::connect(&socket, &address) {
                Ok(()) => {}
                Err(Errno::INPROGRESS | Errno::INTR) => connected(&socket, waits, deadline, refused).await?,
                Err(error) => return Err(refused(error.into())),
            }
            sockopt::set_tcp_nodelay(&socket, true).map_err(|e| refused(e.into()))?;
            crate::socket::watch(&socket, &place.tcp).map_err(refused)?;
            Ok(TcpStream::from(socket).into())
        }
        _ => Err(refused(io::ErrorKind::Unsupported.into())),
    }
}

fn new(family: AddressFamily) -> io::Result<OwnedFd> {
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::empty(), None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unix_address(path: &std::path::Path) -> io::Result<SocketAddrUnix> {
    use std::os::unix::ffi::OsStrExt;
    Ok(match path.as_os_str().as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddrUnix::new_abstract_name(name)?,
        None => SocketAddrUnix::new(path)?,
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unix_address(path: &std::path::Path) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new(path)?)
}

/// Waits until a connection stands, or was refused.
async fn connected(
    socket: &OwnedFd,
    waits: &Waits,
    deadline: Option<Instant>,
    refused: impl Fn(io::Error) -> Error,
) -> Result<()> {
    poll_fn(|_| {
        match crate::socket::is_writable(socket) {
            Ok(true) => {}
            Ok(false) => return pending_before(deadline, || waits.note(socket, Ready::Write, deadline)),
            Err(e) => return Poll::Ready(Err(Error::io("connecting", e))),
        }
        Poll::Ready(match sockopt::socket_error(socket) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(refused(error.into())),
        })
    })
    .await
}

/// Pending, with what is waited for noted; or the error that the deadline has passed.
pub(super) fn pending_before<T>(
    deadline: Option<Instant>,
    note: impl FnOnce() -> Result<()>,
) -> Poll<Result<T>> {
    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Poll::Ready(Err(late()));
    }
    match note() {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(Err(error)),
    }
}

/// The deadline has passed.
pub(super) fn late() -> Error {
    Error::new(ErrorKind::Timeout, "the server did not answer in time")
}

/// Lets time pass.
pub(super) async fn pause(waits: &Waits, until: Instant, deadline: Option<Instant>) -> Result<()> {
    poll_fn(|_| {
        if Instant::now() >= until {
            return Poll::Ready(Ok(()));
        }
        pending_before(deadline, || waits.note_pause(deadline.map_or(until, |deadline| deadline.min(until))))
    })
    .await
}

/// The addresses of a host. The system's resolver waits, so it runs in a thread of its own, which may be left behind.
pub(super) async fn addresses(
    host: &Host,
    waits: &Waits,
    deadline: Option<Instant>,
) -> Result<Vec<Option<SocketAddr>>> {
    let Host::Tcp { name, port, .. } = host else {
        return Ok(vec![None]);
    };
    if let Some(address) = host.numeric_address() {
        return Ok(vec![Some(address)]);
    }
    let (ready, done) = UnixStream::pair().map_err(|e| Error::io("making a pair of sockets", e))?;
    let (sender, receiver) = mpsc::channel::<io::Result<Vec<Option<SocketAddr>>>>();
    let (name, port) = (name.clone(), *port);
    std::thread::spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(|found| found.map(Some).collect());
        // The receiver is gone when nobody waits any longer.
        let _ = sender.send(found);
        drop(done); // makes its other end readable
    });
    waits.forget_fd();
    let resolved = poll_fn(move |_| match receiver.try_recv() {
        Ok(found) => Poll::Ready(found.map_err(connect::unresolved)),
        Err(mpsc::TryRecvError::Empty) => {
            pending_before(deadline, || waits.note(&ready, Ready::Read, deadline))
        }
        Err(mpsc::TryRecvError::Disconnected) => {
            Poll::Ready(Err(connect::unresolved(io::Error::other("the resolver's thread has ended"))))
        }
    })
    .await;
    waits.forget_fd();
    resolved
}
