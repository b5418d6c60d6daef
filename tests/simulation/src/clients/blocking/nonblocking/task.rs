//! Where it is noted what is waited for.

use super::super::socket::{Instant, Ready, Socket};
use crate::clock;
use pg_core::error::Result;

#[derive(Debug, Clone, Copy)]
pub(super) struct Waits;

impl Waits {
    #[allow(clippy::unnecessary_wraps, reason = "the system's may fail")]
    pub(super) fn note(&self, socket: &Socket, wanted: Ready, deadline: Option<Instant>) -> Result<()> {
        deadline.into_iter().for_each(clock::wake_at);
        socket.net.world().awaited = Some(wanted == Ready::Write);
        Ok(())
    }

    pub(super) fn forget_fd(&self) {}
}
