//! What the server tells unasked: run-time parameters, notices, notifications. All of it is bounded, and what is lost
//! is counted.

use crate::error::{Error, Result, ServerError};
use crate::message::backend::NotificationResponse;
use crate::protocol::notifications::{Heard, Notification, NotificationSink, Notifications};
use crate::types::context::Settings;
use std::collections::VecDeque;

/// Parameters, notices and notifications of one connection.
#[derive(Debug, Default)]
pub struct Inbox {
    parameters: Vec<(String, String)>,
    notices: VecDeque<ServerError>,
    notifications: Notifications,
    lost_notices: u64,
    /// What came, for whoever observes the session.
    told: Option<Vec<Told>>,
}

/// What came unasked, as an observer is told of it.
#[derive(Debug)]
pub(crate) enum Told {
    Notice(Box<ServerError>),
    Notification(Notification),
    Parameter(String, String),
}

/// How many run-time parameters are kept; PostgreSQL reports about fifteen.
const MOST_PARAMETERS: usize = 1_000;
/// How many notices are kept when nobody reads them; the newest stay.
const MOST_NOTICES: usize = 1_000;

impl Inbox {
    /// The value of a run-time parameter that the server reports, such as `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes the oldest notice.
    pub fn next_notice(&mut self) -> Option<ServerError> {
        self.notices.pop_front()
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

    /// How many notifications are kept while nobody takes them; 65,536 unless set. Those that come later are lost.
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
        self.notifications = Notifications::default();
        self.told = None;
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

    /// Why the sink has refused one. What is kept is given to it when the next comes, or by [`Inbox::deliver`].
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

    /// Keeps what comes for an observer, too; it takes it after each call.
    pub(crate) fn tell(&mut self, is_observed: bool) {
        self.told = is_observed.then(Vec::new);
    }

    pub(crate) fn take_told(&mut self) -> Vec<Told> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, told: impl FnOnce() -> Told) {
        if let Some(list) = &mut self.told
            && list.len() < MOST_NOTICES
        {
            list.push(told());
        }
    }

    pub(super) fn handle_notice(&mut self, notice: ServerError) {
        self.note(|| Told::Notice(Box::new(notice.clone())));
        if self.notices.len() >= MOST_NOTICES {
            self.notices.pop_front();
            self.lost_notices = self.lost_notices.saturating_add(1);
        }
        self.notices.push_back(notice);
    }

    pub(super) fn handle_notification(&mut self, notification: NotificationResponse<'_>) {
        self.note(|| {
            Told::Notification(Notification {
                process_id: notification.process_id,
                channel: notification.channel.to_owned(),
                payload: notification.payload.to_owned(),
            })
        });
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
        self.note(|| Told::Parameter(name.to_owned(), value.to_owned()));
        let full = self.parameters.len() >= MOST_PARAMETERS;
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value.to_owned(),
            None if full => {}
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}
