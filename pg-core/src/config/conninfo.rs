//! The two grammars of a connection string, as libpq reads them: `key=value` pairs and URIs.
//!
//! This file only takes strings apart; what the words mean is in `settings`. A string may hold a password in the wrong
//! place (an unquoted space, a bare `@`), so a part of it is quoted in an error only where no password can be.
//! Source: "libpq: Connection Strings".

use crate::error::{Error, Result};
use std::str::Chars;
use zeroize::Zeroizing;

/// One keyword with its value.
pub(super) struct Pair {
    pub(super) key: Zeroizing<String>,
    pub(super) value: Zeroizing<String>,
    /// Which one of the string it is, from 1.
    pub(super) number: usize,
    /// Whether errors may quote it.
    pub(super) show: bool,
}

impl Pair {
    /// The value in quotes, or words that stand for it.
    pub(super) fn shown_value(&self) -> String {
        if self.show { quoted(&self.value) } else { "its value".to_owned() }
    }

    /// The keyword in quotes, or its place.
    pub(super) fn shown_key(&self) -> String {
        if self.show { quoted(&self.key) } else { format!("option {} of the connection string", self.number) }
    }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let more = if short.len() < text.len() { ".." } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}

/// Takes `text` apart into its pairs, in order; a later one overrides an earlier one.
pub(super) fn parse(text: &str) -> Result<Vec<Pair>> {
    if text.contains('\0') {
        return Err(Error::config("the connection string holds a NUL byte"));
    }
    match text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        Some(rest) => uri(rest),
        None => key_values(text),
    }
}

/// C's `isspace`.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

fn key_values(text: &str) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        let number = pairs.len() + 1;
        let end = rest.find(|c| c == '=' || is_space(c));
        let (key, after) = end.and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
        let Some(value) = after.trim_start_matches(is_space).strip_prefix('=') else {
            let error = Error::config(format!("option {number} of the connection string has no \"=\""));
            return Err(if text.contains("://") {
                error.hint("a URI begins with postgres:// or postgresql://")
            } else {
                error.hint(
                    "write key=value pairs with spaces between, and values that hold spaces as key='a value'",
                )
            });
        };
        let mut chars = value.trim_start_matches(is_space).chars();
        let value = value_of(&mut chars, number)?;
        rest = chars.as_str().trim_start_matches(is_space);
        // What follows a password, up to the end, may be the rest of an unquoted one.
        let show = pairs.iter().all(|p: &Pair| p.show && !p.key.contains("pass")) && !key.contains("pass");
        pairs.push(Pair { key: Zeroizing::new(key.to_owned()), value, number, show });
    }
    Ok(pairs)
}

fn value_of(chars: &mut Chars<'_>, number: usize) -> Result<Zeroizing<String>> {
    let mut value = Zeroizing::new(String::with_capacity(chars.as_str().len()));
    let quoted = chars.as_str().starts_with('\'');
    if quoted {
        chars.next();
    }
    loop {
        match chars.next() {
            Some('\'') if quoted => return Ok(value),
            Some('\\') => value.extend(chars.next()),
            Some(c) if !quoted && is_space(c) => return Ok(value),
            Some(c) => value.push(c),
            None if quoted => {
                return Err(Error::config(format!(
                    "option {number} of the connection string has a quote (') that isn't closed"
                ))
                .hint("inside quotes write ' as \\' and \\ as \\\\"));
            }
            None => return Ok(value),
        }
    }
}

/// `[user[:password]@][host][:port][,...][/dbname][?name=value[&...]]`
fn uri(text: &str) -> Result<Vec<Pair>> {
    // With an "@" somewhere, any part may belong to a password that was not encoded.
    let mut out = Pairs { pairs: Vec::new(), show: !text.contains('@') && !text.contains("pass") };
    let mut rest = text;
    if let Some((credentials, after)) = text.split_once('@').filter(|(before, _)| !before.contains('/')) {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        out.push_if_any("user", user, "user name")?;
        out.push_if_any("password", password, "password")?;
        rest = after;
    }

    let (mut hosts, mut ports) = (String::new(), String::new());
    loop {
        rest = match rest.strip_prefix('[') {
            Some(inside) => {
                let Some((address, after)) = inside.split_once(']') else {
                    return Err(wrong("an IPv6 address has no \"]\""));
                };
                if address.is_empty() {
                    return Err(wrong("an IPv6 address is empty"));
                }
                if !after.is_empty() && !after.starts_with([':', '/', '?', ',']) {
                    return Err(wrong(
                        "after the \"]\" of an IPv6 address only :port, \",\", \"/\" or \"?\" may follow",
                    ));
                }
                hosts.push_str(address);
                after
            }
            None => {
                let (host, after) = split_before(rest, &[':', '/', '?', ',']);
                hosts.push_str(host);
                after
            }
        };
        if let Some(after) = rest.strip_prefix(':') {
            let (port, after) = split_before(after, &['/', '?', ',']);
            ports.push_str(port);
            rest = after;
        }
        let Some(after) = rest.strip_prefix(',') else { break };
        hosts.push(',');
        ports.push(',');
        rest = after;
    }
    out.push_if_any("host", &hosts, "host")?;
    out.push_if_any("port", &ports, "port")?;

    if let Some(after) = rest.strip_prefix('/') {
        let (dbname, after) = split_before(after, &['?']);
        out.push_if_any("dbname", dbname, "database name")?;
        rest = after;
    }
    let mut parameters = rest.strip_prefix('?').unwrap_or_default();
    let mut number = 0;
    while !parameters.is_empty() {
        number += 1;
        let (parameter, after) = parameters.split_once('&').unwrap_or((parameters, ""));
        parameters = after;
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(wrong(&format!("query parameter {number} has no \"=\"")));
        };
        if value.contains('=') {
            return Err(wrong(&format!("query parameter {number} has more than one \"=\""))
                .hint("write = inside a value as %3D"));
        }
        let part = format!("query parameter {number}");
        let (key, value) = (decode(key, &part)?, decode(value, &part)?);
        // JDBC's spelling, which libpq takes too.
        let (key, value) = match (key.as_str(), value.as_str()) {
            ("ssl", "true") => (Zeroizing::new("sslmode".to_owned()), Zeroizing::new("require".to_owned())),
            _ => (key, value),
        };
        out.push(key, value);
    }
    Ok(out.pairs)
}

struct Pairs {
    pairs: Vec<Pair>,
    show: bool,
}

impl Pairs {
    fn push(&mut self, key: Zeroizing<String>, value: Zeroizing<String>) {
        let number = self.pairs.len() + 1;
        self.pairs.push(Pair { key, value, number, show: self.show });
    }

    fn push_if_any(&mut self, key: &str, raw: &str, part: &str) -> Result<()> {
        if !raw.is_empty() {
            let value = decode(raw, part)?;
            self.push(Zeroizing::new(key.to_owned()), value);
        }
        Ok(())
    }
}

fn wrong(what: &str) -> Error {
    Error::config(format!("the connection URI is wrong: {what}")).hint(
        "expected postgres://user:password@host:port/dbname?name=value; in the password write @ as %40, : as %3A, / as \
         %2F, % as %25",
    )
}

/// Splits before the first of `ends`.
fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.find(ends).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// Percent-decoding, as strict as libpq's: spaces around are dropped, inside refused; `%00` is refused.
fn decode(raw: &str, part: &str) -> Result<Zeroizing<String>> {
    let raw = raw.trim_matches(' ');
    let mut bytes = Zeroizing::new(Vec::with_capacity(raw.len()));
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b' ' => return Err(wrong(&format!("the {part} holds a space")).hint("write a space as %20")),
            b'%' => {
                let mut digit = || rest.next().and_then(hex_digit);
                match (digit(), digit()) {
                    (Some(0), Some(0)) => return Err(wrong(&format!("the {part} holds %00"))),
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => {
                        return Err(wrong(&format!(
                            "the {part} holds a \"%\" without two hexadecimal digits after it"
                        )));
                    }
                }
            }
            other => other,
        });
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(wrong(&format!("the {part} is not UTF-8 once decoded"))),
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text)
            .unwrap_or_else(|e| panic!("{text}: {e}"))
            .iter()
            .map(|p| (p.key.to_string(), p.value.to_string()))
            .collect()
    }

    fn read(text: &str) -> String {
        pairs(text).iter().map(|(k, v)| format!("{k}=<{v}>")).collect::<Vec<_>>().join(" ")
    }

    fn error(text: &str) -> String {
        parse(text).err().unwrap_or_else(|| panic!("{text} was taken")).to_string()
    }

    #[test]
    fn key_values_are_quoted_as_in_libpq() {
        for (text, expected) in [
            ("", ""),
            ("  \t\n", ""),
            ("host=a port=1", "host=<a> port=<1>"),
            (" host = a  port\t=\n1 ", "host=<a> port=<1>"),
            ("host='a b' x='it\\'s' y=a\\ b z='\\\\'", "host=<a b> x=<it's> y=<a b> z=<\\>"),
            ("a= b=c", "a=<b=c>"), // white space after "=" is skipped, as libpq does
            ("a='' b=c", "a=<> b=<c>"),
            ("a='x'b='y'", "a=<x> b=<y>"),
            ("a=it's", "a=<it's>"),
            ("a=x\\", "a=<x>"),
            ("a=", "a=<>"),
            ("a=\u{e9}\u{1f600} b='\u{a0}'", "a=<\u{e9}\u{1f600}> b=<\u{a0}>"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn uris_are_read_as_in_libpq() {
        // The cases of src/interfaces/libpq/t/001_uri.pl.
        for (text, expected) in [
            ("postgresql://", ""),
            (
                "postgresql://uri-user:secret@host:12345/db",
                "user=<uri-user> password=<secret> host=<host> port=<12345> dbname=<db>",
            ),
            ("postgresql://uri-user@host:12345/db", "user=<uri-user> host=<host> port=<12345> dbname=<db>"),
            ("postgresql://uri-user@host/db", "user=<uri-user> host=<host> dbname=<db>"),
            ("postgresql://host:12345/db", "host=<host> port=<12345> dbname=<db>"),
            ("postgresql://host/db", "host=<host> dbname=<db>"),
            ("postgresql://uri-user@host:12345/", "user=<uri-user> host=<host> port=<12345>"),
            ("postgresql://uri-user@", "user=<uri-user>"),
            ("postgresql://host:12345/", "host=<host> port=<12345>"),
            ("postgresql://host:12345", "host=<host> port=<12345>"),
            ("postgresql://host/", "host=<host>"),
            ("postgresql:///", ""),
            ("postgresql://host/db?user=uri-user", "host=<host> dbname=<db> user=<uri-user>"),
            ("postgresql://host?user=uri-user", "host=<host> user=<uri-user>"),
            ("postgresql://%68ost/", "host=<host>"),
            ("postgresql://host/db?u%7aer=x", "host=<host> dbname=<db> uzer=<x>"),
            ("postgresql://[::1]:12345/db", "host=<::1> port=<12345> dbname=<db>"),
            ("postgresql://[2001:db8::1234]/", "host=<2001:db8::1234>"),
            ("postgresql://[200z:db8::1234]/", "host=<200z:db8::1234>"),
            ("postgresql://[::1]", "host=<::1>"),
            ("postgres://", ""),
            ("postgres:///db", "dbname=<db>"),
            ("postgres://uri-user@/db", "user=<uri-user> dbname=<db>"),
            ("postgres://?host=/path/to/socket/dir", "host=</path/to/socket/dir>"),
            ("postgres://@host", "host=<host>"),
            ("postgres://host:/", "host=<host>"),
            ("postgres://:12345/", "port=<12345>"),
            ("postgres://otheruser@?host=/no/such/directory", "user=<otheruser> host=</no/such/directory>"),
            (
                "postgres://otheruser@:12345?host=/no/such/socket/path",
                "user=<otheruser> port=<12345> host=</no/such/socket/path>",
            ),
            (
                "postgres://otheruser@/db?host=/no/such/socket/path",
                "user=<otheruser> dbname=<db> host=</no/such/socket/path>",
            ),
            ("postgres://:hunter2@host", "password=<hunter2> host=<host>"),
            ("postgres://host?sslmode=", "host=<host> sslmode=<>"),
            ("postgres://%2fvar%2flib/db", "host=</var/lib> dbname=<db>"),
            ("postgres://host1:1,host2,[::1]:3/db", "host=<host1,host2,::1> port=<1,,3> dbname=<db>"),
            ("postgres://host1,host2/", "host=<host1,host2> port=<,>"),
            ("postgres://u:p%40ss%3Aw%2Frd@h", "user=<u> password=<p@ss:w/rd> host=<h>"),
            ("postgres://h/d%20b?ssl=true", "host=<h> dbname=<d b> sslmode=<require>"),
            (
                "postgresql://host? user = uri-user & port = 12345 ",
                "host=<host> user=<uri-user> port=<12345>",
            ),
            ("postgres://h?a=b&", "host=<h> a=<b>"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn wrong_strings_are_refused() {
        for wrong in [
            "host",
            "host=a port",
            "host='a",
            "host='a\\'",
            "a=b\0",
            "postgresql://host/db?user=%",
            "postgresql://host/db?user=%1",
            "postgresql://%",
            "postgres://host?uzer",
            "postgre://",
            "mydb",
            "postgres://[",
            "postgres://[]",
            "postgres://[::1]a",
            "postgres://[::1",
            "postgres://host?user=user&port",
            "postgres://host?user=a=b",
            "postgres://host?=&&x=y",
            "postgres://host%00",
            "postgres://host?user=user user",
            "postgres://host?user=%ff",
        ] {
            error(wrong);
        }
        assert!(error("Postgres://h").contains("begins with postgres://"));
    }

    #[test]
    fn no_error_quotes_the_password() {
        for wrong in [
            "host=a password=hush hush",
            "host=a password='hush",
            "password = hush hush port=x",
            "postgres://u:hush%@h",
            "postgres://u:hush%zz@h",
            "postgres://u:hush%00@h",
            "postgres://u:hu sh@h",
            "postgres://u:hush@[::1",
            "postgres://u:hush@h?x",
        ] {
            let error = error(wrong);
            assert!(!error.contains("hush") && !error.contains("sh hu"), "{error}");
        }
        let shown = |text: &str| parse(text).unwrap().iter().map(|p| p.show).collect::<Vec<_>>();
        assert_eq!(shown("host=a password=b port=1"), [true, false, false]);
        assert_eq!(shown("host=a passwd=b port=1"), [true, false, false]);
        assert_eq!(shown("postgres://h:1/d"), [true, true, true]);
        assert_eq!(shown("postgres://u:p@h"), [false, false, false]);
        assert_eq!(shown("postgres://u:p/w@h"), [false, false, false]);
    }

    #[test]
    fn nothing_makes_the_parser_panic() {
        let words = [
            "postgres://",
            "'",
            "\\",
            "=",
            " ",
            "a",
            "@",
            ":",
            "/",
            "?",
            "&",
            "%",
            "%41",
            "[",
            "]",
            ",",
            "\u{e9}",
        ];
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text.push_str(words[usize::try_from(state >> 33).unwrap() % words.len()]);
            }
            let _ = parse(&text);
        }
        let _ = parse(&"[".repeat(1_000_000));
        let _ = parse(&format!("postgres://{}", ",".repeat(1_000_000)));
    }
}
