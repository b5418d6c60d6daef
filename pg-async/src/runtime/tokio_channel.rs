//! Notifications into tokio's channels. A trait of pg-core's can't be implemented here for tokio's types, so that their senders
//! are wrapped.

use pg_core::protocol::notifications::{Heard, NotificationSink, Refused};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc};

/// A sender of tokio's as a sink of notifications: of `mpsc`, bounded or not, or `broadcast`.
///
/// It never waits. A channel that is full, or that nobody receives from any longer, refuses; what it refused stays with the
/// connection, and is given to it again with the next (see [`NotificationSink`]). A receiver of `broadcast` that is too slow is
/// told by the channel itself how many it has missed.
///
/// ```no_run
/// use pg_async::{Heard, Session, io::ToChannel};
///
/// # async fn show(client: &mut pg_async::Client) -> Result<(), pg_async::Error> {
/// let (sender, mut receiver) = tokio::sync::mpsc::channel::<Heard>(1_000);
/// client.listen("orders").await?;
/// client.set_notification_sink(Some(Box::new(ToChannel(sender))));
/// tokio::spawn(async move {
///     while let Some(heard) = receiver.recv().await {
///         println!("{heard:?}");
///     }
/// });
/// loop {
///     client.deliver_notifications(std::time::Duration::from_secs(60)).await?; // and during any other call
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ToChannel<S>(pub S);

fn is_gone(heard: Heard) -> Refused {
    Refused { heard, reason: "the channel's receiver is gone".into() }
}

impl NotificationSink for ToChannel<mpsc::Sender<Heard>> {
    fn take(&mut self, heard: Heard) -> Result<(), Refused> {
        self.0.try_send(heard).map_err(|error| match error {
            TrySendError::Full(heard) => Refused { heard, reason: "the channel is full".into() },
            TrySendError::Closed(heard) => is_gone(heard),
        })
    }
}

impl NotificationSink for ToChannel<mpsc::UnboundedSender<Heard>> {
    fn take(&mut self, heard: Heard) -> Result<(), Refused> {
        self.0.send(heard).map_err(|error| is_gone(error.0))
    }
}

impl NotificationSink for ToChannel<broadcast::Sender<Heard>> {
    fn take(&mut self, heard: Heard) -> Result<(), Refused> {
        self.0.send(heard).map(drop).map_err(|error| is_gone(error.0))
    }
}
