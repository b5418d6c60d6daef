//! What the server tells unasked: run-time parameters, notices, notifications. All of it is bounded, and what is lost
//! is counted.

use crate::error::{Error, Result, ServerError};
use crate::message::backend::NotificationResponse;
use crate::types::context::Settings;
use std::collections::VecDeque;

/// A NOTIFY that reached this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The notifying server process.
    pub process_id: i32,
    /// The channel.
    pub channel: String,
    /// The payload; empty if none was given.
    pub payload: String,
}

/// Parameters, notices and notifications of one connection.
#[derive(Debug, Default)]
pub struct Inbox {
    parameters: Vec<(String, String)>,
    notices: VecDeque<ServerError>,
    notifications: VecDeque<Notification>,
    lost_notices: u64,
    lost_notifications: u64,
}

/// How many run-time parameters are kept; PostgreSQL reports about fifteen.
const MOST_PARAMETERS: usize = 1_000;
/// How many notices are kept when nobody reads them; the newest stay.
const MOST_NOTICES: usize = 1_000;
/// How many notifications are kept when nobody reads them; the oldest stay, so that an order seen is an order sent.
const MOST_NOTIFICATIONS: usize = 65_536;

impl Inbox {
    /// The value of a run-time parameter that the server reports, such as `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes the oldest notice.
    pub fn next_notice(&mut self) -> Option<ServerError> {
        self.notices.pop_front()
    }

    /// Takes the oldest notification.
    pub fn next_notification(&mut self) -> Option<Notification> {
        self.notifications.pop_front()
    }

    /// How many notifications were dropped because nobody read them, since the last call.
    pub fn take_lost_notifications(&mut self) -> u64 {
        std::mem::take(&mut self.lost_notifications)
    }

    /// How many notices were dropped because nobody read them, since the last call.
    pub fn take_lost_notices(&mut self) -> u64 {
        std::mem::take(&mut self.lost_notices)
    }

    pub(super) fn handle_notice(&mut self, notice: ServerError) {
        if self.notices.len() >= MOST_NOTICES {
            self.notices.pop_front();
            self.lost_notices = self.lost_notices.saturating_add(1);
        }
        self.notices.push_back(notice);
    }

    pub(super) fn handle_notification(&mut self, notification: NotificationResponse<'_>) {
        if self.notifications.len() >= MOST_NOTIFICATIONS {
            self.lost_notifications = self.lost_notifications.saturating_add(1);
            return;
        }
        self.notifications.push_back(Notification {
            process_id: notification.process_id,
            channel: notification.channel.to_owned(),
            payload: notification.payload.to_owned(),
        });
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
        let full = self.parameters.len() >= MOST_PARAMETERS;
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value.to_owned(),
            None if full => {}
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}
