//! Wakers that are to be woken or dropped once the mutex is free: either may run somebody else's code, which may want
//! the mutex too.

use std::task::Waker;

/// See the module. Dropped, it wakes nobody.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    woken: Few,
    spent: Few,
}

/// Nearly always none or one.
#[derive(Debug, Default)]
struct Few {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Few {
    fn add(&mut self, waker: Option<Waker>) {
        match (&self.first, waker) {
            (None, waker) => self.first = waker,
            (Some(_), waker) => self.others.extend(waker),
        }
    }
}

impl Wakes {
    /// Will be woken.
    pub(super) fn add(&mut self, waker: Option<Waker>) {
        self.woken.add(waker);
    }

    /// Will be dropped.
    pub(super) fn spend(&mut self, waker: Option<Waker>) {
        self.spent.add(waker);
    }

    /// Puts a waker in the place of one that may be another task's.
    pub(super) fn replace(&mut self, known: &mut Option<Waker>, waker: &Waker) {
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.spend(known.replace(waker.clone()));
        }
    }

    pub(super) fn wake(self) {
        let Few { first, others } = self.woken;
        first.into_iter().chain(others).for_each(Waker::wake);
    }
}
