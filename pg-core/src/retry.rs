//! Running a transaction again: which failures another attempt can heal, how many attempts there are, and how long is
//! waited between them. The loop itself is [`Session::retry`](crate::session::Session::retry).
//!
#![doc = include_str!("../docs/deadlines.md")]

use crate::error::{Error, ErrorKind, Result};
use crate::transaction::{Isolation, TransactionOptions};
use std::future::Future;
use std::time::Duration;

/// How often a transaction is run, how long is waited before it is run again, and what it begins with.
///
/// Before attempt 2, 3, 4 .. the session pauses for a random time of at most once, twice, four times .. the backoff, and of
/// at most the cap, so that those who collided don't meet again.
///
/// ```
/// use pg_core::{Isolation, Retry};
/// use std::time::Duration;
///
/// let policy = Retry::new().isolation(Isolation::Serializable).attempts(5).backoff(Duration::from_millis(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give it to retry(..)"]
pub struct Retry {
    attempts: u32,
    backoff: Duration,
    cap: Duration,
    pub(crate) options: TransactionOptions,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry::new()
    }
}

impl Retry {
    /// At most 10 attempts, a backoff of 10 ms with a cap of 1 s, the session's defaults for the transaction.
    pub fn new() -> Retry {
        Retry {
            attempts: 10,
            backoff: Duration::from_millis(10),
            cap: Duration::from_secs(1),
            options: TransactionOptions::new(),
        }
    }

    /// How often it is run at most, the first time included; 0 is 1.
    pub fn attempts(self, attempts: u32) -> Retry {
        Retry { attempts, ..self }
    }

    /// The longest pause before the second attempt, which doubles with each; zero: no pause.
    pub fn backoff(self, backoff: Duration) -> Retry {
        Retry { backoff, ..self }
    }

    /// What no pause is longer than.
    pub fn cap(self, cap: Duration) -> Retry {
        Retry { cap, ..self }
    }

    /// The isolation level of each attempt.
    pub fn isolation(self, isolation: Isolation) -> Retry {
        Retry { options: self.options.isolation(isolation), ..self }
    }

    /// What each attempt begins with.
    pub fn transaction(self, options: TransactionOptions) -> Retry {
        Retry { options, ..self }
    }

    /// How long to wait before the attempt after number `attempt`, which ended with `error`. `chance` is random.
    ///
    /// # Errors
    /// The error itself, if another attempt can't heal it, or there is none.
    pub(crate) fn again(&self, attempt: u32, error: Error, chance: u64) -> Result<Duration> {
        let heals = error.is_retryable() || error.kind() == ErrorKind::RolledBack;
        if !heals {
            return Err(error);
        }
        if attempt >= self.attempts {
            return Err(error.within(format_args!("given up after {attempt} attempts")));
        }
        let doublings = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let most = self.backoff.saturating_mul(doublings).min(self.cap).as_nanos();
        // The upper 64 bits of the product are spread evenly over 0 .. most.
        let nanos = (u128::from(chance) * (most.min(u128::from(u64::MAX)) + 1)) >> 64;
        Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// What [`Session::retry`](crate::session::Session::retry) runs: an `async fn(&mut S) -> Result<T>` by its name, or
/// `async |tx| ..`. It says of either that its future is `Send`; nobody needs to implement it.
#[diagnostic::on_unimplemented(
    message = "`retry` can't run `{Self}`",
    note = "it runs `async |tx| {{ .. }}`, and an `async fn(&mut S) -> Result<T>` by its name, whose futures are `Send`"
)]
pub trait Body<'t, S, T, B = &'t mut S> {
    /// What it gives.
    type Future: Future<Output = Result<T>> + Send;

    /// Runs it.
    fn call(&mut self, session: &'t mut S) -> Self::Future;
}

impl<'t, S, T, F, Fut> Body<'t, S, T> for F
where
    F: FnMut(&'t mut S) -> Fut,
    Fut: Future<Output = Result<T>> + Send,
{
    type Future = Fut;

    fn call(&mut self, session: &'t mut S) -> Fut {
        self(session)
    }
}

/// The error of a retry where it can't help.
#[cold]
pub(crate) fn inside_a_transaction() -> Error {
    Error::usage("retry(..) runs a whole transaction again, and one is open")
        .hint("call it outside of the transaction: what fails for others' changes fails with all that came before it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServerError;

    fn failure(code: &str) -> Error {
        let body = format!("SERROR\0VERROR\0C{code}\0Mno\0\0");
        Error::from_server(ServerError::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_are_spread() {
        let policy = Retry::new().attempts(100);
        let pause = |attempt, chance| policy.again(attempt, failure("40001"), chance).unwrap();
        assert_eq!(pause(1, u64::MAX), Duration::from_millis(10));
        assert_eq!(pause(2, u64::MAX), Duration::from_millis(20));
        assert_eq!(pause(3, u64::MAX / 2), Duration::from_millis(20));
        assert_eq!(pause(3, 0), Duration::ZERO);
        for attempt in [8, 31, 32, 33, 99] {
            assert_eq!(pause(attempt, u64::MAX), Duration::from_secs(1), "{attempt}");
        }
        let longest = Retry::new().attempts(9).backoff(Duration::MAX).cap(Duration::MAX);
        assert!(longest.again(3, failure("40P01"), u64::MAX).unwrap() > Duration::from_secs(1_000_000));
    }

    #[test]
    fn what_another_attempt_does_not_heal_is_told_at_once() {
        let policy = Retry::new().attempts(3);
        for error in [failure("23505"), Error::usage("no"), Error::new(ErrorKind::CommitUnknown, "lost")] {
            let kind = error.kind();
            assert_eq!(policy.again(1, error, 0).unwrap_err().kind(), kind);
        }
        assert!(policy.again(1, Error::new(ErrorKind::RolledBack, "no"), 0).is_ok());
        let last = policy.again(3, failure("40001"), 0).unwrap_err();
        assert!(last.is_retryable());
        assert!(last.to_string().starts_with("given up after 3 attempts: ERROR 40001"), "{last}");
    }
}
