//! Server messages, built from their fields in wire order; nothing is checked, so that a script can send nonsense.

/// A message of this tag with the right length.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a message of less than 4 GiB");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// `AuthenticationOk`.
pub fn authentication_ok() -> Vec<u8> {
    authentication(0, &[])
}

/// Any authentication request: its code (3 cleartext, 5 MD5, 10 to 12 SASL) and what follows it.
pub fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], rest].concat())
}

/// `ParameterStatus`.
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    message(b'S', &strings(&[name, value]))
}

/// `BackendKeyData`; the key has 4 bytes in protocol 3.0 and up to 256 in 3.2.
pub fn backend_key_data(process: u32, key: &[u8]) -> Vec<u8> {
    message(b'K', &[&process.to_be_bytes()[..], key].concat())
}

/// `ReadyForQuery` with `b'I'` idle, `b'T'` in a transaction, `b'E'` in a failed one.
pub fn ready_for_query(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// A column of a `RowDescription`, of no table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The OID of its type.
    pub oid: u32,
    /// The type's size in bytes; -1 when it varies.
    pub size: i16,
    /// 0 text, 1 binary.
    pub format: u16,
}

impl Column {
    /// A column.
    pub fn new(name: &str, oid: u32, size: i16, format: u16) -> Column {
        Column { name: name.to_owned(), oid, size, format }
    }
}

/// `RowDescription`.
pub fn row_description(columns: &[Column]) -> Vec<u8> {
    let mut body = count(columns.len());
    for column in columns {
        body.extend(strings(&[&column.name]));
        body.extend([0; 6]);
        body.extend(column.oid.to_be_bytes());
        body.extend(column.size.to_be_bytes());
        body.extend((-1_i32).to_be_bytes());
        body.extend(column.format.to_be_bytes());
    }
    message(b'T', &body)
}

/// `DataRow`; None is NULL.
pub fn data_row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = count(values.len());
    for value in values {
        let length =
            value.map_or(-1, |value| i32::try_from(value.len()).expect("a value of less than 2 GiB"));
        body.extend(length.to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    message(b'D', &body)
}

/// `ParameterDescription`.
pub fn parameter_description(oids: &[u32]) -> Vec<u8> {
    let mut body = count(oids.len());
    body.extend(oids.iter().flat_map(|oid| oid.to_be_bytes()));
    message(b't', &body)
}

/// `CommandComplete` with its tag: `SELECT 1`.
pub fn command_complete(tag: &str) -> Vec<u8> {
    message(b'C', &strings(&[tag]))
}

/// `ParseComplete`.
pub fn parse_complete() -> Vec<u8> {
    message(b'1', &[])
}

/// `BindComplete`.
pub fn bind_complete() -> Vec<u8> {
    message(b'2', &[])
}

/// `CloseComplete`.
pub fn close_complete() -> Vec<u8> {
    message(b'3', &[])
}

/// `NoData`.
pub fn no_data() -> Vec<u8> {
    message(b'n', &[])
}

/// `EmptyQueryResponse`.
pub fn empty_query_response() -> Vec<u8> {
    message(b'I', &[])
}

/// `PortalSuspended`.
pub fn portal_suspended() -> Vec<u8> {
    message(b's', &[])
}

/// `ErrorResponse` of severity ERROR with a SQLSTATE and a message.
pub fn error(sqlstate: &str, text: &str) -> Vec<u8> {
    error_response(&[(b'S', "ERROR"), (b'V', "ERROR"), (b'C', sqlstate), (b'M', text)])
}

/// `ErrorResponse` with these fields by their letters.
pub fn error_response(fields: &[(u8, &str)]) -> Vec<u8> {
    message(b'E', &report(fields))
}

/// `NoticeResponse` with these fields by their letters.
pub fn notice_response(fields: &[(u8, &str)]) -> Vec<u8> {
    message(b'N', &report(fields))
}

/// `NotificationResponse`.
pub fn notification(process: u32, channel: &str, payload: &str) -> Vec<u8> {
    message(b'A', &[&process.to_be_bytes()[..], &strings(&[channel, payload])].concat())
}

/// `CopyInResponse`: the format of the whole (0 text, 1 binary) and of each column.
pub fn copy_in_response(format: u8, columns: &[u16]) -> Vec<u8> {
    message(b'G', &copy_response(format, columns))
}

/// `CopyOutResponse`, as [`copy_in_response`].
pub fn copy_out_response(format: u8, columns: &[u16]) -> Vec<u8> {
    message(b'H', &copy_response(format, columns))
}

/// `CopyBothResponse`, as [`copy_in_response`].
pub fn copy_both_response(format: u8, columns: &[u16]) -> Vec<u8> {
    message(b'W', &copy_response(format, columns))
}

/// `CopyData`.
pub fn copy_data(bytes: &[u8]) -> Vec<u8> {
    message(b'd', bytes)
}

/// `CopyDone`.
pub fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

/// `NegotiateProtocolVersion`: the newest minor version the server speaks, and the options it doesn't know.
pub fn negotiate_protocol_version(version: u32, unknown: &[&str]) -> Vec<u8> {
    let number = u32::try_from(unknown.len()).expect("a count");
    message(b'v', &[&version.to_be_bytes()[..], &number.to_be_bytes(), &strings(unknown)].concat())
}

fn strings(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

fn count(count: usize) -> Vec<u8> {
    u16::try_from(count).expect("at most 65535").to_be_bytes().to_vec()
}

fn report(fields: &[(u8, &str)]) -> Vec<u8> {
    let fields =
        fields.iter().flat_map(|(letter, text)| std::iter::once(*letter).chain(text.bytes()).chain([0]));
    fields.chain([0]).collect()
}

fn copy_response(format: u8, columns: &[u16]) -> Vec<u8> {
    let formats = columns.iter().flat_map(|format| format.to_be_bytes());
    std::iter::once(format).chain(count(columns.len())).chain(formats).collect()
}
