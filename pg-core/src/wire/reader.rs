//! The one cursor over received bytes. Every take checks what is left and says what is missing; nothing panics.

use crate::error::{Error, Result};

/// A cursor over a message body or a value. Integers are big-endian, as everywhere in the protocol.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

#[cold]
fn short(wanted: usize, left: usize) -> Error {
    Error::protocol(format!("{wanted} bytes were expected and {left} are left"))
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What has not been taken yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(short(count, self.rest.len())),
        }
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(short(N, self.rest.len())),
        }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes, unsigned.
    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Two bytes, signed.
    #[inline]
    pub fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    /// Four bytes, unsigned.
    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes, signed.
    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A value as rows, arrays and records carry it: a four-byte length, -1 for NULL, then that many bytes.
    #[inline(always)]
    pub fn value(&mut self) -> Result<Option<&'a [u8]>> {
        if let Some((length, rest)) = self.rest.split_first_chunk() {
            // As unsigned, a negative length is longer than any message.
            if let Some((value, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) {
                self.rest = rest;
                return Ok(Some(value));
            }
        }
        self.no_value()
    }

    /// What is no value: NULL, or a length that lies.
    #[inline(never)]
    fn no_value(&mut self) -> Result<Option<&'a [u8]>> {
        let length = self.i32()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length).map(Some),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(Error::protocol(format!("a value can't be {length} bytes long"))),
        }
    }

    /// The bytes up to the next NUL, which is taken too.
    pub fn c_bytes(&mut self) -> Result<&'a [u8]> {
        let Some(end) = memchr::memchr(0, self.rest) else {
            return Err(Error::protocol("a string is not ended by NUL"));
        };
        let bytes = self.take(end)?;
        self.u8()?;
        Ok(bytes)
    }

    /// A NUL-ended string, which must be UTF-8.
    pub fn c_str(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.c_bytes()?).map_err(|_| Error::protocol("a string is not UTF-8"))
    }

    /// Demands that nothing is left over.
    #[inline]
    pub fn finish(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(left_over(self.rest.len())) }
    }
}

#[cold]
fn left_over(count: usize) -> Error {
    Error::protocol(format!("{count} bytes are left over"))
}
