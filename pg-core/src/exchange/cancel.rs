//! A CancelRequest, on a connection of its own: TLS as the session has it, the request, and then the server closes.

use super::connect::Place;
use super::startup::Tls;
use super::{About, Exchange, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::Message;
use crate::protocol::connection::Connection;
use crate::protocol::conversation::{CancelKey, Conversation};
use crate::protocol::state::Phase;

/// Where a session's CancelRequests go, and what they name.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where.
    pub place: Place,
    key: Option<CancelKey>,
    tls: Option<Tls>,
}

impl Route {
    /// That of a connection which is logged in at `place`; encrypted if that is.
    pub fn to(place: Place, connection: &Connection, tls: Option<Tls>) -> Route {
        let key = connection.cancel_key().cloned();
        Route { place, key, tls: tls.filter(|_| connection.is_encrypted()) }
    }

    /// A request.
    ///
    /// # Errors
    /// The server gave no key.
    pub fn request(&self) -> Result<CancelRequest> {
        let Some(key) = self.key.clone() else {
            return Err(Error::new(ErrorKind::Usage, "the server gave no key to cancel with")
                .hint("a pooler in between may not support it"));
        };
        Ok(CancelRequest::new(key, self.tls.clone()))
    }
}

/// Sends the request of `key`. The connection that runs it is closed by the server when the signal has been sent, so
/// it never completes: see [`CancelRequest::outcome`].
#[derive(Debug)]
pub struct CancelRequest {
    key: CancelKey,
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "without TLS nobody asks for it"))]
    tls: Option<Tls>,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    New,
    #[cfg(feature = "tls")]
    Handshake,
    Sent,
}

impl CancelRequest {
    /// A request for the session that has this key, encrypted if the session is: `tls` is never done without.
    pub fn new(key: CancelKey, tls: Option<Tls>) -> CancelRequest {
        CancelRequest { key, tls, stage: Stage::New }
    }

    /// What the end of the exchange means: the server's closing after the request is success, all else a failure.
    ///
    /// # Errors
    /// All but the closed link.
    pub fn outcome(result: Result<()>) -> Result<()> {
        match result {
            Err(error) if error.kind() != ErrorKind::Closed => {
                Err(error.within("the statement could not be cancelled"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the request may have been sent without its end being seen, so that it may hit later.
    pub fn is_lost(outcome: &Result<()>) -> bool {
        matches!(outcome, Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Protocol))
    }
}

impl Exchange for CancelRequest {
    type Output = ();

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.take() {
            c.secure = Some(crate::protocol::secured::Secure::new(tls.config, tls.server_name, true));
            crate::message::frontend::ssl_request(&mut c.out);
            c.expect(Phase::Tls);
            self.stage = Stage::Handshake;
            return Ok(());
        }
        c.out.extend(self.key.request()?);
        // No message answers it: what comes is the end of the link.
        c.expect(Phase::Cancel);
        self.stage = Stage::Sent;
        Ok(())
    }

    fn on_message(&mut self, _: &mut Conversation, _: Message<'_>) -> Result<()> {
        Err(Error::protocol("the server answered a CancelRequest"))
    }

    fn wants_retry(&mut self, _: &mut Conversation) -> bool {
        self.stage != Stage::Sent
    }

    fn finish(self, _: &mut Conversation) -> Result<()> {
        Ok(())
    }

    fn lost(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Io if self.stage == Stage::Sent => error.with_kind(ErrorKind::Closed),
            _ => error,
        }
    }

    fn about(&self) -> About<'_> {
        About { kind: Kind::Cancel, sql: None, parameters: 0 }
    }
}
