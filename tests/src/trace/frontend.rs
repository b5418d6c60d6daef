//! The client's messages by name (manual, "Message Formats", those marked F).

use super::body::{Body, show};

/// A message without a tag, and whether it asks for encryption.
pub(super) fn startup(bytes: &[u8]) -> (String, bool) {
    let mut body = Body(bytes);
    match body.u32() {
        Some(80_877_102) => (format!("CancelRequest key[{}]", bytes.len().saturating_sub(8)), false),
        Some(80_877_103) => ("SSLRequest".to_owned(), true),
        Some(80_877_104) => ("GSSENCRequest".to_owned(), true),
        Some(version) => {
            let mut line = format!("StartupMessage {}.{}", version >> 16, version & 0xffff);
            while let Some(name) = body.string().filter(|name| !name.is_empty()) {
                let value = body.quoted().unwrap_or_default();
                line += &format!(" {name}={value}");
            }
            (line, false)
        }
        None => (format!("(malformed startup) {}", show(bytes)), false),
    }
}

/// A message with a tag; `authentication` is the code of the server's last request.
pub(super) fn message(tag: u8, bytes: &[u8], authentication: u32) -> String {
    let name = match (tag, authentication) {
        (b'B', _) => "Bind",
        (b'C', _) => "Close",
        (b'D', _) => "Describe",
        (b'E', _) => "Execute",
        (b'F', _) => "FunctionCall",
        (b'H', _) => "Flush",
        (b'P', _) => "Parse",
        (b'Q', _) => "Query",
        (b'S', _) => "Sync",
        (b'X', _) => "Terminate",
        (b'c', _) => "CopyDone",
        (b'd', _) => "CopyData",
        (b'f', _) => "CopyFail",
        (b'p', 10) => "SASLInitialResponse",
        (b'p', 11) => "SASLResponse",
        (b'p', 7..=9) => "GSSResponse",
        (b'p', _) => "PasswordMessage",
        _ => return format!("(unknown {:?}) {}", char::from(tag), show(bytes)),
    };
    let line = fields(tag, name, &mut Body(bytes));
    line.unwrap_or_else(|| format!("{name} (malformed) {}", show(bytes)))
}

fn fields(tag: u8, name: &str, body: &mut Body<'_>) -> Option<String> {
    let line = match tag {
        b'B' => {
            let (portal, statement) = (body.quoted()?, body.quoted()?);
            let (formats, values) = (body.list(Body::u16)?, body.list(Body::value)?);
            format!("{name} {portal} {statement} {formats} {values} {}", body.list(Body::u16)?)
        }
        b'C' | b'D' => format!("{name} {} {}", char::from(body.u8()?).escape_default(), body.quoted()?),
        b'E' => format!("{name} {} {}", body.quoted()?, body.u32()?),
        b'F' => {
            let (function, formats, values) = (body.u32()?, body.list(Body::u16)?, body.list(Body::value)?);
            format!("{name} {function} {formats} {values} {}", body.u16()?)
        }
        b'P' => format!("{name} {} {} {}", body.quoted()?, body.quoted()?, body.list(Body::u32)?),
        b'Q' | b'f' => format!("{name} {}", body.quoted()?),
        b'd' => format!("{name} {}", show(body.bytes(body.0.len())?)),
        // Secrets and nonces: what a test can expect is the mechanism.
        b'p' if name == "SASLInitialResponse" => {
            let mechanism = body.quoted()?;
            body.bytes(body.0.len())?;
            format!("{name} {mechanism}")
        }
        b'p' => {
            body.bytes(body.0.len())?;
            name.to_owned()
        }
        _ => name.to_owned(),
    };
    body.end(line)
}
