//! What the server sends, borrowed from the input buffer. [`Message::parse`] looks at the tag and checks the shape;
//! views such as [`DataRow`] read on demand.

use crate::error::{Error, Result, ServerError};
use crate::wire::reader::Reader;

/// A message of the server, in the manual's words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Any of the authentication requests.
    Authentication(Authentication<'a>),
    /// The keys with which this session can be cancelled.
    BackendKeyData(BackendKeyData<'a>),
    /// A portal was made.
    BindComplete,
    /// A statement or portal was freed.
    CloseComplete,
    /// A statement ended: its tag, such as `INSERT 0 1`.
    CommandComplete(CommandComplete<'a>),
    /// A piece of a COPY stream.
    CopyData(&'a [u8]),
    /// The end of a COPY stream.
    CopyDone,
    /// The server waits for COPY data.
    CopyInResponse,
    /// COPY data follows.
    CopyOutResponse,
    /// COPY data both ways: replication.
    CopyBothResponse,
    /// A row.
    DataRow(DataRow<'a>),
    /// The statement was an empty string.
    EmptyQueryResponse,
    /// The statement failed.
    ErrorResponse(Box<ServerError>),
    /// The server speaks an older minor version, or doesn't know some options.
    NegotiateProtocolVersion(NegotiateProtocolVersion<'a>),
    /// No rows will come.
    NoData,
    /// A notice.
    NoticeResponse(Box<ServerError>),
    /// A notification.
    NotificationResponse(NotificationResponse<'a>),
    /// The types of a statement's parameters.
    ParameterDescription(ParameterDescription<'a>),
    /// A run-time parameter's value.
    ParameterStatus {
        /// The parameter.
        name: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// A statement was prepared.
    ParseComplete,
    /// Execute stopped at its row limit.
    PortalSuspended,
    /// The server waits for the next exchange.
    ReadyForQuery(Status),
    /// The columns of the rows that follow.
    RowDescription(RowDescription<'a>),
}

/// The session's transaction status, as ReadyForQuery tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `I`: not in a transaction.
    Idle,
    /// `T`: in a transaction.
    Transaction,
    /// `E`: in a transaction that failed.
    Failed,
}

impl Status {
    /// Reads the body of ReadyForQuery.
    ///
    /// # Errors
    /// A letter that isn't one of the three: the connection's state is unknown then.
    #[inline]
    pub fn parse(body: &[u8]) -> Result<Status> {
        match body {
            b"I" => Ok(Status::Idle),
            b"T" => Ok(Status::Transaction),
            b"E" => Ok(Status::Failed),
            _ => Err(unknown_status(body)),
        }
    }
}

#[cold]
fn unknown_status(body: &[u8]) -> Error {
    let told = body.escape_ascii().to_string();
    Error::protocol(format!("ReadyForQuery tells the unknown transaction status {told:?}"))
}

impl<'a> Message<'a> {
    /// Reads a body by its tag.
    ///
    /// # Errors
    /// A tag that isn't the server's, or a body that isn't of the tag's form, is a protocol error.
    #[inline]
    pub fn parse(tag: u8, body: &'a [u8]) -> Result<Message<'a>> {
        Message::read(tag, body).map_err(|e| malformed(tag, e))
    }

    #[inline]
    fn read(tag: u8, body: &'a [u8]) -> Result<Message<'a>> {
        let r = Reader::new(body);
        let message = match tag {
            b'D' => return Ok(Message::DataRow(DataRow::new(body)?)),
            b'2' => Message::BindComplete,
            b'C' => match body.split_last() {
                Some((0, tag)) => return Ok(Message::CommandComplete(CommandComplete { tag })),
                _ => return Err(Error::protocol("the tag is not ended by NUL")),
            },
            b'Z' => return Status::parse(body).map(Message::ReadyForQuery),
            _ => return Message::read_rare(tag, body),
        };
        r.finish()?;
        Ok(message)
    }

    fn read_rare(tag: u8, body: &'a [u8]) -> Result<Message<'a>> {
        let mut r = Reader::new(body);
        let message = match tag {
            b'1' => Message::ParseComplete,
            b'3' => Message::CloseComplete,
            b'c' => Message::CopyDone,
            b'I' => Message::EmptyQueryResponse,
            b'n' => Message::NoData,
            b's' => Message::PortalSuspended,
            b'd' => return Ok(Message::CopyData(body)),
            b'E' => return Ok(Message::ErrorResponse(Box::new(ServerError::parse(body)?))),
            b'N' => return Ok(Message::NoticeResponse(Box::new(ServerError::parse(body)?))),
            b'G' => return copy_formats(r).map(|()| Message::CopyInResponse),
            b'H' => return copy_formats(r).map(|()| Message::CopyOutResponse),
            b'W' => return copy_formats(r).map(|()| Message::CopyBothResponse),
            b'K' => {
                let process_id = r.i32()?;
                let key = r.rest();
                if !(4..=256).contains(&key.len()) {
                    return Err(Error::protocol(format!(
                        "a cancel key has {} bytes, not 4 to 256",
                        key.len()
                    )));
                }
                return Ok(Message::BackendKeyData(BackendKeyData { process_id, key }));
            }
            b'S' => Message::ParameterStatus { name: r.c_str()?, value: r.c_str()? },
            b'A' => return NotificationResponse::read(body).map(Message::NotificationResponse),
            b'v' => {
                let minor = r.u32()?;
                let count = r.u32()?;
                return Ok(Message::NegotiateProtocolVersion(NegotiateProtocolVersion {
                    minor,
                    count,
                    names: r,
                }));
            }
            b't' => {
                let count = r.u16()?;
                if r.rest().len() != usize::from(count).saturating_mul(4) {
                    return Err(Error::protocol(format!(
                        "{count} parameter types don't fill {} bytes",
                        r.rest().len()
                    )));
                }
                return Ok(Message::ParameterDescription(ParameterDescription { oids: r }));
            }
            b'T' => {
                let count = r.u16()?;
                return Ok(Message::RowDescription(RowDescription { count, fields: r }));
            }
            b'R' => return Authentication::parse(r).map(Message::Authentication),
            _ => return Err(Error::protocol("the tag is unknown")),
        };
        r.finish()?;
        Ok(message)
    }
}

#[cold]
fn malformed(tag: u8, error: Error) -> Error {
    error.within(format!("the server's {} is malformed", name(tag)))
}

/// The manual's name of a server message, for errors and traces.
pub fn name(tag: u8) -> &'static str {
    match tag {
        b'1' => "ParseComplete",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b'A' => "NotificationResponse",
        b'C' => "CommandComplete",
        b'D' => "DataRow",
        b'E' => "ErrorResponse",
        b'G' => "CopyInResponse",
        b'H' => "CopyOutResponse",
        b'I' => "EmptyQueryResponse",
        b'K' => "BackendKeyData",
        b'N' => "NoticeResponse",
        b'R' => "Authentication",
        b'S' => "ParameterStatus",
        b'T' => "RowDescription",
        b'V' => "FunctionCallResponse",
        b'W' => "CopyBothResponse",
        b'Z' => "ReadyForQuery",
        b'c' => "CopyDone",
        b'd' => "CopyData",
        b'n' => "NoData",
        b's' => "PortalSuspended",
        b't' => "ParameterDescription",
        b'v' => "NegotiateProtocolVersion",
        _ => "unknown message",
    }
}

/// A COPY response: an overall format, then a format for each column.
fn copy_formats(mut r: Reader<'_>) -> Result<()> {
    r.u8()?;
    let count = usize::from(r.u16()?);
    r.take(count.saturating_mul(2))?;
    r.finish()
}

/// An authentication request, by its number.
#[derive(Debug, Clone)]
pub enum Authentication<'a> {
    /// 0: logged in.
    Ok,
    /// 3: the password itself is wanted.
    CleartextPassword,
    /// 5: the password hashed with this salt.
    Md5Password([u8; 4]),
    /// 10: SASL, with the mechanisms the server offers.
    Sasl(Vec<&'a str>),
    /// 11: the mechanism's challenge.
    SaslContinue(&'a [u8]),
    /// 12: the mechanism's last data.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSSAPI, SSPI and whatever comes: not spoken here.
    Other(u32),
}

impl<'a> Authentication<'a> {
    fn parse(mut r: Reader<'a>) -> Result<Authentication<'a>> {
        let request = match r.u32()? {
            0 => Authentication::Ok,
            3 => Authentication::CleartextPassword,
            5 => Authentication::Md5Password(r.array()?),
            10 => {
                let mut mechanisms = Vec::new();
                loop {
                    match r.c_str()? {
                        "" => break,
                        name => mechanisms.push(name),
                    }
                }
                Authentication::Sasl(mechanisms)
            }
            11 => return Ok(Authentication::SaslContinue(r.rest())),
            12 => return Ok(Authentication::SaslFinal(r.rest())),
            other => return Ok(Authentication::Other(other)),
        };
        r.finish()?;
        Ok(request)
    }
}

/// BackendKeyData: what a CancelRequest must name.
#[derive(Debug, Clone, Copy)]
pub struct BackendKeyData<'a> {
    /// The server process.
    pub process_id: i32,
    /// Four bytes in protocol 3.0, 4 to 256 in 3.2.
    pub key: &'a [u8],
}

/// NegotiateProtocolVersion: what the server doesn't know of what we asked for.
#[derive(Debug, Clone, Copy)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest minor version the server speaks. (PostgreSQL up to 17.2 sends the whole version number.)
    pub minor: u32,
    count: u32,
    names: Reader<'a>,
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// The protocol options the server doesn't know.
    pub fn options(&self) -> Result<Vec<&'a str>> {
        let mut r = self.names;
        let mut names = Vec::new();
        for _ in 0..self.count {
            names.push(r.c_str()?); // each takes at least one byte, so a count that lies ends the loop
        }
        r.finish()?;
        Ok(names)
    }
}

/// NotificationResponse: a NOTIFY of some session.
#[derive(Debug, Clone, Copy)]
pub struct NotificationResponse<'a> {
    /// The notifying server process.
    pub process_id: i32,
    /// The channel.
    pub channel: &'a str,
    /// The payload; empty if none was given.
    pub payload: &'a str,
}

impl<'a> NotificationResponse<'a> {
    /// From a message's body.
    ///
    /// # Errors
    /// As [`Message::parse`].
    #[inline]
    pub fn parse(body: &'a [u8]) -> Result<NotificationResponse<'a>> {
        NotificationResponse::read(body).map_err(|e| malformed(b'A', e))
    }

    #[inline]
    fn read(body: &'a [u8]) -> Result<NotificationResponse<'a>> {
        let mut r = Reader::new(body);
        let notification =
            NotificationResponse { process_id: r.i32()?, channel: r.c_str()?, payload: r.c_str()? };
        r.finish()?;
        Ok(notification)
    }
}

/// ParameterDescription: the OIDs of a statement's parameters.
#[derive(Debug, Clone, Copy)]
pub struct ParameterDescription<'a> {
    oids: Reader<'a>,
}

impl ParameterDescription<'_> {
    /// The OIDs in order.
    pub fn oids(&self) -> impl Iterator<Item = u32> + '_ {
        self.oids.rest().chunks_exact(4).filter_map(|oid| oid.first_chunk().copied()).map(u32::from_be_bytes)
    }
}

/// RowDescription: the columns of the rows that follow.
#[derive(Debug, Clone, Copy)]
pub struct RowDescription<'a> {
    count: u16,
    fields: Reader<'a>,
}

/// One column of a RowDescription, in wire order.
#[derive(Debug, Clone, Copy)]
pub struct FieldDescription<'a> {
    /// The column's name. Not always UTF-8 in a SQL_ASCII database, so bytes.
    pub name: &'a str,
    /// The table it comes from, or 0.
    pub table: u32,
    /// Its attribute number there, or 0.
    pub attribute: i16,
    /// The type's OID. A domain's column carries its base type's.
    pub type_oid: u32,
    /// The type's length; negative for variable ones.
    pub type_size: i16,
    /// The type's modifier, such as a numeric's precision; -1 for none.
    pub type_modifier: i32,
    /// 0 text, 1 binary; 0 where it isn't known yet.
    pub format: i16,
}

impl<'a> RowDescription<'a> {
    /// Reads all columns; each takes at least 19 bytes, so a count that lies costs no memory.
    pub fn fields(&self) -> Result<Vec<FieldDescription<'a>>> {
        let mut r = self.fields;
        let mut fields = Vec::with_capacity(usize::from(self.count).min(r.rest().len() / 19));
        for _ in 0..self.count {
            fields.push(FieldDescription {
                name: r.c_str()?,
                table: r.u32()?,
                attribute: r.i16()?,
                type_oid: r.u32()?,
                type_size: r.i16()?,
                type_modifier: r.i32()?,
                format: r.i16()?,
            });
        }
        r.finish()?;
        Ok(fields)
    }
}

/// DataRow: a count of columns, and a value for each.
#[derive(Debug, Clone, Copy)]
pub struct DataRow<'a> {
    count: u16,
    values: Reader<'a>,
}

impl<'a> DataRow<'a> {
    /// A row out of a message's body.
    #[inline]
    pub fn new(body: &'a [u8]) -> Result<DataRow<'a>> {
        let mut values = Reader::new(body);
        Ok(DataRow { count: values.u16()?, values })
    }

    /// How many columns the row says it has.
    #[inline]
    pub fn columns(&self) -> u16 {
        self.count
    }

    /// The values, each a length (-1 for NULL) and bytes.
    #[inline]
    pub fn values(&self) -> Reader<'a> {
        self.values
    }
}

/// CommandComplete: the statement's tag.
#[derive(Debug, Clone, Copy)]
pub struct CommandComplete<'a> {
    tag: &'a [u8],
}

impl<'a> CommandComplete<'a> {
    /// The tag, such as `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`; empty if it isn't ASCII, which no server sends.
    pub fn tag(&self) -> &'a str {
        std::str::from_utf8(self.tag).unwrap_or_default()
    }

    /// The number of rows that the tag ends with; 0 for a command that counts none.
    #[inline]
    pub fn rows(&self) -> u64 {
        let (mut rows, mut place) = (0u64, 1u64);
        for digit in
            self.tag.iter().rev().map_while(|byte| byte.is_ascii_digit().then(|| u64::from(byte & 0x0f)))
        {
            rows = rows.saturating_add(place.saturating_mul(digit));
            place = place.saturating_mul(10);
        }
        rows
    }
}
