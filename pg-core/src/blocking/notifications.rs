//! Notifications as an iterator.

use super::complete;
use crate::error::Result;
use crate::protocol::notifications::Heard;
use crate::session::Session;
use crate::streams::Notifications;

/// [`Notifications`] as an iterator: it waits for each, without limit, and ends after an error.
#[derive(Debug)]
pub struct BlockingNotifications<'s, S> {
    notifications: Notifications<'s, S>,
    has_failed: bool,
}

impl<'s, S: Session> BlockingNotifications<'s, S> {
    pub(super) fn new(notifications: Notifications<'s, S>) -> BlockingNotifications<'s, S> {
        BlockingNotifications { notifications, has_failed: false }
    }
}

impl<S: Session> Iterator for BlockingNotifications<'_, S> {
    type Item = Result<Heard>;

    fn next(&mut self) -> Option<Result<Heard>> {
        if self.has_failed {
            return None;
        }
        let heard = complete(self.notifications.next());
        self.has_failed = heard.is_err();
        Some(heard)
    }
}
