//! Notifications of one connection: they wait in a bounded queue until somebody takes them, or go to a sink as they come.
//! Nothing is lost untold: what found no room stands in the queue as [`Heard::Lost`], in its place.

use crate::error::Error;
#[cfg(feature = "with-serde_json-1")]
use crate::error::Result;
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// A NOTIFY that reached this session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notification {
    /// The notifying server process; this session's own if it notified itself.
    pub process_id: i32,
    /// The channel.
    pub channel: String,
    /// The payload; empty if none was given.
    pub payload: String,
}

impl Notification {
    /// How many bytes of it are kept.
    pub(super) fn size(&self) -> usize {
        self.channel.len().saturating_add(self.payload.len())
    }
}

#[cfg(feature = "with-serde_json-1")]
impl Notification {
    /// The payload, read as JSON: the counterpart of `notify_json`.
    ///
    /// # Errors
    /// A payload that is no JSON, or not that of a `T`; the channel is named.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.payload).map_err(|e| {
            Error::decode(format!("the payload of a notification on channel {:?}: {e}", self.channel))
        })
    }
}

/// What a session hears of the channels that it listens to, in the order in which it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Heard {
    /// A notification.
    Notification(Notification),
    /// So many came here and found no room.
    Lost(u64),
}

impl Heard {
    /// The notification, if it is one.
    pub fn notification(self) -> Option<Notification> {
        match self {
            Heard::Notification(notification) => Some(notification),
            Heard::Lost(_) => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Heard::Notification(notification) => notification.size(),
            Heard::Lost(_) => 0,
        }
    }
}

/// Why a sink takes nothing more, with what it didn't take.
#[derive(Debug)]
pub struct Refused {
    /// What goes back to the connection, which keeps it.
    pub heard: Heard,
    /// Why.
    pub reason: Box<dyn StdError + Send + Sync>,
}

/// Where notifications go as they come: `Vec`, `VecDeque`, both behind `Arc<Mutex<..>>`, std's channels, a function
/// `FnMut(&Heard) -> Result<(), Box<dyn Error + Send + Sync>>`. tokio's channels: `pg_async::io::ToChannel`.
///
/// It is called wherever the connection reads, so it must not wait. What it refuses stays with the connection, and is given
/// to it again when the next comes, or by `deliver_notifications`, which tells the refusal too. What it was given
/// when it panics is told as lost.
#[diagnostic::on_unimplemented(
    message = "notifications can't go to `{Self}`",
    note = "they go to a `Vec<Heard>`, a `VecDeque<Heard>`, either of them in an `Arc<Mutex<..>>`, a channel of std (of tokio: `pg_async::io::ToChannel`), or a closure that says its types: `|heard: &Heard| -> Result<(), Box<dyn Error + Send + Sync>>`"
)]
pub trait NotificationSink: Send {
    /// Takes one.
    ///
    /// # Errors
    /// It can't; what it was given goes back.
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused>;
}

impl NotificationSink for Vec<Heard> {
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        self.push(heard);
        Ok(())
    }
}

impl NotificationSink for VecDeque<Heard> {
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        self.push_back(heard);
        Ok(())
    }
}

impl<K: NotificationSink> NotificationSink for Arc<Mutex<K>> {
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        self.lock().unwrap_or_else(PoisonError::into_inner).take(heard)
    }
}

/// Refuses once the receiver is gone.
impl NotificationSink for mpsc::Sender<Heard> {
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        self.send(heard).map_err(|e| Refused { heard: e.0, reason: "the channel's receiver is gone".into() })
    }
}

/// Refuses while the channel is full, and once the receiver is gone.
impl NotificationSink for mpsc::SyncSender<Heard> {
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        self.try_send(heard).map_err(|e| match e {
            mpsc::TrySendError::Full(heard) => Refused { heard, reason: "the channel is full".into() },
            mpsc::TrySendError::Disconnected(heard) => {
                Refused { heard, reason: "the channel's receiver is gone".into() }
            }
        })
    }
}

impl<F> NotificationSink for F
where
    F: FnMut(&Heard) -> std::result::Result<(), Box<dyn StdError + Send + Sync>> + Send,
{
    fn take(&mut self, heard: Heard) -> std::result::Result<(), Refused> {
        match self(&heard) {
            Ok(()) => Ok(()),
            Err(reason) => Err(Refused { heard, reason }),
        }
    }
}

/// How many notifications are kept when nobody takes them.
const MOST_NOTIFICATIONS: usize = 65_536;
/// How many bytes of them.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The queue, and the sink if there is one.
pub(super) struct Notifications {
    queue: VecDeque<Heard>,
    bytes: usize,
    most: usize,
    /// Lost after all that is in the queue.
    lost: u64,
    /// Lost since anybody asked.
    lost_in_all: u64,
    sink: Option<Box<dyn NotificationSink>>,
    refusal: Option<Box<dyn StdError + Send + Sync>>,
    delivered: u64,
}

impl Default for Notifications {
    fn default() -> Notifications {
        Notifications {
            queue: VecDeque::new(),
            bytes: 0,
            most: MOST_NOTIFICATIONS,
            lost: 0,
            lost_in_all: 0,
            sink: None,
            refusal: None,
            delivered: 0,
        }
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications")
            .field("waiting", &self.queue.len())
            .field("lost", &self.lost)
            .field("has_sink", &self.sink.is_some())
            .finish_non_exhaustive()
    }
}

impl Notifications {
    pub(super) fn handle(&mut self, notification: Notification) {
        let bytes = self.bytes.saturating_add(notification.size());
        // A sink is given it at once.
        let passes = self.sink.is_some() && self.queue.is_empty();
        if passes || (self.queue.len() < self.most && bytes <= MOST_BYTES) {
            self.settle_lost();
            self.queue.push_back(Heard::Notification(notification));
            self.bytes = bytes;
        } else {
            // The oldest stay, so that an order seen is an order sent.
            self.lost = self.lost.saturating_add(1);
            self.lost_in_all = self.lost_in_all.saturating_add(1);
        }
        self.deliver();
    }

    /// Puts what was lost into its place in the queue.
    fn settle_lost(&mut self) {
        if self.lost > 0 {
            self.queue.push_back(Heard::Lost(std::mem::take(&mut self.lost)));
        }
    }

    pub(super) fn next(&mut self) -> Option<Heard> {
        if self.queue.is_empty() {
            self.settle_lost();
        }
        let heard = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(heard.size());
        Some(heard)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.lost == 0
    }

    pub(super) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost_in_all)
    }

    pub(super) fn set_sink(&mut self, sink: Option<Box<dyn NotificationSink>>) {
        self.sink = sink;
        self.refusal = None;
        self.deliver();
    }

    pub(super) fn take_sink(&mut self) -> Option<Box<dyn NotificationSink>> {
        self.sink.take()
    }

    pub(super) fn has_sink(&self) -> bool {
        self.sink.is_some()
    }

    /// How many the sink has taken.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    pub(super) fn take_refusal(&mut self) -> Option<Error> {
        let reason = self.refusal.take()?;
        let waiting = self.queue.len();
        Some(
            Error::usage(format!("the sink refused a notification: {reason} ({waiting} are kept)"))
                .with_source(reason)
                .hint("they are given to it again when the next comes, or to another that is set"),
        )
    }

    /// Gives the sink what waits, until it refuses one.
    pub(super) fn deliver(&mut self) {
        while self.sink.is_some()
            && let Some(heard) = self.next()
            && let Some(sink) = &mut self.sink
        {
            // This stays in its place if the sink panics.
            let (count, untold) = match &heard {
                Heard::Notification(_) => (1, 1),
                Heard::Lost(count) => (*count, 0),
            };
            self.queue.push_front(Heard::Lost(count));
            self.lost_in_all = self.lost_in_all.saturating_add(untold);
            let taken = sink.take(heard);
            self.lost_in_all = self.lost_in_all.saturating_sub(untold);
            self.queue.pop_front();
            match taken {
                Ok(()) => self.delivered = self.delivered.saturating_add(1),
                Err(refused) => {
                    self.bytes = self.bytes.saturating_add(refused.heard.size());
                    self.queue.push_front(refused.heard);
                    self.refusal = Some(refused.reason);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(queue: &mut Notifications, payload: &str) {
        queue.handle(Notification { process_id: 7, channel: "c".to_owned(), payload: payload.to_owned() });
    }

    fn heard(payload: &str) -> Heard {
        Heard::Notification(Notification {
            process_id: 7,
            channel: "c".to_owned(),
            payload: payload.to_owned(),
        })
    }

    #[test]
    fn what_found_no_room_is_told_in_its_place() {
        let mut queue = Notifications { most: 2, ..Notifications::default() };
        for payload in ["1", "2", "3", "4"] {
            notify(&mut queue, payload);
        }
        assert_eq!(queue.next(), Some(heard("1")));
        notify(&mut queue, "5");
        let rest: Vec<Heard> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(rest, [heard("2"), Heard::Lost(2), heard("5")]);
        assert_eq!((queue.take_lost(), queue.take_lost()), (2, 0));
        assert!(queue.is_empty());
    }

    #[test]
    fn sinks_take_what_waits_and_what_comes() {
        let deque = Arc::new(Mutex::new(VecDeque::new()));
        let vec = Arc::new(Mutex::new(Vec::new()));
        let (sender, receiver) = mpsc::channel();
        let mut seen = 0;
        let mut queue = Notifications::default();
        notify(&mut queue, "1");
        queue.set_sink(Some(Box::new(Arc::clone(&deque))));
        notify(&mut queue, "2");
        queue.set_sink(Some(Box::new(Arc::clone(&vec))));
        notify(&mut queue, "3");
        queue.set_sink(Some(Box::new(sender)));
        notify(&mut queue, "4");
        queue.set_sink(Some(Box::new(move |_: &Heard| {
            seen += 1;
            if seen == 1 { Ok(()) } else { Err("enough".into()) }
        })));
        notify(&mut queue, "5");
        assert!(!queue.is_refused());
        notify(&mut queue, "6");
        assert_eq!(deque.lock().unwrap().iter().cloned().collect::<Vec<_>>(), [heard("1"), heard("2")]);
        assert_eq!((vec.lock().unwrap().clone(), receiver.try_recv()), (vec![heard("3")], Ok(heard("4"))));
        let told = queue.take_refusal().unwrap().to_string();
        assert!(told.contains("enough") && told.contains("1 are kept"), "{told}");
        assert_eq!((queue.delivered(), queue.next()), (5, Some(heard("6"))));
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_too() {
        let mut queue = Notifications::default();
        let payload = "p".repeat(1024 * 1024);
        for _ in 0..20 {
            notify(&mut queue, &payload);
        }
        assert_eq!(queue.queue.len(), 15, "each has a channel too");
        queue.next();
        notify(&mut queue, &payload);
        let lost = std::iter::from_fn(|| queue.next()).filter(|heard| *heard == Heard::Lost(5)).count();
        assert_eq!((lost, queue.bytes), (1, 0));
    }

    #[test]
    fn a_sink_that_refused_one_is_given_it_again_with_the_next() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut is_broken) = (Arc::clone(&taken), true);
        let mut queue = Notifications::default();
        queue.set_sink(Some(Box::new(move |heard: &Heard| {
            if std::mem::take(&mut is_broken) {
                return Err("no room on the disk".into());
            }
            seen.lock().unwrap().push(heard.clone());
            Ok(())
        })));
        notify(&mut queue, "1");
        assert!(taken.lock().unwrap().is_empty());
        notify(&mut queue, "2");
        assert_eq!(*taken.lock().unwrap(), [heard("1"), heard("2")]);
        assert!(queue.take_refusal().unwrap().to_string().contains("no room on the disk"));
    }

    #[test]
    fn what_a_sink_panics_over_is_told_as_lost() {
        let mut queue = Notifications::default();
        queue.set_sink(Some(Box::new(|_: &Heard| panic!("the sink has a bug"))));
        let panicked = std::panic::AssertUnwindSafe(|| notify(&mut queue, "1"));
        std::panic::catch_unwind(panicked).unwrap_err();
        queue.take_sink();
        notify(&mut queue, "2");
        assert_eq!((queue.next(), queue.next()), (Some(Heard::Lost(1)), Some(heard("2"))));
        assert_eq!(queue.take_lost(), 1);
    }

    #[test]
    fn a_channel_that_is_full_or_gone_loses_nothing() {
        let (sender, receiver) = mpsc::sync_channel(1);
        let mut queue = Notifications::default();
        queue.set_sink(Some(Box::new(sender)));
        notify(&mut queue, "1");
        notify(&mut queue, "2");
        notify(&mut queue, "3");
        assert!(queue.take_refusal().unwrap().to_string().contains("full"));
        assert_eq!(receiver.recv(), Ok(heard("1")));
        queue.deliver();
        assert_eq!(receiver.recv(), Ok(heard("2")));
        drop(receiver);
        queue.take_refusal();
        queue.deliver();
        assert!(queue.take_refusal().unwrap().to_string().contains("gone"));
        assert_eq!(queue.next(), Some(heard("3")));
    }
}
