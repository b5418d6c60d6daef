//! What travels inside CopyData once replication has begun. Manual: "Streaming Replication Protocol".

use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Buffer};

/// What a walsender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationMessage<'a> {
    /// A piece of the stream.
    XLogData(XLogData<'a>),
    /// Where the server is, and whether it wants to hear where we are.
    Keepalive(Keepalive),
}

/// XLogData: a piece of the stream, as it lies in the input buffer.
///
/// ```
/// use pg_core::lsn::Lsn;
/// use pg_core::message::replication::{ReplicationMessage, XLogData};
/// let mut body = vec![b'w'];
/// for number in [0x16_b374_d848_u64, 0x16_b374_d850, 7] {
///     body.extend(number.to_be_bytes());
/// }
/// body.extend(b"BEGIN 731");
/// let data = XLogData { start: Lsn(0x16_b374_d848), end: Lsn(0x16_b374_d850), clock: 7, data: b"BEGIN 731" };
/// assert_eq!(ReplicationMessage::parse(&body)?, ReplicationMessage::XLogData(data));
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XLogData<'a> {
    /// Where it begins. Of logical replication: the place of the change, and of a commit the place after it.
    pub start: Lsn,
    /// The end of the log on the server when it was sent; of logical replication the same as `start`.
    pub end: Lsn,
    /// When it was sent: the server's clock in microseconds since 2000-01-01 00:00 UTC.
    pub clock: i64,
    /// What the output plugin wrote, or a piece of the log itself.
    pub data: &'a [u8],
}

/// Primary keepalive message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// How far the server has sent.
    pub end: Lsn,
    /// The server's clock, in microseconds since 2000-01-01 00:00 UTC.
    pub clock: i64,
    /// Whether it ends the connection unless it hears from us soon.
    pub reply: bool,
}

impl<'a> ReplicationMessage<'a> {
    /// Reads the body of a CopyData.
    ///
    /// # Errors
    /// A body that is neither of the two is a protocol error.
    #[inline]
    pub fn parse(body: &'a [u8]) -> Result<ReplicationMessage<'a>> {
        let mut r = Reader::new(body);
        match r.u8()? {
            b'w' => {
                let (start, end, clock) = (lsn(&mut r)?, lsn(&mut r)?, int8(&mut r)?);
                Ok(ReplicationMessage::XLogData(XLogData { start, end, clock, data: r.rest() }))
            }
            b'k' => {
                let (end, clock, reply) = (lsn(&mut r)?, int8(&mut r)?, r.u8()? != 0);
                r.finish()?;
                Ok(ReplicationMessage::Keepalive(Keepalive { end, clock, reply }))
            }
            other => Err(unknown(other)),
        }
    }
}

#[cold]
fn unknown(tag: u8) -> Error {
    Error::protocol(format!(
        "a replication message begins with {:?}, expected XLogData ('w') or a keepalive ('k')",
        tag as char
    ))
}

#[inline]
fn lsn(r: &mut Reader<'_>) -> Result<Lsn> {
    r.array().map(|bytes| Lsn(u64::from_be_bytes(bytes)))
}

#[inline]
fn int8(r: &mut Reader<'_>) -> Result<i64> {
    r.array().map(i64::from_be_bytes)
}

/// Standby status update: how far we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusUpdate {
    /// Everything before was received.
    pub write: Lsn,
    /// Everything before is kept safely: the server may forget it.
    pub flush: Lsn,
    /// Everything before was applied.
    pub apply: Lsn,
    /// Our clock, in microseconds since 2000-01-01 00:00 UTC.
    pub clock: i64,
    /// Whether the server shall answer at once.
    pub reply: bool,
}

impl StatusUpdate {
    /// Its bytes, to be sent in a CopyData.
    pub fn encode(&self) -> Buffer {
        let mut out = Buffer::with_capacity(34);
        out.push(b'r');
        for lsn in [self.write, self.flush, self.apply] {
            out.extend_from_slice(&lsn.0.to_be_bytes());
        }
        out.extend_from_slice(&self.clock.to_be_bytes());
        out.push(u8::from(self.reply));
        out
    }

    /// Appends it as a CopyData.
    ///
    /// # Errors
    /// None: it is always of the same length.
    pub fn write_to(&self, out: &mut Buffer) -> Result<()> {
        writer::message(out, b'd', |out| {
            out.extend_from_slice(&self.encode());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_is_a_protocol_error_at_any_length() {
        let mut keepalive = vec![b'k'];
        keepalive.extend([0; 16]);
        keepalive.push(1);
        let whole = ReplicationMessage::parse(&keepalive).unwrap();
        assert_eq!(whole, ReplicationMessage::Keepalive(Keepalive { end: Lsn(0), clock: 0, reply: true }));
        for length in 0..keepalive.len() {
            assert!(ReplicationMessage::parse(&keepalive[..length]).is_err(), "{length}");
        }
        keepalive.push(0);
        assert!(ReplicationMessage::parse(&keepalive).is_err());
        let error = ReplicationMessage::parse(b"x").unwrap_err();
        assert!(error.to_string().contains("'x'"), "{error}");
    }

    #[test]
    fn a_status_update_has_the_manuals_form() {
        let status = StatusUpdate { write: Lsn(3), flush: Lsn(2), apply: Lsn(1), clock: 4, reply: true };
        let mut expected = vec![b'r'];
        for number in [3u64, 2, 1, 4] {
            expected.extend(number.to_be_bytes());
        }
        expected.push(1);
        assert_eq!(status.encode(), expected);
    }
}
