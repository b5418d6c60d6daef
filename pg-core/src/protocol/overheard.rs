//! What came unasked, kept for those who observe the session until they are told. Each has an [`Ear`] of its own, and
//! nothing is kept for one that is gone.

use super::notifications::Notification;
use crate::error::ServerError;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What came unasked.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Notice(Box<ServerError>),
    Notification(Notification),
    Parameter(String, String),
}

/// How many are kept between two calls, and how many bytes of them.
const MOST: (usize, usize) = (1_000, 1024 * 1024);

/// What one observer has not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Overheard {
    pub(crate) told: Vec<Told>,
    bytes: usize,
    /// So many came after all that is kept, and found no room.
    pub(crate) lost: u64,
}

/// An observer's.
#[derive(Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<Overheard>>);

impl Ear {
    /// Takes what came since the last time.
    pub(crate) fn take(&self) -> Overheard {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Those who listen.
#[derive(Debug, Default)]
pub(super) struct Ears(Vec<Weak<Mutex<Overheard>>>);

impl Ears {
    /// One more.
    pub(super) fn open(&mut self) -> Ear {
        let ear = Ear::default();
        self.0.push(Arc::downgrade(&ear.0));
        ear
    }

    /// Tells all of them something of so many bytes.
    #[inline]
    pub(super) fn tell(&mut self, size: usize, told: impl Fn() -> Told) {
        if !self.0.is_empty() {
            self.tell_each(size, &told);
        }
    }

    #[cold]
    fn tell_each(&mut self, size: usize, told: &dyn Fn() -> Told) {
        self.0.retain(|ear| {
            let Some(ear) = ear.upgrade() else { return false };
            let mut overheard = ear.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = overheard.bytes.saturating_add(size);
            if overheard.lost > 0 || overheard.told.len() >= MOST.0 || bytes > MOST.1 {
                overheard.lost = overheard.lost.saturating_add(1);
            } else {
                overheard.bytes = bytes;
                overheard.told.push(told());
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told::Parameter("a".to_owned(), "b".to_owned())
    }

    #[test]
    fn each_ear_hears_all_and_one_that_is_gone_nothing() {
        let mut ears = Ears::default();
        let (one, two) = (ears.open(), ears.open());
        ears.tell(2, told);
        assert_eq!((one.take().told.len(), two.take().told.len()), (1, 1));
        drop(one);
        ears.tell(2, told);
        assert_eq!((two.take().told.len(), ears.0.len()), (1, 1));
        drop(two);
        ears.tell(2, || unreachable!("nobody listens"));
        assert!(ears.0.is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut ears = Ears::default();
        let ear = ears.open();
        (0..1_010).for_each(|_| ears.tell(2, told));
        let overheard = ear.take();
        assert_eq!((overheard.told.len(), overheard.lost), (1_000, 10));
        (0..5).for_each(|_| ears.tell(400 * 1024, told));
        let overheard = ear.take();
        assert_eq!((overheard.told.len(), overheard.lost), (2, 3));
    }
}
