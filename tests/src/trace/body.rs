//! Reading the fields of one message's body, and how values are written. Which fields there are is not known here.

use std::fmt::Write;

/// What is left of a body. A method gives None when the body ends too early.
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    pub(super) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*first))
    }

    pub(super) fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(first)
    }

    /// A string that ends with a zero byte.
    pub(super) fn string(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.u8()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// [`string`](Body::string), quoted.
    pub(super) fn quoted(&mut self) -> Option<String> {
        Some(format!("{:?}", self.string()?))
    }

    /// A length and so many bytes; a length of -1 is NULL.
    pub(super) fn value(&mut self) -> Option<String> {
        match self.u32()? {
            u32::MAX => Some("NULL".to_owned()),
            size => Some(show(self.bytes(size as usize)?)),
        }
    }

    /// A 16-bit count and so many of something: `[a b c]`.
    pub(super) fn list<T: ToString>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<String> {
        let count = self.u16()?;
        let items: Option<Vec<String>> = (0..count).map(|_| Some(one(self)?.to_string())).collect();
        Some(format!("[{}]", items?.join(" ")))
    }

    /// The line, if the body has been read to its end.
    pub(super) fn end(&self, line: String) -> Option<String> {
        self.0.is_empty().then_some(line)
    }
}

const SHOWN: usize = 64;

/// Printable text in quotes, else hexadecimal; both are cut after 64 bytes.
pub(super) fn show(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let more = if bytes.len() > SHOWN { format!(".. ({} bytes)", bytes.len()) } else { String::new() };
    // A character may stand across the cut.
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && !more.is_empty() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match text.filter(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))) {
        Some(text) => format!("{text:?}{more}"),
        None => {
            let mut text = "0x".to_owned();
            for byte in shown {
                let _ = write!(text, "{byte:02x}");
            }
            text + &more
        }
    }
}
