//! The server's own text forms of arrays and records, by its quoting rules.
//! Manual: "Array Input and Output Syntax", "Composite Type Input and Output Syntax".

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Appends an attribute of a record literal, quoted where the server would.
pub fn quote_attribute(out: &mut Vec<u8>, text: &[u8]) {
    let special = |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b',') || c.is_ascii_whitespace() || *c == 0x0b;
    quote(out, text, text.is_empty() || text.iter().any(special));
}

/// Appends an element of an array literal, quoted where the server would.
pub fn quote_element(out: &mut Vec<u8>, text: &[u8], delimiter: u8) {
    let special = |c: &u8| {
        matches!(c, b'"' | b'\\' | b'{' | b'}') || *c == delimiter || c.is_ascii_whitespace() || *c == 0x0b
    };
    quote(out, text, text.is_empty() || text.eq_ignore_ascii_case(b"null") || text.iter().any(special));
}

/// Quotes and backslashes are escaped by a backslash, which arrays and records both read.
fn quote(out: &mut Vec<u8>, text: &[u8], needed: bool) {
    if !needed {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// The attributes of a record literal `(a,"b c",,"")`; nothing between commas is NULL.
///
/// # Errors
/// Text that isn't a record literal is a decode error.
pub fn parse_record(text: &[u8]) -> Result<Vec<Option<Cow<'_, [u8]>>>> {
    let malformed = || Error::decode("a record literal is malformed");
    let inner = text.strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).ok_or_else(malformed)?;
    if inner.is_empty() {
        // One NULL attribute and none at all look the same; the caller knows how many there are.
        return Ok(vec![None]);
    }
    let mut attributes = Vec::new();
    let mut rest = inner;
    loop {
        let (attribute, after) = parse_attribute(rest).ok_or_else(malformed)?;
        attributes.push(attribute);
        match after.split_first() {
            None => return Ok(attributes),
            Some((b',', after)) => rest = after,
            Some(_) => return Err(malformed()),
        }
    }
}

/// One attribute up to a comma or the end. Quotes may open and close anywhere in it; `""` inside quotes is a quote.
fn parse_attribute(text: &[u8]) -> Option<(Option<Cow<'_, [u8]>>, &[u8])> {
    let plain = text.iter().position(|c| matches!(c, b',' | b'"' | b'\\' | b'(' | b')')).unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(plain)?;
    if matches!(rest.first(), None | Some(b',')) {
        let attribute = if head.is_empty() { None } else { Some(Cow::Borrowed(head)) };
        return Some((attribute, rest));
    }
    let mut out = Vec::with_capacity(text.len().min(64));
    let mut rest = text;
    let mut quoted = false;
    loop {
        match rest {
            [] if quoted => return None,
            [] => return Some((Some(Cow::Owned(out)), rest)),
            [b'\\', c, after @ ..] => {
                out.push(*c);
                rest = after;
            }
            [b'"', b'"', after @ ..] if quoted => {
                out.push(b'"');
                rest = after;
            }
            [b'"', after @ ..] => {
                quoted = !quoted;
                rest = after;
            }
            [b',', ..] if !quoted => return Some((Some(Cow::Owned(out)), rest)),
            [b'(' | b')', ..] if !quoted => return None,
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

    #[test]
    fn records_are_read_as_the_server_writes_them() {
        let record = parse_record(br#"(1,,"a ""b"" \\c","",plain)"#).unwrap();
        let text: Vec<Option<&str>> =
            record.iter().map(|a| a.as_deref().map(|a| std::str::from_utf8(a).unwrap())).collect();
        assert_eq!(text, [Some("1"), None, Some(r#"a "b" \c"#), Some(""), Some("plain")]);
        for bad in ["", "(", "(a", "a)", "(\"a)", "(a)b)"] {
            assert!(parse_record(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
