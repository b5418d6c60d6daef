//! A CancelRequest, on a connection of its own: TLS as the session has it, the request, and then the server closes.

use super::{About, Exchange, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::Message;
use crate::protocol::conversation::{CancelKey, Conversation};
#[cfg(feature = "tls")]
use crate::protocol::state::Phase;

/// Sends the request of `key`. The connection that runs it is closed by the server when the signal has been sent, so
/// it never completes: see [`CancelRequest::outcome`].
#[derive(Debug)]
pub struct CancelRequest {
    key: CancelKey,
    #[cfg(feature = "tls")]
    tls: Option<super::startup::Tls>,
    wants_request: bool,
}

impl CancelRequest {
    /// A request for the session that has this key.
    pub fn new(key: CancelKey, #[cfg(feature = "tls")] tls: Option<super::startup::Tls>) -> CancelRequest {
        CancelRequest {
            key,
            #[cfg(feature = "tls")]
            tls,
            wants_request: false,
        }
    }

    /// What the end of the exchange means: the server's closing is success, all else a failure.
    ///
    /// # Errors
    /// All but the closed link.
    pub fn outcome(result: Result<()>) -> Result<()> {
        match result {
            Err(error) if error.kind() != ErrorKind::Io => Err(error.within("the statement could not be cancelled")),
            _ => Ok(()),
        }
    }
}

impl Exchange for CancelRequest {
    type Output = ();

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.take() {
            c.secure = Some(crate::protocol::secured::Secure::new(tls.config, tls.server_name, tls.required));
            crate::message::frontend::ssl_request(&mut c.out);
            c.expect(Phase::Tls);
            self.wants_request = true;
            return Ok(());
        }
        self.wants_request = false;
        c.out.extend(self.key.request()?);
        // No message answers it: what comes is the end of the link.
        c.expect(crate::protocol::state::Phase::Cancel);
        Ok(())
    }

    fn on_message(&mut self, _: &mut Conversation, _: Message<'_>) -> Result<()> {
        Err(Error::protocol("the server answered a CancelRequest"))
    }

    fn wants_retry(&mut self, _: &mut Conversation) -> bool {
        self.wants_request
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Cancel, sql: None, parameters: 0 }
    }
}
