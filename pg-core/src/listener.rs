//! A listener that outlives its connection: it connects again, listens again, and says where notifications may be missing.
//!
//! Between two connections nobody listens, and what is notified then is lost: PostgreSQL keeps nothing for sessions that
//! are not there. So whoever relies on notifications reads anew, at each [`Signal::Gap`], what they would have told.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::notifications::{Heard, Notification};
use crate::session::Session;
use std::future::Future;
use std::time::Duration;

/// What a client crate brings: connecting, and letting time pass.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't connect again for a `Listener`",
    note = "`pg_blocking::Listener` and `pg_async::Listener` bring what can"
)]
pub trait Redial: Send {
    /// What connecting gives.
    type Session: Session;

    /// Connects.
    fn connect(&mut self) -> impl Future<Output = Result<Self::Session>> + Send;

    /// Lets time pass.
    fn pause(&mut self, time: Duration) -> impl Future<Output = ()> + Send;
}

/// What a listener tells.
#[derive(Debug)]
pub enum Signal {
    /// A notification.
    Notification(Notification),
    /// Notifications may be missing here: the connection was lost and is there again, with all channels listened to.
    Gap(Error),
    /// So many are missing here: they came faster than they were taken.
    Lost(u64),
}

/// See [the module](self).
#[derive(Debug)]
pub struct Listener<D: Redial> {
    dial: D,
    session: Option<D::Session>,
    channels: Vec<String>,
    /// Why the last connection was lost, until the gap is told.
    lost: Option<Error>,
    heartbeat: Duration,
    patience: Duration,
    pause: Duration,
}

/// How long is waited before connecting again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

impl<D: Redial> Listener<D> {
    /// Connects, and listens to these channels.
    ///
    /// # Errors
    /// Those of connecting and of `listen`; the first time nothing is tried again.
    pub async fn connect(dial: D, channels: &[&str]) -> Result<Listener<D>> {
        let mut listener = Listener {
            dial,
            session: None,
            channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
            lost: None,
            heartbeat: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            pause: PAUSES.0,
        };
        listener.session = Some(listener.open().await?);
        Ok(listener)
    }

    /// How long the link may be silent before it is tried (30 s unless set), and how long the server may then take to answer
    /// (10 s): a link whose other end is gone is found within both together.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration, patience: Duration) -> Listener<D> {
        (self.heartbeat, self.patience) = (every, patience);
        self
    }

    /// Listens to one more channel, from now on and after each loss.
    ///
    /// # Errors
    /// A name that can't be one. A lost connection is none: it is listened to on the next.
    pub async fn listen(&mut self, channel: &str) -> Result<()> {
        if let Some(session) = &mut self.session {
            match session.listen(channel).await {
                Err(error) if is_lost(session, &error) => self.lose(error),
                other => other?,
            }
        }
        if !self.channels.iter().any(|known| known == channel) {
            self.channels.push(channel.to_owned());
        }
        Ok(())
    }

    /// Listens no longer to a channel.
    ///
    /// # Errors
    /// As [`Listener::listen`].
    pub async fn unlisten(&mut self, channel: &str) -> Result<()> {
        self.channels.retain(|known| known != channel);
        if let Some(session) = &mut self.session {
            match session.unlisten(channel).await {
                Err(error) if is_lost(session, &error) => self.lose(error),
                other => other?,
            }
        }
        Ok(())
    }

    /// Waits for the next notification or gap, without limit, however often the connection is lost meanwhile.
    ///
    /// # Errors
    /// The server refuses the login, or a channel: what waiting would not change. The next call tries again.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped, and no gap untold.
    pub async fn next(&mut self) -> Result<Signal> {
        loop {
            let Some(session) = &mut self.session else {
                self.session = Some(self.reopen().await?);
                let lost = self.lost.take();
                return Ok(Signal::Gap(lost.unwrap_or_else(|| Error::new(ErrorKind::Io, "it was lost"))));
            };
            let outcome = match session.wait_notification(self.heartbeat).await {
                Ok(Some(Heard::Notification(notification))) => {
                    return Ok(Signal::Notification(notification));
                }
                Ok(Some(Heard::Lost(count))) => return Ok(Signal::Lost(count)),
                Ok(None) => session.within(self.patience).ping().await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {}
                Err(error) if is_lost(session, &error) => self.lose(error),
                Err(error) => return Err(error),
            }
        }
    }

    fn lose(&mut self, error: Error) {
        self.session = None;
        self.lost.get_or_insert(error);
    }

    /// Connects again and again, with pauses that grow.
    async fn reopen(&mut self) -> Result<D::Session> {
        loop {
            match self.open().await {
                Ok(session) => {
                    self.pause = PAUSES.0;
                    return Ok(session);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => {
                    let pause = self.pause;
                    self.pause = pause.saturating_mul(2).min(PAUSES.1);
                    self.dial.pause(pause).await;
                }
            }
        }
    }

    /// A connection that listens to all channels.
    async fn open(&mut self) -> Result<D::Session> {
        let mut session = self.dial.connect().await?;
        for channel in &self.channels {
            session.listen(channel).await?;
        }
        Ok(session)
    }
}

/// Whether a connection can't be gone on with: one whose server doesn't answer counts as lost.
fn is_lost<S: Session>(session: &mut S, error: &Error) -> bool {
    session.is_closed() || error.is_timeout()
}

/// Whether connecting again would end the same.
fn is_final(error: &Error) -> bool {
    let refused =
        error.sqlstate().is_some_and(|code| code.code().starts_with("28") || code.code() == "3D000");
    refused || matches!(error.kind(), ErrorKind::Config | ErrorKind::Usage | ErrorKind::Authentication)
}
