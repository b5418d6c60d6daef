//! What the server tells unasked: run-time parameters, notices, notifications. All of it is bounded, and what is lost
//! is counted.

use crate::error::{Error, Result, ServerError};
use crate::message::backend::NotificationResponse;
use crate::protocol::notifications::{Heard, Notification, NotificationSink, Notifications};
use crate::protocol::overheard::{Ear, Ears, Told};
use crate::types::context::Settings;
use std::collections::VecDeque;

/// Parameters, notices and notifications of one connection.
#[derive(Debug, Default)]
pub struct Inbox {
    parameters: Vec<(String, String)>,
    /// Each with its size.
    notices: VecDeque<(ServerError, usize)>,
    notice_bytes: usize,
    notifications: Notifications,
    lost_notices: u64,
    /// Of those who observe the session.
    ears: Ears,
}

/// How many run-time parameters are kept; PostgreSQL reports about fifteen.
const MOST_PARAMETERS: usize = 1_000;
/// How many notices are kept when nobody reads them; the newest stay.
const MOST_NOTICES: usize = 1_000;
/// How many bytes of them.
const MOST_NOTICE_BYTES: usize = 1024 * 1024;

impl Inbox {
    /// The value of a run-time parameter that the server reports, such as `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes the oldest notice.
    pub fn next_notice(&mut self) -> Option<ServerError> {
        let (notice, size) = self.notices.pop_front()?;
        self.notice_bytes = self.notice_bytes.saturating_sub(size);
        Some(notice)
    }

    /// Takes the oldest notification; what was lost before it is told by [`Inbox::take_lost_notifications`].
    pub fn next_notification(&mut self) -> Option<Notification> {
        loop {
            match self.notifications.next()? {
                Heard::Notification(notification) => return Some(notification),
                Heard::Lost(_) => {}
            }
        }
    }

    /// Takes the oldest notification, or the place where some were lost.
    pub fn next_heard(&mut self) -> Option<Heard> {
        self.notifications.next()
    }

    /// Whether a notification waits.
    pub fn has_heard(&self) -> bool {
        !self.notifications.is_empty()
    }

    /// How many notifications were dropped because nobody read them, since the last call: those that [`Heard::Lost`]
    /// tells in their places.
    pub fn take_lost_notifications(&mut self) -> u64 {
        self.notifications.take_lost()
    }

    /// How many notifications are kept while nobody takes them; 65,536 unless set, and never more than 16 MiB of them.
    /// Those that come later are lost.
    pub fn keep_notifications(&mut self, most: usize) {
        self.notifications.set_most(most);
    }

    /// Gives a sink all notifications that wait, and from now on those that come; `None`: they are kept here again.
    pub fn set_sink(&mut self, sink: Option<Box<dyn NotificationSink>>) {
        self.notifications.set_sink(sink);
    }

    /// Takes the sink back.
    pub fn take_sink(&mut self) -> Option<Box<dyn NotificationSink>> {
        self.notifications.take_sink()
    }

    /// Forgets all that nobody has read, and the sink.
    pub(crate) fn clear(&mut self) {
        self.notices.clear();
        (self.notice_bytes, self.lost_notices) = (0, 0);
        self.notifications = Notifications::default();
    }

    /// Whether there is a sink.
    pub fn has_sink(&self) -> bool {
        self.notifications.has_sink()
    }

    /// How many notifications the sinks have taken so far.
    pub fn delivered(&self) -> u64 {
        self.notifications.delivered()
    }

    /// Whether the sink has refused one, which is kept.
    pub fn is_refused(&self) -> bool {
        self.notifications.is_refused()
    }

    /// Why the sink has refused one, last. What is kept is given to it again when the next comes, or by [`Inbox::deliver`].
    pub fn take_refusal(&mut self) -> Option<Error> {
        self.notifications.take_refusal()
    }

    /// Gives the sink what is kept.
    pub fn deliver(&mut self) {
        self.notifications.deliver();
    }

    /// How many notices were dropped because nobody read them, since the last call.
    pub fn take_lost_notices(&mut self) -> u64 {
        std::mem::take(&mut self.lost_notices)
    }

    /// Keeps what comes for an observer, too, for as long as the ear is held.
    pub(crate) fn overhear(&mut self) -> Ear {
        self.ears.open()
    }

    /// Takes a notice that has so many bytes.
    pub(super) fn handle_notice(&mut self, notice: ServerError, size: usize) {
        self.ears.tell(size, || Told::Notice(Box::new(notice.clone())));
        self.notices.push_back((notice, size));
        self.notice_bytes = self.notice_bytes.saturating_add(size);
        while self.notices.len() > MOST_NOTICES || self.notice_bytes > MOST_NOTICE_BYTES {
            self.next_notice();
            self.lost_notices = self.lost_notices.saturating_add(1);
        }
    }

    pub(super) fn handle_notification(&mut self, notification: NotificationResponse<'_>) {
        let notification = Notification {
            process_id: notification.process_id,
            channel: notification.channel.to_owned(),
            payload: notification.payload.to_owned(),
        };
        self.ears.tell(notification.size(), || Told::Notification(notification.clone()));
        self.notifications.handle(notification);
    }

    /// Keeps a parameter, and in `settings` those that change how values look.
    ///
    /// # Errors
    /// Text in another encoding than UTF-8 would be misread, so it is a protocol error.
    pub(super) fn handle_parameter(
        &mut self,
        name: &str,
        value: &str,
        settings: &mut Settings,
    ) -> Result<()> {
        match name {
            "client_encoding" if !matches!(value, "UTF8" | "UNICODE") => {
                return Err(Error::protocol(format!(
                    "client_encoding was set to {value}, and this client reads UTF8"
                ))
                .hint("don't set client_encoding; the server converts"));
            }
            "server_version" => settings.server_version = value.to_owned(),
            "DateStyle" => settings.date_style = value.to_owned(),
            "IntervalStyle" => settings.interval_style = value.to_owned(),
            "TimeZone" => settings.time_zone = value.to_owned(),
            "integer_datetimes" => settings.integer_datetimes = value == "on",
            _ => {}
        }
        let size = name.len().saturating_add(value.len());
        self.ears.tell(size, || Told::Parameter(name.to_owned(), value.to_owned()));
        let full = self.parameters.len() >= MOST_PARAMETERS;
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value.to_owned(),
            None if full => {}
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_that_nobody_reads_are_bounded_in_number_and_bytes() {
        let notice = ServerError::parse(b"SNOTICE\0VNOTICE\0C00000\0Mcareful\0\0").unwrap();
        let mut inbox = Inbox::default();
        (0..1_005).for_each(|_| inbox.handle_notice(notice.clone(), 100));
        assert_eq!((inbox.notices.len(), inbox.take_lost_notices()), (1_000, 5));
        inbox.clear();
        (0..20).for_each(|_| inbox.handle_notice(notice.clone(), 100 * 1024));
        assert_eq!((inbox.notices.len(), inbox.take_lost_notices()), (10, 10));
        inbox.handle_notice(notice, 2 * MOST_NOTICE_BYTES);
        assert_eq!((inbox.next_notice(), inbox.notice_bytes), (None, 0), "one that is too long by itself");
        assert_eq!(inbox.take_lost_notices(), 11);
    }
}
