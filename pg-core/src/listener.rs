//! LISTEN and NOTIFY, and a listener that outlives its connection: it connects again, listens again, and says where
//! notifications may be missing.
//!
#![doc = include_str!("../docs/listening.md")]

use crate::error::{Error, ErrorKind, Result};
use crate::exchange::waiting::Hear;
use crate::protocol::conversation::spread;
use crate::protocol::notifications::{Heard, Notification};
use crate::run::Run;
use crate::session::Session;
use crate::streams::notifying;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What a client crate brings: connecting, and time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't connect again for a `Listener`",
    note = "`pg_blocking::Listener` and `pg_async::Listener` bring what can"
)]
pub trait Redial: Clone + Send + 'static {
    /// What connecting gives.
    type Session: Session + 'static;

    /// Connects; within `limit`, unless the configuration has one of its own.
    fn connect(&mut self, limit: Duration) -> impl Future<Output = Result<Self::Session>> + Send;

    /// Lets time pass.
    ///
    /// # Errors
    /// It was interrupted.
    fn pause(&mut self, time: Duration) -> impl Future<Output = Result<()>> + Send;

    /// The time since any fixed moment, which never goes back.
    fn now(&self) -> Duration;
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
pub struct Listener<D: Redial> {
    dial: D,
    /// None while there is none, and while something is done with it.
    session: Option<D::Session>,
    /// What a call that is dropped leaves to the next.
    under_way: Option<UnderWay<D::Session>>,
    channels: Vec<String>,
    /// Those that the session listens to, or will at the end of what is under way.
    listening: Vec<String>,
    /// Why the last connection was lost, until the gap is told.
    lost: Option<Error>,
    /// Why there is none at present.
    failure: Option<Error>,
    heartbeat: Duration,
    patience: Duration,
    /// When the server was last known to be there.
    heard: Duration,
    backoff: Backoff,
}

struct UnderWay<S> {
    step: Step,
    work: Pin<Box<dyn Future<Output = Outcome<S>> + Send>>,
}

/// What came out, with the session if there is one that can be gone on with.
type Outcome<S> = (Option<S>, Result<()>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A connection is made that listens to all channels.
    Dial,
    /// The connection is told which channels are listened to.
    Listen,
    /// The server is asked whether it is there.
    Check,
}

impl<D: Redial> Listener<D> {
    /// Connects, and listens to these channels.
    ///
    /// # Errors
    /// Those of connecting and of `listen`; the first time nothing is tried again.
    pub async fn connect(mut dial: D, channels: &[&str]) -> Result<Listener<D>> {
        let channels: Vec<String> = channels.iter().map(|channel| (*channel).to_owned()).collect();
        let commands = commands(&channels, &[])?;
        let patience = Duration::from_secs(10);
        let mut session = dial.connect(patience).await?;
        notifying::check_hears(session.connection())?;
        run(&mut session, &commands, patience).await?;
        Ok(Listener {
            backoff: Backoff { pause: Duration::ZERO, chance: session.connection().chance() },
            heard: dial.now(),
            dial,
            session: Some(session),
            under_way: None,
            listening: channels.clone(),
            channels,
            lost: None,
            failure: None,
            heartbeat: Duration::from_secs(30),
            patience,
        })
    }

    /// How long the link may be silent before it is tried (30 s unless set; zero: it never is), and how long the server may
    /// take for each answer (10 s): to that, to LISTEN, and to a login whose configuration has no `connect_timeout`.
    ///
    /// A link whose other end is gone is found within both together, and given up within the configuration's
    /// `cancel_timeout` (5 s) more.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration, patience: Duration) -> Listener<D> {
        (self.heartbeat, self.patience) = (every, patience);
        self
    }

    /// Why it isn't connected at present: the error of the last attempt, until one succeeds.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Listens to one more channel, from now on and after each loss.
    ///
    /// # Errors
    /// A name that can't be one. A lost connection is none: it is listened to on the next.
    ///
    /// # Cancel safety
    /// After a dropped future it may be listened to on this connection already, but not after a loss: call it again.
    pub async fn listen(&mut self, channel: &str) -> Result<()> {
        let command = notifying::listen(channel)?;
        if self.channels.iter().any(|known| known == channel) {
            return Ok(());
        }
        if self.command(&command).await? {
            self.listening.push(channel.to_owned());
        }
        self.channels.push(channel.to_owned());
        Ok(())
    }

    /// Listens no longer to a channel.
    ///
    /// # Errors
    /// As [`Listener::listen`].
    ///
    /// # Cancel safety
    /// After a dropped future [`Listener::next`] sees to the rest.
    pub async fn unlisten(&mut self, channel: &str) -> Result<()> {
        let command = notifying::unlisten(channel)?;
        self.channels.retain(|known| known != channel);
        if self.command(&command).await? {
            self.listening.retain(|known| known != channel);
        }
        Ok(())
    }

    /// Runs a command on the connection; false if there is none, or none any more.
    async fn command(&mut self, command: &str) -> Result<bool> {
        let Some(session) = &mut self.session else { return Ok(false) };
        match run(session, command, self.patience).await {
            Ok(()) => Ok(true),
            Err(error) if is_lost(session, &error) => {
                self.lose(error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for the next notification or gap, without limit, however often the connection is lost meanwhile.
    ///
    /// Attempts to connect follow each other at growing distances, up to 5 s, which are spread so that the listeners of a
    /// server don't all come at once. They shrink again once a connection has proved good: a notification has come, or the
    /// server has answered to a heartbeat.
    ///
    /// # Errors
    /// The server refuses the login or a channel, TLS fails, or waiting was interrupted: what waiting would not change. The
    /// next call tries again, after the pause that it has come to.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped, and no gap untold: the next call goes on with what was under way, be it
    /// connecting, a pause or a heartbeat.
    pub async fn next(&mut self) -> Result<Signal> {
        loop {
            if let Some(UnderWay { step, work }) = &mut self.under_way {
                let (step, (session, outcome)) = (*step, work.await);
                (self.under_way, self.session) = (None, session);
                self.end(step, outcome)?;
                continue;
            }
            let Some(session) = &mut self.session else {
                self.start_to_dial()?;
                continue;
            };
            if self.listening != self.channels {
                let commands = commands(&self.channels, &self.listening)?;
                self.listening.clone_from(&self.channels);
                self.start_to_run(Step::Listen, commands);
                continue;
            }
            if let Some(lost) = self.lost.take() {
                return Ok(Signal::Gap(lost));
            }
            let silent = self.dial.now().saturating_sub(self.heard);
            let left = Some(self.heartbeat.saturating_sub(silent)).filter(|_| !self.heartbeat.is_zero());
            match session.run(Hear::within(left)).await {
                Ok(Some(heard)) => {
                    (self.heard, self.backoff.pause) = (self.dial.now(), Duration::ZERO);
                    return Ok(match heard {
                        Heard::Notification(notification) => Signal::Notification(notification),
                        Heard::Lost(count) => Signal::Lost(count),
                    });
                }
                Ok(None) => self.start_to_run(Step::Check, String::new()),
                Err(error) if is_lost(session, &error) => self.lose(error),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what came out of what was under way.
    fn end(&mut self, step: Step, outcome: Result<()>) -> Result<()> {
        let Err(error) = outcome else {
            (self.heard, self.failure) = (self.dial.now(), None);
            if step == Step::Check {
                self.backoff.pause = Duration::ZERO;
            }
            return Ok(());
        };
        let is_alive = self.session.is_some();
        match step {
            Step::Check if is_alive => Err(error),
            // What the server refuses it would refuse at once again.
            Step::Listen | Step::Dial if is_alive => {
                self.lose(Error::new(ErrorKind::Io, "the server has refused to listen"));
                Err(error)
            }
            Step::Dial if is_final(&error) => Err(error),
            Step::Dial => {
                self.failure = Some(error);
                Ok(())
            }
            _ if error.kind() == ErrorKind::Interrupted => {
                self.lose(Error::new(ErrorKind::Io, "it was given up when waiting was interrupted"));
                Err(error)
            }
            _ => {
                self.lose(error);
                Ok(())
            }
        }
    }

    fn lose(&mut self, error: Error) {
        self.session = None;
        self.listening.clear();
        self.lost.get_or_insert(error);
    }

    fn start_to_dial(&mut self) -> Result<()> {
        let commands = commands(&self.channels, &[])?;
        self.listening.clone_from(&self.channels);
        let (pause, limit, mut dial) = (self.backoff.next(), self.patience, self.dial.clone());
        let connect = async move {
            if !pause.is_zero() {
                dial.pause(pause).await?;
            }
            dial.connect(limit).await
        };
        let work = Box::pin(async move {
            match connect.await {
                Ok(session) => run_by_itself(session, &commands, limit).await,
                Err(error) => (None, Err(error)),
            }
        });
        self.under_way = Some(UnderWay { step: Step::Dial, work });
        Ok(())
    }

    fn start_to_run(&mut self, step: Step, commands: String) {
        if let Some(session) = self.session.take() {
            let limit = self.patience;
            let work = Box::pin(async move { run_by_itself(session, &commands, limit).await });
            self.under_way = Some(UnderWay { step, work });
        }
    }
}

impl<D: Redial> fmt::Debug for Listener<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("channels", &self.channels)
            .field("listening", &self.listening)
            .field("under_way", &self.under_way.as_ref().map(|under_way| under_way.step))
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// What makes a session listen to all of `wanted` that listens to `now`.
fn commands(wanted: &[String], now: &[String]) -> Result<String> {
    let gone =
        now.iter().filter(|channel| !wanted.contains(channel)).map(|channel| notifying::unlisten(channel));
    let new =
        wanted.iter().filter(|channel| !now.contains(channel)).map(|channel| notifying::listen(channel));
    Ok(gone.chain(new).collect::<Result<Vec<String>>>()?.join("; "))
}

/// Runs commands in one round trip; none are one too.
async fn run<S: Session>(session: &mut S, commands: &str, limit: Duration) -> Result<()> {
    let mut session = session.within(limit);
    if commands.is_empty() { session.ping().await } else { session.batch_execute(commands).await }
}

/// The same with a session of one's own, which is given back if it can be gone on with.
async fn run_by_itself<S: Session>(mut session: S, commands: &str, limit: Duration) -> Outcome<S> {
    let outcome = run(&mut session, commands, limit).await;
    let is_lost = outcome.as_ref().is_err_and(|error| is_lost(&mut session, error));
    (Some(session).filter(|_| !is_lost), outcome)
}

/// Whether a connection can't be gone on with: one whose server doesn't answer counts as lost.
fn is_lost<S: Session>(session: &mut S, error: &Error) -> bool {
    session.is_closed() || error.is_timeout()
}

/// How long is waited before connecting again.
#[derive(Debug)]
struct Backoff {
    /// About so long before the next attempt; zero after a connection that was good.
    pause: Duration,
    chance: u64,
}

impl Backoff {
    /// The longest pauses, at first and at last.
    const MOST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

    /// The pause before the next attempt: from half of the longest up to it. None before the first.
    fn next(&mut self) -> Duration {
        let most = self.pause;
        self.pause = most.saturating_mul(2).clamp(Backoff::MOST.0, Backoff::MOST.1);
        let half = most / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        // The upper 64 bits of the product are spread evenly over 0 .. nanos.
        let more = (u128::from(spread(&mut self.chance)) * u128::from(nanos)) >> 64;
        half.saturating_add(Duration::from_nanos(u64::try_from(more).unwrap_or(u64::MAX)))
    }
}

/// Whether connecting again would end the same.
fn is_final(error: &Error) -> bool {
    let refused =
        error.sqlstate().is_some_and(|code| code.code().starts_with("28") || code.code() == "3D000");
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Usage,
        ErrorKind::Authentication,
        ErrorKind::Tls,
        ErrorKind::Interrupted,
    ];
    refused || kinds.contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_other_attempt_would_change_is_final() {
        for kind in [ErrorKind::Tls, ErrorKind::Config, ErrorKind::Authentication, ErrorKind::Interrupted] {
            assert!(is_final(&Error::new(kind, "no")), "{kind:?}");
        }
        let refusal = |code: &str| {
            let body = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
            Error::from_server(crate::error::ServerError::parse(body.as_bytes()).unwrap())
        };
        assert!(is_final(&refusal("28P01")) && is_final(&refusal("3D000")));
        // It starts, it is full, it is away, it says nothing.
        assert!(!is_final(&refusal("57P03")) && !is_final(&refusal("53300")));
        assert!(
            !is_final(&Error::new(ErrorKind::Io, "no")) && !is_final(&Error::new(ErrorKind::Timeout, "no"))
        );
    }

    #[test]
    fn pauses_grow_and_are_spread() {
        let mut seen = Vec::new();
        for chance in 0..20 {
            let mut backoff = Backoff { pause: Duration::ZERO, chance };
            assert_eq!(backoff.next(), Duration::ZERO, "a good connection is made again at once");
            for most in [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
                let (pause, most) = (backoff.next(), Duration::from_millis(most));
                assert!(most / 2 <= pause && pause <= most, "{pause:?} of {most:?}");
                seen.push(pause);
            }
        }
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 170, "{} are different", seen.len());
    }
}
