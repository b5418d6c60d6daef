//! Cancelling a statement from elsewhere: a request on a connection of its own, with TLS as the session has it.

use crate::connect;
use crate::driver::Link;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::cancel::CancelRequest;
use pg_core::exchange::connect::Place;
use pg_core::exchange::startup::Tls;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::conversation::CancelKey;
use std::time::{Duration, Instant};

/// Cancels the statement that its session runs. Cheap to clone, and free of the session's borrow.
#[derive(Debug, Clone)]
pub struct CancelToken {
    pub(crate) place: Place,
    pub(crate) key: Option<CancelKey>,
    pub(crate) tls: Option<Tls>,
}

/// How long [`CancelToken::cancel`] tries.
const TIMEOUT: Duration = Duration::from_secs(10);

impl CancelToken {
    /// Asks the server to cancel the statement that the session runs, and waits until it has passed the request on.
    ///
    /// The statement then fails with `57014`, [`Error::is_cancelled`]; one that had just ended is not affected, nor is
    /// the next. In a transaction it fails like any other statement.
    ///
    /// # Errors
    /// The server can't be reached, or not within ten seconds. Whether there was a statement to cancel isn't told.
    pub fn cancel(&self) -> Result<()> {
        self.cancel_before(Some(Instant::now() + TIMEOUT))
    }

    pub(crate) fn cancel_before(&self, deadline: Option<Instant>) -> Result<()> {
        let Some(key) = self.key.clone() else {
            return Err(Error::new(ErrorKind::Usage, "the server gave no key to cancel with")
                .hint("a pooler in between may not support it"));
        };
        let socket = connect::socket(&self.place, deadline)?;
        let mut link = Link { connection: Connection::for_cancel(), socket };
        let request = CancelRequest::new(key, self.tls.clone());
        CancelRequest::outcome(link.drive(request, deadline))
    }
}
