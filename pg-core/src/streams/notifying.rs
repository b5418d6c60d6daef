//! LISTEN, NOTIFY, and the notifications one after the other.
//!
//! What the server would refuse is refused before it is sent; what it would do silently (cut a name after 63 bytes) is
//! refused too.

use crate::error::{Error, ErrorKind, Result};
use crate::exchange::batch::Batch;
use crate::exchange::collect::Affected;
use crate::exchange::query::Request;
use crate::exchange::waiting::Hear;
use crate::protocol::connection::Connection;
use crate::protocol::notifications::Heard;
use crate::quote;
use crate::run::Run;

/// A name is shorter than this: the server's NAMEDATALEN.
const NAME: usize = 64;
/// A payload is shorter than this.
const PAYLOAD: usize = 8_000;

fn check_channel(channel: &str) -> Result<()> {
    if channel.is_empty() {
        return Err(Error::usage("the name of a channel is empty"));
    }
    if channel.len() >= NAME {
        return Err(Error::usage(format!(
            "the name of a channel is {} bytes long, and PostgreSQL takes {} at most",
            channel.len(),
            NAME - 1
        )));
    }
    Ok(())
}

/// Whether a connection can be told anything: whoever keeps no statements because a pooler in transaction mode is in between
/// would listen on a server connection that the next transaction of somebody else may get.
pub(crate) fn check_hears(connection: &Connection) -> Result<()> {
    if connection.conversation.statements.is_caching() {
        return Ok(());
    }
    Err(Error::usage("behind a pooler in transaction mode, which statement_cache_capacity(0) is for, nothing is heard")
        .hint("listen over a connection of its own that goes past the pooler and keeps the default statement_cache_capacity"))
}

pub(crate) fn listen(channel: &str) -> Result<String> {
    check_channel(channel)?;
    Ok(format!("LISTEN {}", quote::identifier(channel)?))
}

pub(crate) fn unlisten(channel: &str) -> Result<String> {
    check_channel(channel)?;
    Ok(format!("UNLISTEN {}", quote::identifier(channel)?))
}

pub(crate) async fn command<S: Run>(session: &mut S, sql: Result<String>) -> Result<()> {
    let sql = sql?;
    session.run(Batch::new(&sql)).await
}

pub(crate) async fn notify<S: Run>(session: &mut S, channel: &str, payload: &str) -> Result<()> {
    check_channel(channel)?;
    if payload.len() >= PAYLOAD {
        return Err(Error::usage(format!(
            "the payload of a notification is {} bytes long, and PostgreSQL takes {} at most",
            payload.len(),
            PAYLOAD - 1
        ))
        .hint("store the data in a table, and notify its key"));
    }
    session.run(Request::new("select pg_notify($1, $2)", (channel, payload), Affected)).await.map(drop)
}

#[cfg(feature = "with-serde_json-1")]
pub(crate) async fn notify_json<S: Run>(
    session: &mut S,
    channel: &str,
    value: &(impl serde::Serialize + Sync),
) -> Result<()> {
    let payload = serde_json::to_string(value)
        .map_err(|e| Error::encode(format!("a notification's payload can't be written as JSON: {e}")))?;
    notify(session, channel, &payload).await
}

/// The notifications of a session, one after the other: what `notifications()` gives. It can be made anew at any time.
#[derive(Debug)]
pub struct Notifications<'s, S> {
    session: &'s mut S,
}

impl<'s, S: Run> Notifications<'s, S> {
    pub(crate) fn over(session: &'s mut S) -> Notifications<'s, S> {
        Notifications { session }
    }

    /// Waits for the next: without limit, unless the session is one of `within(..)`.
    ///
    /// # Errors
    /// As `wait_notification`; of kind `Timeout` where a limit was said and is over.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Heard> {
        match self.session.run(Hear::within(None)).await? {
            Some(heard) => Ok(heard),
            None => Err(Error::new(ErrorKind::Timeout, "no notification came in time")),
        }
    }
}
