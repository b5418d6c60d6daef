//! The file formats of COPY: the header of the binary one, and lines of the text one.

use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32};

/// What a binary COPY begins with: `PGCOPY`, bytes that a careless transport would change, flags, and the length of an
/// extension.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Appends the header of a binary COPY.
pub(crate) fn put_header(out: &mut Buffer) {
    out.extend_from_slice(SIGNATURE);
    put_i32(out, 0); // no flags
    put_i32(out, 0); // no extension
}

/// Appends the trailer of a binary COPY: a count of fields that no row has.
pub(crate) fn put_trailer(out: &mut Buffer) {
    out.extend_from_slice(&(-1i16).to_be_bytes());
}

/// The header of a binary COPY.
#[derive(Debug)]
pub struct Header;

impl Header {
    /// Reads the header, and gives what follows it.
    ///
    /// # Errors
    /// Bytes that aren't the header of a binary COPY, or flags that nobody knows.
    pub fn read(bytes: &[u8]) -> Result<&[u8]> {
        let malformed = || Error::protocol("the data is no binary COPY: its header is another");
        let mut reader = Reader::new(bytes.strip_prefix(SIGNATURE).ok_or_else(malformed)?);
        if reader.u32()? >> 16 != 0 {
            return Err(Error::protocol("the header of a binary COPY has critical flags that are unknown"));
        }
        let extension = usize::try_from(reader.i32()?).map_err(|_| malformed())?;
        reader.take(extension)?;
        Ok(reader.rest())
    }
}

/// Appends a value of the text format, escaped. `value` is what was appended to `out` from `start` on.
pub(crate) fn escape_text(out: &mut Buffer, start: usize) {
    let plain = |c: &u8| !matches!(c, b'\\' | b'\n' | b'\r' | b'\t');
    if out.iter().skip(start).all(plain) {
        return;
    }
    let value = out.get(start..).unwrap_or_default().to_vec();
    out.truncate(start);
    for byte in value {
        let escaped = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escaped]);
    }
}

/// A line of the text format, turned into the form that rows have in DataRow: a count, then values.
#[derive(Debug, Default)]
pub struct TextRow(Buffer);

impl TextRow {
    /// Reads a line, with its end or without: columns between tabs, `\N` for NULL, escapes by backslash.
    ///
    /// # Errors
    /// More columns than a row can have, or a line that isn't ended.
    pub fn read(&mut self, line: &[u8]) -> Result<&[u8]> {
        let row = &mut self.0;
        row.clear();
        row.extend_from_slice(&[0, 0]);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut columns = 0u16;
        let mut rest = line;
        loop {
            columns = columns
                .checked_add(1)
                .ok_or_else(|| Error::protocol("a row of COPY has too many columns"))?;
            let at = row.len();
            put_i32(row, -1);
            let (null, after) = value(row, rest)?;
            if !null {
                let length = row.len().saturating_sub(at).saturating_sub(4);
                let length =
                    i32::try_from(length).map_err(|_| Error::protocol("a value of COPY is too long"))?;
                if let Some(place) = row.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
                    *place = length.to_be_bytes();
                }
            }
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        if let Some(place) = row.first_chunk_mut::<2>() {
            *place = columns.to_be_bytes();
        }
        Ok(row)
    }
}

/// Appends the value at the front of a line; whether it is NULL, and what follows its tab.
fn value<'l>(out: &mut Buffer, line: &'l [u8]) -> Result<(bool, Option<&'l [u8]>)> {
    let end = memchr::memchr2(b'\t', b'\\', line).unwrap_or(line.len());
    let (head, mut rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    if head.is_empty()
        && let [b'\\', b'N', after @ ..] = rest
        && matches!(after.first(), None | Some(b'\t'))
    {
        return Ok((true, after.split_first().map(|(_, after)| after)));
    }
    out.extend_from_slice(head);
    loop {
        match rest {
            [] => return Ok((false, None)),
            [b'\t', after @ ..] => return Ok((false, Some(after))),
            [b'\\', c, after @ ..] => {
                out.push(match c {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    // The server writes no others; it reads \123 and \x7f besides.
                    other => *other,
                });
                rest = after;
            }
            [b'\\'] => return Err(Error::protocol("a row of COPY ends in the middle of an escape")),
            [c, after @ ..] => {
                out.push(*c);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::backend::DataRow;

    fn columns(line: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut text = TextRow::default();
        let row = DataRow::new(text.read(line).unwrap()).unwrap();
        let mut values = row.values();
        let found = (0..row.columns()).map(|_| values.value().unwrap().map(<[u8]>::to_vec)).collect();
        values.finish().unwrap();
        found
    }

    #[test]
    fn lines_are_read_as_the_server_writes_them() {
        let some = |text: &[u8]| Some(text.to_vec());
        assert_eq!(
            columns(b"1\t\\N\t\t\\\\N\ta\\tb\\nc\\\\\\r\\b\\f\\v\n"),
            [some(b"1"), None, some(b""), some(b"\\N"), some(b"a\tb\nc\\\r\x08\x0c\x0b")]
        );
        assert_eq!(columns(b"\n"), [some(b"")]);
        assert_eq!(columns(b"\\N"), [None]);
        assert!(TextRow::default().read(b"a\\").is_err());
        assert!(TextRow::default().read(&vec![b'\t'; 70_000]).is_err());
    }

    #[test]
    fn what_is_escaped_is_read_again() {
        for value in [&b"plain"[..], b"\\", b"a\tb\r\nc", b"\\N", b""] {
            let mut line = b"x\t".to_vec();
            let start = line.len();
            line.extend_from_slice(value);
            escape_text(&mut line, start);
            assert_eq!(columns(&line), [Some(b"x".to_vec()), Some(value.to_vec())]);
        }
    }

    #[test]
    fn a_header_is_checked() {
        let mut bytes = Buffer::new();
        put_header(&mut bytes);
        put_trailer(&mut bytes);
        assert_eq!(Header::read(&bytes).unwrap(), [0xff, 0xff]);
        for at in 0..15 {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            // The lower half of the flags may be anything.
            assert_eq!(Header::read(&broken).is_err(), at < 13, "{at}");
            assert!(Header::read(&bytes[..at]).is_err());
        }
    }
}
