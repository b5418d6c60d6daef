//! The connection and its descriptor: what is waited for, what becomes of it, and the way of a CancelRequest.

use super::client::{Client, Line};
use super::socket::{late, open};
use super::task::{Task, Waits};
use crate::cancel::CancelToken;
use crate::client::Raw;
use crate::driver::Link;
use pg_core::blocking::Blocking;
use pg_core::error::{Error, Result};
use pg_core::exchange::cancel::CancelRequest;
use pg_core::exchange::driving;
use pg_core::protocol::connection::Connection;
use std::future::Future;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How long [`Client::cancel`] tries.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// The descriptor to wait for; the same as long as the connection lives.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.link.socket.as_fd()
    }

    /// Cancels the statement that runs: a task that sends a request on a connection of its own. No operation begins
    /// before it is complete.
    pub fn cancel(&self) -> Task<()> {
        let (token, waits) = (self.cancel.clone(), Waits::default());
        let deadline = Some(Instant::now() + CANCEL_TIMEOUT);
        Task::new(waits.clone(), async move { cancel_before(&token, &waits, deadline).await })
    }

    /// Runs async code over this connection: any that awaits nothing else. It gets the connection, and gives it back if it
    /// is to live on: `client.task(|mut client| async move { ..; Ok((client, n)) })`.
    ///
    /// Operations that were started and aren't complete are given up.
    pub fn task<T, F, Fut>(self, work: F) -> Task<T>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let waits = self.line.waits.clone();
        // A failure shows again when the code first waits.
        let _ = waits.note(&self.line.link.socket, crate::socket::Ready::Read, None);
        Task::new(waits, work(self))
    }

    /// The same connection as one that waits in its calls.
    ///
    /// # Errors
    /// The system refuses to change the socket.
    pub fn into_blocking(mut self) -> Result<crate::client::Client> {
        rustix::io::ioctl_fionbio(&self.line.link.socket, false)
            .map_err(|e| Error::io("making a socket wait", e.into()))?;
        let link = self.line.link.take()?;
        Ok(Blocking::new(Raw { link, cancel: self.cancel.clone(), times: self.times }))
    }

    /// A connection that waits in its calls as one that doesn't.
    ///
    /// # Errors
    /// The system refuses to copy the descriptor.
    pub fn from_blocking(client: crate::client::Client) -> Result<Client> {
        let mut raw = client.into_inner();
        let link = raw.link.take()?;
        Ok(Client::new(Line { link, waits: Waits::default() }, raw.cancel.clone(), raw.times))
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.link.socket.as_fd()
    }
}

impl Link {
    /// Takes the link out of a client that is dropped then, and says no farewell.
    fn take(&mut self) -> Result<Link> {
        let socket = self.socket.try_clone().map_err(|e| Error::io("copying a descriptor", e))?;
        let mut closed = Connection::for_cancel();
        closed.handle_failure(late());
        Ok(Link { connection: std::mem::replace(&mut self.connection, closed), socket })
    }
}

/// Sends a CancelRequest, and waits until the server has passed it on.
pub(super) async fn cancel_before(
    token: &CancelToken,
    waits: &Waits,
    deadline: Option<Instant>,
) -> Result<()> {
    let request = token.route.request()?;
    let passage = token.gate.pass();
    let socket = match open(&token.route.place, waits, deadline).await {
        Ok(socket) => socket,
        Err(error) => {
            passage.arrived();
            return Err(error);
        }
    };
    let link = Link { connection: Connection::for_cancel(), socket };
    let mut line = Line { link, waits: waits.clone() };
    let outcome = CancelRequest::outcome(driving::drive(&mut line, request, deadline).await);
    if !CancelRequest::is_lost(&outcome) {
        passage.arrived();
    }
    waits.forget_fd();
    outcome
}
