//! How far a stream has come: what was delivered, what the application has confirmed, and what the server is told.
//! Positions only move forward.

use crate::lsn::Lsn;

/// The three positions of a status update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Positions {
    /// Everything before was received.
    pub write: Lsn,
    /// Everything before is kept safely: the server may forget it, and a restarted stream begins here.
    pub flush: Lsn,
    /// Everything before was applied: what a synchronous commit with `remote_apply` waits for.
    pub apply: Lsn,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    confirmed: Positions,
    /// The furthest place of anything that was handed to the application.
    delivered: Lsn,
    wal_end: Lsn,
}

impl Progress {
    /// What is to be told.
    pub fn positions(&self) -> Positions {
        self.confirmed
    }

    /// The end of the log on the server, as it last told.
    pub fn wal_end(&self) -> Lsn {
        self.wal_end
    }

    /// Takes what the application confirms; what is behind an earlier confirmation changes nothing.
    pub fn confirm(&mut self, write: Lsn, flush: Lsn, apply: Lsn) {
        let confirmed = &mut self.confirmed;
        confirmed.write = confirmed.write.max(write).max(flush).max(apply);
        confirmed.flush = confirmed.flush.max(flush);
        confirmed.apply = confirmed.apply.max(apply);
    }

    /// Something came from a server whose log ends at `wal_end`.
    #[inline]
    pub fn handle_end(&mut self, wal_end: Lsn) {
        self.wal_end = self.wal_end.max(wal_end);
    }

    /// A piece was handed to the application that begins at `place`. Of the log itself the end of what it must confirm
    /// isn't told, and `wal_end` is never before that; changes tell one place as both.
    #[inline]
    pub fn handle_data(&mut self, place: Lsn, wal_end: Lsn) {
        self.handle_end(wal_end);
        self.handle_delivery(place.max(wal_end));
    }

    /// Something was handed to the application that must be confirmed up to `place`.
    #[inline]
    pub fn handle_delivery(&mut self, place: Lsn) {
        self.delivered = self.delivered.max(place);
    }

    /// The server has nothing more up to `end`. If all that was delivered was confirmed, so is this: an idle slot
    /// advances, and doesn't keep the log of other databases and tables.
    ///
    /// Changes of a transaction come with places before that of a commit that came earlier, so it is the furthest place
    /// that counts, and not the last.
    pub fn handle_keepalive(&mut self, end: Lsn) {
        self.handle_end(end);
        let Positions { write, flush, apply } = self.confirmed;
        if self.delivered <= flush {
            self.confirm(end.max(write), end, if apply >= self.delivered { end } else { apply });
            self.delivered = self.delivered.max(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_never_go_back() {
        let mut progress = Progress::default();
        progress.confirm(Lsn(30), Lsn(20), Lsn(10));
        progress.confirm(Lsn(5), Lsn(25), Lsn(1));
        let Positions { write, flush, apply } = progress.positions();
        assert_eq!((write, flush, apply), (Lsn(30), Lsn(25), Lsn(10)));
    }

    #[test]
    fn an_idle_slot_advances_only_when_all_was_confirmed() {
        let mut progress = Progress::default();
        progress.handle_keepalive(Lsn(50));
        assert_eq!(progress.positions().flush, Lsn(50), "nothing was delivered");
        progress.handle_data(Lsn(100), Lsn(100));
        // A transaction that began before the last commit: its changes have earlier places.
        progress.handle_data(Lsn(60), Lsn(60));
        progress.confirm(Lsn(60), Lsn(60), Lsn(60));
        progress.handle_keepalive(Lsn(200));
        assert_eq!(progress.positions().flush, Lsn(60), "the commit at 100 was not confirmed");
        progress.confirm(Lsn(100), Lsn(100), Lsn(100));
        progress.handle_keepalive(Lsn(200));
        assert_eq!(progress.positions(), Positions { write: Lsn(200), flush: Lsn(200), apply: Lsn(200) });
        assert_eq!(progress.wal_end(), Lsn(200));
    }

    #[test]
    fn a_piece_of_the_log_that_was_not_confirmed_is_not_passed_over() {
        let mut progress = Progress::default();
        progress.handle_data(Lsn(0), Lsn(100));
        progress.confirm(Lsn(100), Lsn(100), Lsn(100));
        progress.handle_data(Lsn(100), Lsn(200));
        progress.handle_keepalive(Lsn(200));
        assert_eq!(progress.positions().flush, Lsn(100), "the second piece was not confirmed");
        progress.confirm(Lsn(200), Lsn(200), Lsn(200));
        progress.handle_keepalive(Lsn(300));
        assert_eq!(progress.positions().flush, Lsn(300));
    }

    #[test]
    fn what_never_became_whole_holds_nothing() {
        let mut progress = Progress::default();
        progress.handle_end(Lsn(90));
        progress.handle_keepalive(Lsn(100));
        assert_eq!(progress.positions().flush, Lsn(100), "a transaction that was undone");
        progress.handle_end(Lsn(150));
        progress.handle_delivery(Lsn(150));
        progress.handle_keepalive(Lsn(200));
        assert_eq!(progress.positions().flush, Lsn(100), "one that has committed");
    }
}
