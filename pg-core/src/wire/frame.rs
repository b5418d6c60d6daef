//! The input buffer, and splitting it into frames: a tag, a length, a body.
//!
//! A frame is refused at its header when it is larger than its kind may be; memory grows as bytes come, never from a
//! promise. A frame's body is a range of the buffer: it stays valid until bytes are read again.

use crate::error::{Error, Result};
use std::fmt;
use std::io::Write;

/// How large a message may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes in all before login, where anybody may be speaking. Default 64 KiB.
    pub before_login: usize,
    /// The kinds that are always small. Default 30,000, as in libpq.
    pub small: usize,
    /// Rows, descriptions, COPY data, errors, notices and notifications. Default 1 GiB - 1, the server's own limit.
    pub large: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { before_login: 64 * 1024, small: 30_000, large: 0x3fff_ffff }
    }
}

/// One whole message: its tag, and where its body lies in the input buffer.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The message's kind.
    pub tag: u8,
    start: usize,
    end: usize,
}

/// Received bytes that were not yet understood; `Debug` counts them.
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    limits: Limits,
    /// Bytes of messages taken before login; counted against [`Limits::before_login`].
    before_login: Option<usize>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.waiting().len())
    }
}

/// What the buffer shrinks to after a large message.
const NORMAL: usize = 16 * 1024;
/// A tag and a length.
const HEADER: usize = 5;

impl Input {
    /// An empty buffer of a connection that has not logged in.
    pub fn new(limits: Limits) -> Input {
        Input { bytes: vec![0; NORMAL], start: 0, end: 0, limits, before_login: Some(0) }
    }

    /// From here on the limits are those of a session.
    pub fn logged_in(&mut self) {
        self.before_login = None;
    }

    /// Whether the limits are those of a session.
    pub fn is_logged_in(&self) -> bool {
        self.before_login.is_none()
    }

    /// Whether no byte waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes the buffer takes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// What waits, for the one answer that isn't a frame (to SSLRequest).
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops `count` waiting bytes.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Room for the next read, never empty. Bodies of earlier frames end their life here.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.bytes.len() > NORMAL {
                self.bytes.truncate(NORMAL);
                self.bytes.shrink_to(NORMAL);
            }
        } else if self.bytes.len().saturating_sub(self.end) < NORMAL / 4 {
            self.make_room();
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Moves a partial message to the front and, when it fills the buffer, doubles the buffer up to its length.
    fn make_room(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "start <= end <= the length, by consume and filled")]
        self.bytes.copy_within(self.start..self.end, 0);
        self.end = self.end.saturating_sub(self.start);
        self.start = 0;
        if self.bytes.len().saturating_sub(self.end) < NORMAL / 4 {
            let whole = self.whole_length().unwrap_or(0).max(NORMAL);
            let doubled = self.bytes.len().saturating_mul(2);
            // Up to one header more than the message, so that a value isn't held twice at the end.
            let target = doubled.min(whole.saturating_add(NORMAL)).max(self.end.saturating_add(NORMAL));
            self.bytes.reserve_exact(target.saturating_sub(self.bytes.len()));
            self.bytes.resize(target, 0);
        }
    }

    /// The length of the message that starts the buffer, header included.
    fn whole_length(&self) -> Option<usize> {
        let [_, length @ ..] = *self.waiting().first_chunk::<HEADER>()?;
        usize::try_from(u32::from_be_bytes(length)).ok()?.checked_add(1)
    }

    /// Counts `count` bytes that were read into [`Input::space`].
    #[inline]
    pub fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
    }

    /// Appends bytes that were received elsewhere.
    pub fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // Writing to a slice takes what fits, and there is always room.
            let Ok(count) = self.space().write(bytes) else { return };
            self.filled(count);
            bytes = bytes.get(count..).unwrap_or_default();
        }
    }

    /// Takes the next whole message, or `None` when more bytes are wanted.
    ///
    /// # Errors
    /// A length below four or above the limit of its kind is a protocol error, raised at the header.
    #[inline]
    pub fn frame(&mut self) -> Result<Option<Frame>> {
        let waiting = self.waiting();
        let Some((&[tag, a, b, c, d], body)) = waiting.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(body_length) = length.checked_sub(4) else {
            return Err(Error::protocol(format!("a message {:?} claims a length of {length}", tag as char)));
        };
        if body_length > self.limits.small || self.before_login.is_some() {
            self.check_limit(tag, body_length)?;
        }
        if body.len() < body_length {
            return Ok(None);
        }
        if let Some(taken) = &mut self.before_login {
            *taken = taken.saturating_add(length);
        }
        let start = self.start.saturating_add(HEADER);
        let end = start.saturating_add(body_length);
        self.start = end;
        Ok(Some(Frame { tag, start, end }))
    }

    /// Takes the next message if it is whole, small and of this kind: what [`Input::frame`] does, for the usual case.
    #[inline]
    pub fn small_frame(&mut self, of: u8) -> Option<Frame> {
        let (&[tag, a, b, c, d], body) = self.waiting().split_first_chunk::<HEADER>()?;
        let length = (u32::from_be_bytes([a, b, c, d]) as usize).checked_sub(4)?;
        if tag != of || length > self.limits.small || length > body.len() {
            return None;
        }
        let start = self.start.saturating_add(HEADER);
        let end = start.saturating_add(length);
        self.start = end;
        Some(Frame { tag, start, end })
    }

    #[cold]
    fn check_limit(&self, tag: u8, length: usize) -> Result<()> {
        let limit = match self.before_login {
            Some(taken) => self.limits.before_login.saturating_sub(taken),
            None if b"DdTtVENA".contains(&tag) => self.limits.large,
            None => self.limits.small,
        };
        if length <= limit {
            return Ok(());
        }
        Err(Error::protocol(format!(
            "a message {:?} claims {length} bytes, more than the limit of {limit}",
            tag as char
        ))
        .hint("is this a PostgreSQL server? If it really sends such messages, raise message_limits"))
    }

    /// Whether a whole message waits.
    ///
    /// # Errors
    /// As [`Input::frame`].
    pub fn has_frame(&self) -> Result<bool> {
        let Some((&[tag, a, b, c, d], body)) = self.waiting().split_first_chunk::<HEADER>() else {
            return Ok(false);
        };
        let length = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(4);
        self.check_limit(tag, length)?;
        Ok(body.len() >= length)
    }

    /// The bytes of a frame taken since the last [`Input::space`].
    #[inline]
    pub fn body(&self, frame: Frame) -> &[u8] {
        self.bytes.get(frame.start..frame.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(input: &mut Input, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = input.space();
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            input.filled(count);
            bytes = &bytes[count..];
        }
    }

    #[test]
    fn a_large_message_grows_the_buffer_as_bytes_come_and_gives_it_back() {
        let mut input = Input::new(Limits::default());
        input.logged_in();
        let mut message = vec![b'D'];
        message.extend_from_slice(&(4u32 + 1_000_000).to_be_bytes());
        feed(&mut input, &message);
        assert!(input.frame().unwrap().is_none());
        assert!(input.bytes.len() <= 2 * NORMAL, "no memory from a promise");
        feed(&mut input, &vec![7; 1_000_000]);
        let frame = input.frame().unwrap().unwrap();
        assert_eq!(input.body(frame).len(), 1_000_000);
        assert!(input.bytes.len() < 1_100_000, "{}", input.bytes.len());
        input.space();
        assert_eq!(input.bytes.len(), NORMAL);
    }

    #[test]
    fn lengths_that_lie_are_refused_at_the_header() {
        for (tag, length, logged_in) in [
            (b'Z', 3u32, true),
            (b'D', 0, true),
            (b'D', 0xffff_ffff, true),
            (b'Z', 40_000, true),
            (b'E', 70_000, false),
        ] {
            let mut input = Input::new(Limits::default());
            if logged_in {
                input.logged_in();
            }
            feed(&mut input, &[tag]);
            feed(&mut input, &length.to_be_bytes());
            assert!(input.frame().is_err(), "{} {length}", tag as char);
        }
    }
}
