//! What we send, in the order of the manual's list. Each function appends one message and nothing else.

use crate::error::{Error, Result};
use crate::wire::writer::{self, Buffer, put_c_str, put_count, put_i32, put_u32};

/// Protocol 3.0, which every server and pooler speaks.
pub const PROTOCOL_3_0: u32 = 3 << 16;
/// Protocol 3.2 (PostgreSQL 18): longer cancel keys.
pub const PROTOCOL_3_2: u32 = (3 << 16) | 2;

/// The codes that stand where a protocol version would.
const CANCEL_REQUEST: u32 = (1234 << 16) | 5678;
const SSL_REQUEST: u32 = (1234 << 16) | 5679;

/// StartupMessage: the protocol version and the run-time parameters, `user` among them.
pub fn startup<'a>(
    out: &mut Buffer,
    version: u32,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    writer::counted(out, |out| {
        put_u32(out, version);
        for (name, value) in parameters {
            if name.is_empty() {
                return Err(Error::config("a start-up parameter has no name"));
            }
            put_c_str(out, name, "a start-up parameter's name")?;
            put_c_str(out, value, &format!("start-up parameter {name:?}"))?;
        }
        out.push(0);
        Ok(())
    })
}

/// SSLRequest: asks whether the server speaks TLS.
pub fn ssl_request(out: &mut Buffer) {
    put_i32(out, 8);
    put_u32(out, SSL_REQUEST);
}

/// CancelRequest, sent on a connection of its own. The key is four bytes in protocol 3.0 and up to 256 in 3.2.
pub fn cancel_request(out: &mut Buffer, process_id: i32, key: &[u8]) -> Result<()> {
    writer::counted(out, |out| {
        put_u32(out, CANCEL_REQUEST);
        put_i32(out, process_id);
        out.extend_from_slice(key);
        Ok(())
    })
}

/// PasswordMessage: a cleartext or md5 password.
pub fn password(out: &mut Buffer, password: &str) -> Result<()> {
    writer::message(out, b'p', |out| put_c_str(out, password, "the password"))
}

/// SASLInitialResponse: the mechanism chosen and its first data.
pub fn sasl_initial_response(out: &mut Buffer, mechanism: &str, data: &[u8]) -> Result<()> {
    writer::message(out, b'p', |out| {
        put_c_str(out, mechanism, "a SASL mechanism")?;
        writer::value(out, |out| {
            out.extend_from_slice(data);
            Ok(writer::IsNull::No)
        })
    })
}

/// SASLResponse: further data of the mechanism.
pub fn sasl_response(out: &mut Buffer, data: &[u8]) -> Result<()> {
    writer::message(out, b'p', |out| {
        out.extend_from_slice(data);
        Ok(())
    })
}

/// Parse: makes a prepared statement of `sql`; `types` may be shorter than its parameters, 0 lets the server infer.
pub fn parse(out: &mut Buffer, name: &str, sql: &str, types: &[u32]) -> Result<()> {
    writer::message(out, b'P', |out| {
        put_c_str(out, name, "a statement's name")?;
        put_c_str(out, sql, "the SQL text")?;
        put_count(out, types.len(), "parameters")?;
        for oid in types {
            put_u32(out, *oid);
        }
        Ok(())
    })
}

/// What Describe and Close speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a str),
    /// A portal.
    Portal(&'a str),
}

fn put_target(out: &mut Buffer, tag: u8, target: Target<'_>) -> Result<()> {
    writer::message(out, tag, |out| match target {
        Target::Statement(name) => {
            out.push(b'S');
            put_c_str(out, name, "a statement's name")
        }
        Target::Portal(name) => {
            out.push(b'P');
            put_c_str(out, name, "a portal's name")
        }
    })
}

/// Describe: asks for the parameters and columns of a statement, or the columns of a portal.
pub fn describe(out: &mut Buffer, target: Target<'_>) -> Result<()> {
    put_target(out, b'D', target)
}

/// Close: frees a statement or a portal; one that doesn't exist is no error.
pub fn close(out: &mut Buffer, target: Target<'_>) -> Result<()> {
    put_target(out, b'C', target)
}

/// Execute: runs a portal, up to `max_rows` rows; 0 for all.
pub fn execute(out: &mut Buffer, portal: &str, max_rows: i32) -> Result<()> {
    writer::message(out, b'E', |out| {
        put_c_str(out, portal, "a portal's name")?;
        put_i32(out, max_rows);
        Ok(())
    })
}

/// Sync: ends an exchange of the extended protocol; after an error the server reads on from here.
#[inline]
pub fn sync(out: &mut Buffer) {
    out.extend_from_slice(b"S\0\0\0\x04");
}

/// Flush: asks the server to send what it holds back.
pub fn flush(out: &mut Buffer) {
    out.extend_from_slice(b"H\0\0\0\x04");
}

/// Query: one or more statements of the simple protocol.
pub fn query(out: &mut Buffer, sql: &str) -> Result<()> {
    writer::message(out, b'Q', |out| put_c_str(out, sql, "the SQL text"))
}

/// CopyData: a piece of a COPY stream.
pub fn copy_data(out: &mut Buffer, data: &[u8]) -> Result<()> {
    writer::message(out, b'd', |out| {
        out.extend_from_slice(data);
        Ok(())
    })
}

/// A CopyData that data is to be appended to, until [`close_copy_data`].
pub const OPEN_COPY_DATA: [u8; 5] = *b"d\0\0\0\0";

/// Fills in the length of a CopyData that was begun with [`OPEN_COPY_DATA`].
pub fn close_copy_data(message: &mut Buffer) -> Result<()> {
    writer::close(message)
}

/// CopyDone: the end of a COPY stream.
pub fn copy_done(out: &mut Buffer) {
    out.extend_from_slice(b"c\0\0\0\x04");
}

/// CopyFail: ends a COPY with an error that shows `reason`.
pub fn copy_fail(out: &mut Buffer, reason: &str) -> Result<()> {
    writer::message(out, b'f', |out| put_c_str(out, reason, "the reason"))
}

/// Terminate: ends the session.
pub fn terminate(out: &mut Buffer) {
    out.extend_from_slice(b"X\0\0\0\x04");
}
