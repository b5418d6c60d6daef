//! Appending to the one output buffer. Lengths are filled in by the helper that opened them, and a length that does
//! not fit is an error, never a wrapped number.

use crate::error::{Error, Result};

/// The output buffer of a connection, or of a value being rendered.
pub type Buffer = Vec<u8>;

/// What an output buffer shrinks to after a large request.
pub(crate) const LARGE_OUTPUT: usize = 256 * 1024;

/// Appends a big-endian `i16`.
#[inline]
pub fn put_i16(out: &mut Buffer, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a big-endian `i32`.
#[inline]
pub fn put_i32(out: &mut Buffer, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a big-endian `u32`.
#[inline]
pub fn put_u32(out: &mut Buffer, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a count that the protocol carries in two bytes, read by the server as unsigned: at most 65,535.
#[inline]
pub fn put_count(out: &mut Buffer, count: usize, what: &str) -> Result<()> {
    let count = u16::try_from(count)
        .map_err(|_| Error::usage(format!("{count} {what}: PostgreSQL takes at most 65535")))?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

/// Appends a NUL-ended string. A NUL inside would end it early, so it is refused.
pub fn put_c_str(out: &mut Buffer, text: &str, what: &str) -> Result<()> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Error::usage(format!("{what} contains a NUL character"))
            .hint("PostgreSQL text can't hold NUL: remove it, or use bytea for bytes"));
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

/// The longest message that a server takes (`PQ_LARGE_MESSAGE_LIMIT`). It ends the session over a longer one, so none is
/// sent.
const LONGEST: i32 = 0x3fff_fffe;

/// Writes a four-byte length at `at`, counting from `from` to the end of the buffer.
#[inline]
fn patch(out: &mut Buffer, at: usize, from: usize, what: &str) -> Result<()> {
    let length = out.len().saturating_sub(from);
    let length = match i32::try_from(length) {
        Ok(length) if length <= LONGEST => length,
        _ => return Err(too_long(what, length)),
    };
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *place = length.to_be_bytes();
    }
    Ok(())
}

#[cold]
fn too_long(what: &str, length: usize) -> Error {
    Error::encode(format!(
        "{what} would be {length} bytes long: PostgreSQL takes at most 1 GiB in one message"
    ))
}

/// Appends a message: its tag, its length (which counts itself), and the body that `body` appends.
#[inline]
pub fn message<T>(out: &mut Buffer, tag: u8, body: impl FnOnce(&mut Buffer) -> Result<T>) -> Result<T> {
    out.push(tag);
    counted(out, body)
}

/// Fills in the length of a message that stands alone, tag first.
pub fn close(message: &mut Buffer) -> Result<()> {
    patch(message, 1, 1, "a message")
}

/// Appends a length that counts itself, and the body that `body` appends: a message without a tag.
#[inline]
pub fn counted<T>(out: &mut Buffer, body: impl FnOnce(&mut Buffer) -> Result<T>) -> Result<T> {
    let at = out.len();
    put_i32(out, 0);
    let result = body(out)?;
    patch(out, at, at, "a message")?;
    Ok(result)
}

/// Appends what `body` appends: wholly, or not at all where it fails or panics.
#[inline]
pub fn whole<T>(out: &mut Buffer, body: impl FnOnce(&mut Buffer) -> Result<T>) -> Result<T> {
    struct Appending<'o>(&'o mut Buffer, Option<usize>);

    impl Drop for Appending<'_> {
        fn drop(&mut self) {
            if let Some(start) = self.1 {
                self.0.truncate(start);
            }
        }
    }

    let start = out.len();
    let mut appending = Appending(out, Some(start));
    let appended = body(appending.0)?;
    appending.1 = None;
    Ok(appended)
}

/// Whether a written value was NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    /// Nothing was appended: the value is NULL.
    Yes,
    /// What was appended is the value.
    No,
}

/// Appends a value as Bind, arrays and records carry it: its length, -1 for NULL, then its bytes.
#[inline]
pub fn value(out: &mut Buffer, body: impl FnOnce(&mut Buffer) -> Result<IsNull>) -> Result<()> {
    let at = out.len();
    put_i32(out, -1);
    match body(out)? {
        IsNull::Yes => Ok(()),
        IsNull::No => patch(out, at, at.saturating_add(4), "a value"),
    }
}
