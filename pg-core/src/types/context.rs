//! What a codec may know of its session: the settings that change how values look, and a place for unquoted text.

use std::sync::OnceLock;

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
    pub settings: Settings,
    /// Where text without its quotes is kept, for fields that borrow.
    pub scratch: Scratch,
}

/// Bytes that were made while reading a row (an array literal's element without its quotes), kept so that fields can
/// borrow them. It only grows while a row is alive, so a shared reference is enough.
#[derive(Debug, Default)]
pub struct Scratch(OnceLock<Box<Piece>>);

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    next: Scratch,
}

impl Scratch {
    /// Keeps `bytes` and lends them.
    pub fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        let mut place = self;
        while let Some(piece) = place.0.get() {
            place = &piece.next;
        }
        // Nobody else can have filled the place since: Context is not shared between threads while a row is read.
        // If somebody had, the next place is tried.
        let mut bytes = bytes;
        loop {
            let mut taken = None;
            let piece = place.0.get_or_init(|| {
                Box::new(Piece { bytes: std::mem::take(taken.insert(std::mem::take(&mut bytes))), next: Scratch::default() })
            });
            if taken.is_some() {
                return &piece.bytes;
            }
            place = &piece.next;
        }
    }

    /// Forgets all, before the next row.
    #[inline]
    pub fn clear(&mut self) {
        // A long list must not be dropped by recursion.
        let mut next = self.0.take();
        while let Some(mut piece) = next {
            next = piece.next.0.take();
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
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
        for _ in 0..10_000 {
            scratch.keep(vec![1]);
        }
    }
}
