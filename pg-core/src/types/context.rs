//! What a codec may know of its session: the settings that change how values look, and a place for unquoted text.

use crate::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The session's settings that a codec may need, as the server last reported them.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `server_version`, such as `15.18`.
    pub server_version: String,
    /// `DateStyle`, such as `ISO, MDY`.
    pub date_style: String,
    /// `IntervalStyle`, such as `postgres`.
    pub interval_style: String,
    /// `TimeZone`.
    pub time_zone: String,
    /// `integer_datetimes`; off means dates in a form that no supported server uses.
    pub integer_datetimes: bool,
}

/// The context of one value: the session's settings, and scratch memory that lives as long as the row.
#[derive(Debug, Default)]
pub struct Context {
    /// The session's settings.
    pub settings: Arc<Settings>,
    /// Where text without its quotes is kept, for fields that borrow.
    pub scratch: Scratch,
    /// Where a value was found that isn't of its type any more: the connection's next statement looks the types up anew.
    pub altered: Arc<AtomicBool>,
}

impl Context {
    /// The context of a row that leaves its connection.
    pub fn of_owned_row(&self) -> Context {
        Context {
            settings: self.settings.clone(),
            altered: self.altered.clone(),
            scratch: Scratch::default(),
        }
    }

    /// Notes an error that says that a type was altered.
    #[cold]
    pub(crate) fn note(&self, error: &Error) {
        if error.is_type_altered() {
            self.altered.store(true, Ordering::Relaxed);
        }
    }
}

/// Bytes that were made while reading a row (an array literal's elements without their escapes), kept so that fields
/// can borrow them. It only grows while a row is alive, so a shared reference is enough.
///
/// The pieces lie in blocks of 1, 2, 4, .. places, so that none ever moves and each is found at once.
#[derive(Debug)]
pub struct Scratch {
    kept: AtomicUsize,
    blocks: [OnceLock<Block>; BLOCKS],
}

type Block = Box<[OnceLock<Vec<u8>>]>;

/// One for each bit of a piece's number, so that every number has its place.
const BLOCKS: usize = 64;

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { kept: AtomicUsize::new(0), blocks: [const { OnceLock::new() }; BLOCKS] }
    }
}

impl Scratch {
    /// Keeps `bytes` and lends them.
    pub fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        // The number is this call's alone, and so is the place it stands for.
        let number = self.kept.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let size = 1usize << number.ilog2();
        let block = usize::try_from(number.ilog2()).ok().and_then(|block| self.blocks.get(block));
        let place = block.and_then(|block| {
            block
                .get_or_init(|| (0..size).map(|_| OnceLock::new()).collect())
                .get(number.saturating_sub(size))
        });
        place.map_or(&[], |place| place.get_or_init(|| bytes))
    }

    /// Forgets all, before the next row.
    #[inline]
    pub fn clear(&mut self) {
        if *self.kept.get_mut() > 0 {
            self.free();
        }
    }

    #[cold]
    fn free(&mut self) {
        *self.kept.get_mut() = 0;
        for block in &mut self.blocks {
            block.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn kept_bytes_stay_where_they_are() {
        let mut scratch = Scratch::default();
        let first = scratch.keep(b"one".to_vec());
        let second = scratch.keep(b"two".to_vec());
        assert_eq!((first, second), (&b"one"[..], &b"two"[..]));
        scratch.clear();
        let kept: Vec<&[u8]> = (0..100_000u32).map(|n| scratch.keep(n.to_be_bytes().to_vec())).collect();
        assert!(kept.iter().zip(0u32..).all(|(bytes, n)| *bytes == n.to_be_bytes()));
    }
}
