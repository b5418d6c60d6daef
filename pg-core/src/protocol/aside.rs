//! Answers that their operation doesn't take, set aside so that those behind it can be read. Only a connection that runs
//! several operations at once has any.

use crate::types::context::Settings;
use std::sync::Arc;

/// How many bytes of answers are kept in all; an operation whose answers don't fit is given up.
const MOST: usize = 1024 * 1024;

/// What was set aside, by operation.
#[derive(Debug, Default)]
pub(super) struct Asides(Vec<Aside>);

/// The answers of one operation, as far as they came while it was not looking.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    number: u64,
    /// Tag, length of the body, body.
    frames: Vec<u8>,
    /// What the values were written under: it may have changed since.
    pub(crate) settings: Arc<Settings>,
    /// There was too much of it.
    pub(crate) is_lost: bool,
}

impl Asides {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a message; false if there is no room for it, so that what was kept of that operation is gone too.
    pub(super) fn keep(&mut self, number: u64, tag: u8, body: &[u8], settings: &Arc<Settings>) -> bool {
        let kept: usize = self.0.iter().map(|aside| aside.frames.len()).sum();
        let aside = match self.0.iter().position(|aside| aside.number == number) {
            Some(at) => self.0.get_mut(at),
            None => {
                self.0.push(Aside { number, frames: Vec::new(), settings: settings.clone(), is_lost: false });
                self.0.last_mut()
            }
        };
        let (Some(aside), Ok(length)) = (aside, u32::try_from(body.len())) else { return false };
        if kept.saturating_add(body.len()) > MOST {
            aside.is_lost = true;
            aside.frames = Vec::new();
            return false;
        }
        aside.frames.push(tag);
        aside.frames.extend_from_slice(&length.to_be_bytes());
        aside.frames.extend_from_slice(body);
        true
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Aside> {
        let mut taken = None;
        self.0.retain_mut(|aside| {
            let is_it = aside.number == number;
            if is_it {
                taken = Some(std::mem::take(aside));
            }
            !is_it
        });
        taken
    }
}

impl Aside {
    /// Its messages, in order.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.frames.as_slice();
        std::iter::from_fn(move || {
            let (tag, after) = rest.split_first()?;
            let (length, after) = after.split_first_chunk()?;
            let (body, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            Some((*tag, body))
        })
    }
}

/// Whether a message asks for data that nobody will send.
pub(super) fn asks_for_data(tag: u8) -> bool {
    matches!(tag, b'G' | b'W')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_comes_in_order() {
        let (mut asides, settings) = (Asides::default(), Arc::new(Settings::default()));
        asides.keep(1, b'D', b"one", &settings);
        asides.keep(2, b'D', b"", &settings);
        asides.keep(1, b'C', b"two", &settings);
        let aside = asides.take(1).unwrap();
        assert!(aside.frames().eq([(b'D', &b"one"[..]), (b'C', b"two")]));
        assert!(asides.take(1).is_none());
        assert!(asides.take(2).unwrap().frames().eq([(b'D', &b""[..])]));
        assert!(asides.is_empty());
    }

    #[test]
    fn it_is_bounded_over_all_operations() {
        let (mut asides, settings) = (Asides::default(), Arc::new(Settings::default()));
        let half = vec![0; MOST / 2];
        asides.keep(1, b'D', &half, &settings);
        asides.keep(2, b'D', &half, &settings);
        asides.keep(3, b'Z', b"I", &settings);
        assert!(!asides.take(1).unwrap().is_lost);
        assert!(asides.take(2).unwrap().is_lost, "the one for which there was no room");
        assert!(!asides.take(3).unwrap().is_lost);
    }
}
