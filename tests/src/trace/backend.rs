//! The server's messages by name (manual, "Message Formats", those marked B).

use super::body::{Body, show};

pub(super) fn message(tag: u8, bytes: &[u8]) -> String {
    let name = match tag {
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
        _ => return format!("(unknown {:?}) {}", char::from(tag), show(bytes)),
    };
    let line = fields(tag, name, &mut Body(bytes));
    line.unwrap_or_else(|| format!("{name} (malformed) {}", show(bytes)))
}

fn fields(tag: u8, name: &str, body: &mut Body<'_>) -> Option<String> {
    let line = match tag {
        b'A' => {
            body.u32()?;
            format!("{name} {} {}", body.quoted()?, body.quoted()?)
        }
        b'C' => format!("{name} {}", body.quoted()?),
        b'D' => format!("{name} {}", body.list(Body::value)?),
        b'E' | b'N' => report(name, body)?,
        b'G' | b'H' | b'W' => format!("{name} {} {}", body.u8()?, body.list(Body::u16)?),
        b'K' => {
            body.u32()?;
            format!("{name} key[{}]", body.bytes(body.0.len())?.len())
        }
        b'R' => authentication(body)?,
        b'S' => format!("{name} {} {}", body.quoted()?, body.quoted()?),
        b'T' => format!("{name} {}", body.list(column)?),
        b'V' => format!("{name} {}", body.value()?),
        b'Z' => format!("{name} {}", char::from(body.u8()?).escape_default()),
        b'd' => format!("{name} {}", show(body.bytes(body.0.len())?)),
        b't' => format!("{name} {}", body.list(Body::u32)?),
        b'v' => {
            let (version, count) = (body.u32()?, body.u32()?);
            let options: Option<Vec<String>> = (0..count).map(|_| body.quoted()).collect();
            format!("{name} {}.{} [{}]", version >> 16, version & 0xffff, options?.join(" "))
        }
        _ => name.to_owned(),
    };
    body.end(line)
}

/// One column: name, type, format. Its table and the type's size and modifier would tell a test nothing new.
fn column(body: &mut Body<'_>) -> Option<String> {
    let name = body.quoted()?;
    let (_table, _attribute) = (body.u32()?, body.u16()?);
    let oid = body.u32()?;
    let (_size, _modifier) = (body.u16()?, body.u32()?);
    Some(format!("{name}:{oid}:{}", body.u16()?))
}

/// The fields of an error by their letters, but for those that differ between versions of the server.
fn report(name: &str, body: &mut Body<'_>) -> Option<String> {
    let mut line = name.to_owned();
    loop {
        match body.u8()? {
            0 => return Some(line),
            b'F' | b'L' | b'R' | b'V' => {
                body.string()?;
            }
            letter => line += &format!(" {}={}", char::from(letter).escape_default(), body.quoted()?),
        }
    }
}

fn authentication(body: &mut Body<'_>) -> Option<String> {
    let kind = match body.u32()? {
        0 => "Ok",
        2 => "KerberosV5",
        3 => "CleartextPassword",
        5 => "MD5Password",
        7 => "GSS",
        8 => "GSSContinue",
        9 => "SSPI",
        10 => {
            let mut mechanisms = Vec::new();
            loop {
                match body.string()? {
                    end if end.is_empty() => break,
                    mechanism => mechanisms.push(format!("{mechanism:?}")),
                }
            }
            return Some(format!("AuthenticationSASL [{}]", mechanisms.join(" ")));
        }
        11 => "SASLContinue",
        12 => "SASLFinal",
        other => return Some(format!("Authentication {other}")),
    };
    // Salts and nonces.
    body.bytes(body.0.len())?;
    Some(format!("Authentication{kind}"))
}
