//! Named parameters: `:name` in the SQL, written as `$1`, `$2` .. for the server.
//!
//! A name is a colon and a word, wherever the server would read an expression. What the server reads as something else
//! is left alone: strings of all kinds, quoted identifiers, comments, casts (`::`), `:=`, and the colon of a slice,
//! `[1:n]`, which stands behind what can end an expression. Where both bounds are names, a blank tells them apart:
//! `[:low : :high]`.
//!
//! Parameters are numbered by their names in order, so the number of a name depends on the SQL alone.
//! Manual: "Lexical Structure".

use super::ParamField;
use crate::error::{Error, Position, Result, ServerError};
use std::borrow::Cow;

/// What stands in a statement.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found<'s> {
    /// Each name without its colon, and where the colon stands.
    names: Vec<(usize, &'s str)>,
    /// `$1` and the like, the first one.
    number: Option<&'s str>,
    /// The highest of these.
    highest: usize,
}

/// The statement as the server is sent it. Without names among the parameters it is as it was written.
///
/// `escapes` says that backslashes escape in every string: `standard_conforming_strings` is off.
///
/// # Errors
/// A name without a parameter, a parameter that isn't used, and names beside `$1`: usage errors that say which.
pub fn sent<'s>(sql: &'s str, fields: &[ParamField], escapes: bool) -> Result<Cow<'s, str>> {
    if !are_named(fields) {
        return Ok(Cow::Borrowed(sql));
    }
    let found = scan(sql, escapes);
    check(&found, fields).map_err(|e| e.with_sql(sql))?;
    let mut out = String::with_capacity(sql.len());
    let mut rest = 0;
    for (at, name) in found.names {
        out.push_str(sql.get(rest..at).unwrap_or_default());
        out.push_str(&number(sql, at, name, fields));
        rest = end(at, name);
    }
    out.push_str(sql.get(rest..).unwrap_or_default());
    Ok(Cow::Owned(out))
}

/// A report whose position is one in the statement as it was written.
pub(crate) fn as_written(
    sql: &str,
    fields: &[ParamField],
    escapes: bool,
    mut error: ServerError,
) -> ServerError {
    if !are_named(fields) {
        return error;
    }
    if let Some(Position::Statement(at)) = &mut error.position {
        *at = original_position(sql, fields, escapes, *at);
    }
    // Only these speak of parameters, and none of them quotes a value.
    if matches!(error.sqlstate.code(), "42P02" | "42P08" | "42P18" | "42804") {
        error.message = with_names(&error.message, fields);
    }
    error
}

/// A message that calls parameters by their names: `$1` is nothing that the user wrote.
fn with_names(message: &str, fields: &[ParamField]) -> String {
    let mut parts = message.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at_checked(digits).unwrap_or((part, ""));
        let field = number.parse::<usize>().ok().and_then(|number| fields.get(number.checked_sub(1)?));
        match field.and_then(|field| field.name) {
            Some(name) => out.extend([":", name, rest]),
            None => out.extend(["$", part]),
        }
    }
    out
}

/// The highest `$n` of a statement; 0 for none.
pub(crate) fn highest_number(sql: &str, escapes: bool) -> usize {
    scan(sql, escapes).highest
}

fn are_named(fields: &[ParamField]) -> bool {
    fields.first().is_some_and(|field| field.name.is_some())
}

/// Where a character (from 1) of the statement that was sent stands in the statement as it was written.
fn original_position(sql: &str, fields: &[ParamField], escapes: bool, position: u32) -> u32 {
    let chars = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (mut written, mut sent, mut rest) = (0u32, 0u32, 0usize);
    for (at, name) in scan(sql, escapes).names {
        let before = chars(sql.get(rest..at).unwrap_or_default());
        if position <= sent.saturating_add(before) {
            break;
        }
        written = written.saturating_add(before);
        sent = sent.saturating_add(before).saturating_add(chars(&number(sql, at, name, fields)));
        if position <= sent {
            return written.saturating_add(1);
        }
        written = written.saturating_add(chars(name)).saturating_add(1);
        rest = end(at, name);
    }
    written.saturating_add(position.saturating_sub(sent))
}

/// Behind a name whose colon stands at `at`.
fn end(at: usize, name: &str) -> usize {
    at.saturating_add(1).saturating_add(name.len())
}

/// What stands in a name's place. A colon ends the word before it, and a dollar doesn't.
fn number(sql: &str, at: usize, name: &str, fields: &[ParamField]) -> String {
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| in_word(*byte));
    let before = at.checked_sub(1).and_then(|before| sql.as_bytes().get(before));
    let blank = |joins: bool| if joins { " " } else { "" };
    let number = number_of(name, fields).unwrap_or_default();
    format!("{}${number}{}", blank(joins(before)), blank(joins(sql.as_bytes().get(end(at, name)))))
}

/// The number of a name, from 1.
fn number_of(name: &str, fields: &[ParamField]) -> Option<usize> {
    fields.iter().position(|field| field.name == Some(name)).map(|at| at.saturating_add(1))
}

fn check(found: &Found<'_>, fields: &[ParamField]) -> Result<()> {
    let names = || fields.iter().filter_map(|field| field.name);
    let list = || names().map(|name| format!(":{name}")).collect::<Vec<_>>().join(", ");
    if let Some(number) = found.number {
        return Err(Error::usage(format!("the SQL has {number}, and the parameters have names: {}", list()))
            .hint("call them by their names, or pass a tuple for $1, $2 .."));
    }
    if let Some((_, unknown)) = found.names.iter().find(|(_, name)| number_of(name, fields).is_none()) {
        return Err(Error::usage(format!("the SQL has :{unknown}, and the parameters are {}", list())).hint(
            "add the field, or give the one that stands for it `#[pg(name = \"..\")]`; behind the colon of a slice \
             write a blank: `[: n]`",
        ));
    }
    let used = |name: &str| found.names.iter().any(|(_, found)| *found == name);
    if let Some(idle) = names().find(|name| !used(name)) {
        return Err(Error::usage(format!("the parameter :{idle} does not stand in the SQL"))
            .hint("use it, or leave the field out with `#[pg(skip)]`"));
    }
    Ok(())
}

/// Whether a byte may begin a word: letters, underscores, and all that isn't ASCII.
fn begins_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphabetic() || byte >= 0x80
}

fn in_name(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit()
}

/// What an identifier goes on with.
fn in_word(byte: u8) -> bool {
    in_name(byte) || byte == b'$'
}

/// The server's `space`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Words after which an expression begins, so that a colon behind them belongs to a name.
const OPERATORS: &[&str] = &[
    "all",
    "and",
    "any",
    "between",
    "by",
    "case",
    "distinct",
    "else",
    "from",
    "having",
    "ilike",
    "in",
    "is",
    "like",
    "limit",
    "not",
    "offset",
    "on",
    "or",
    "returning",
    "select",
    "similar",
    "some",
    "symmetric",
    "then",
    "to",
    "using",
    "values",
    "when",
    "where",
];

/// Reads a statement as the server's lexer would.
struct Scanner<'s> {
    sql: &'s str,
    bytes: &'s [u8],
    at: usize,
    escapes: bool,
}

fn scan(sql: &str, escapes: bool) -> Found<'_> {
    let mut scanner = Scanner { sql, bytes: sql.as_bytes(), at: 0, escapes };
    let mut found = Found::default();
    // Open brackets, and whether what was read last can end an expression.
    let (mut brackets, mut operand) = (Vec::new(), false);
    while let Some(byte) = scanner.peek(0) {
        let start = scanner.at;
        match (byte, scanner.peek(1)) {
            (b'-', Some(b'-')) => scanner.line_comment(),
            (b'/', Some(b'*')) => scanner.block_comment(),
            (b'\'', _) => {
                scanner.string(scanner.escapes);
                operand = true;
            }
            (b'"', _) => {
                scanner.quoted(b'"', false);
                operand = true;
            }
            (b'$', Some(b'0'..=b'9')) => {
                scanner.at = scanner.at.saturating_add(1);
                scanner.skip_while(|byte| byte.is_ascii_digit());
                let number = scanner.since(start);
                let value = number.and_then(|number| number.strip_prefix('$')?.parse().ok());
                found.number = found.number.or(number);
                found.highest = found.highest.max(value.unwrap_or_default());
                operand = true;
            }
            (b'$', _) => operand = scanner.dollar_quoted(),
            (b':', Some(b':' | b'=')) => {
                scanner.at = scanner.at.saturating_add(2);
                operand = false;
            }
            (b':', Some(next)) if begins_word(next) && !(operand && brackets.last() == Some(&b'[')) => {
                scanner.at = scanner.at.saturating_add(1);
                scanner.skip_while(in_name);
                let name = scanner.since(start).and_then(|name| name.strip_prefix(':'));
                found.names.extend(name.map(|name| (start, name)));
                operand = true;
            }
            (first, _) if begins_word(first) => {
                scanner.skip_while(in_word);
                let word = scanner.since(start).unwrap_or_default();
                let unicode = word.eq_ignore_ascii_case("u") && scanner.peek(0) == Some(b'&');
                match (scanner.peek(0), scanner.peek(1)) {
                    (Some(b'\''), _) if word.eq_ignore_ascii_case("e") => scanner.string(true),
                    (Some(b'\''), _) if ["b", "x"].iter().any(|of| word.eq_ignore_ascii_case(of)) => {
                        scanner.string(false);
                    }
                    (Some(b'&'), Some(b'\'')) if unicode => {
                        scanner.at = scanner.at.saturating_add(1);
                        scanner.string(false);
                    }
                    _ => {}
                }
                operand = !OPERATORS.iter().any(|operator| word.eq_ignore_ascii_case(operator));
            }
            (b'0'..=b'9', _) => {
                scanner.skip_while(in_word);
                operand = true;
            }
            (space, _) if is_space(space) => scanner.at = scanner.at.saturating_add(1),
            _ => {
                scanner.at = scanner.at.saturating_add(1);
                match byte {
                    b'[' | b'(' => brackets.push(byte),
                    b']' | b')' => {
                        brackets.pop();
                    }
                    _ => {}
                }
                operand = matches!(byte, b']' | b')');
            }
        }
    }
    found
}

impl<'s> Scanner<'s> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at.saturating_add(ahead)).copied()
    }

    fn since(&self, start: usize) -> Option<&'s str> {
        self.sql.get(start..self.at)
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&belongs) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn line_comment(&mut self) {
        self.skip_while(|byte| !matches!(byte, b'\n' | b'\r'));
    }

    /// Comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek(0) {
            let step = match (byte, self.peek(1)) {
                (b'/', Some(b'*')) => {
                    depth = depth.saturating_add(1);
                    2
                }
                (b'*', Some(b'/')) => {
                    depth = depth.saturating_sub(1);
                    2
                }
                _ => 1,
            };
            self.at = self.at.saturating_add(step);
            if depth == 0 {
                return;
            }
        }
    }

    /// From quote to quote; a doubled one belongs to the text.
    fn quoted(&mut self, quote: u8, escapes: bool) {
        self.at = self.at.saturating_add(1);
        while let Some(byte) = self.peek(0) {
            self.at = self.at.saturating_add(1);
            if byte == b'\\' && escapes {
                self.at = self.at.saturating_add(1);
            } else if byte == quote {
                if self.peek(0) != Some(quote) {
                    return;
                }
                self.at = self.at.saturating_add(1);
            }
        }
    }

    /// A string, with the parts that continue it on further lines: they are read as it is.
    fn string(&mut self, escapes: bool) {
        loop {
            self.quoted(b'\'', escapes);
            let end = self.at;
            let mut newline = false;
            loop {
                match (self.peek(0), self.peek(1)) {
                    (Some(space), _) if is_space(space) => {
                        newline |= matches!(space, b'\n' | b'\r');
                        self.at = self.at.saturating_add(1);
                    }
                    (Some(b'-'), Some(b'-')) => self.line_comment(),
                    _ => break,
                }
            }
            if !(newline && self.peek(0) == Some(b'\'')) {
                self.at = end;
                return;
            }
        }
    }

    /// `$tag$ .. $tag$`; `false` for a dollar by itself.
    fn dollar_quoted(&mut self) -> bool {
        let start = self.at;
        self.at = self.at.saturating_add(1);
        if self.peek(0).is_some_and(begins_word) {
            self.skip_while(in_name);
        }
        if self.peek(0) != Some(b'$') {
            self.at = start.saturating_add(1);
            return false;
        }
        self.at = self.at.saturating_add(1);
        let tag = self.since(start).unwrap_or_default();
        let end = self.sql.get(self.at..).and_then(|rest| rest.find(tag));
        self.at = match end {
            Some(end) => self.at.saturating_add(end).saturating_add(tag.len()),
            None => self.bytes.len(),
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::adapter::Adapter;

    const fn field(name: &'static str) -> ParamField {
        ParamField { name: Some(name), type_name: i32::TYPE, plan: <i32 as Adapter>::plan }
    }

    const FIELDS: &[ParamField] = &[field("a"), field("b"), field("caf\u{e9}")];

    /// The names that are found, each with its place.
    fn names(sql: &str) -> Vec<&str> {
        scan(sql, false).names.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn names_are_numbered_wherever_they_stand() {
        let sql = "select :b, :a+:caf\u{e9},:a from t where x=:b and y in (:a,:b)";
        let numbered = "select $2, $1+$3,$1 from t where x=$2 and y in ($1,$2)";
        assert_eq!(sent(sql, FIELDS, false).unwrap(), numbered);
    }

    #[test]
    fn a_number_is_no_part_of_the_word_beside_it() {
        let fields = &[field("a")];
        assert_eq!(
            sent("case when:a then:a$x else 1:a end", fields, false).unwrap(),
            "case when $1 then $1 $x else 1 $1 end"
        );
        assert_eq!(original_position("when:a x", fields, false, 9), 8);
    }

    #[test]
    fn what_the_server_reads_as_something_else_is_left_alone() {
        for sql in [
            "':a'",
            "'it''s :a'",
            "E'\\':a'",
            "e'\\\\' ':a'",
            "E'x'\n  ':a\\':a'",
            "'x' -- '\n':a'",
            "B':a'",
            "X':a'",
            "N':a'",
            "U&':a'",
            "u&\":a\"",
            "\":a\"",
            "\"x\"\":a\"",
            "$$:a$$",
            "$t$ $$ :a $t$",
            "$_1$:a$_1$",
            "x$t$ + \"$t$:a\"",
            "-- :a",
            "--:a\n",
            "/* :a */",
            "/* /* */ :a */",
            "x::a",
            "x :: a",
            "f(x :=a)",
            "f(x:=a)",
            "a[1:a]",
            "a[x:a]",
            "a[f(1):a]",
            "a[b[1]:a]",
            "a[$x$1$x$:a]",
            ": a",
            ":1",
            "':a",
            "\":a",
            "$q$:a",
            "/* :a",
            "E':a\\",
            "@-- :a",
        ] {
            assert_eq!(names(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn what_looks_like_something_else_is_found() {
        for sql in [
            "'\\':a",
            "E'\\\\':a",
            "'x' ':y':a",
            "\"\"\"x\":a",
            "$$ $ $$:a",
            "$t$ $t $t$:a",
            "x$t$:a",
            "-- '\n:a",
            "-- x\r:a",
            "/*/**/*/:a",
            "a*/**/:a",
            "x:::a",
            "a[:a]",
            "a[1: :a]",
            "a[f(:a)]",
            "array[1,:a]",
            "a[case when x then :a end]",
            "(x):a",
            "-:a",
            "1-:a",
            "$1:a",
            "e :a",
            "U&:a",
        ] {
            assert_eq!(names(sql), ["a"], "{sql}");
        }
        assert_eq!(names("a[:low : :high]"), ["low", "high"]);
        assert_eq!(names("array[:a,:b]::int[]"), ["a", "b"]);
    }

    #[test]
    fn a_backslash_escapes_in_every_string_where_the_session_says_so() {
        assert_eq!(scan("'\\':a'", true).names, []);
        assert_eq!(scan("'\\':a", false).names, [(3, "a")]);
    }

    #[test]
    fn a_name_without_a_field_or_a_field_without_a_name_is_told() {
        let told = |sql: &str| sent(sql, FIELDS, false).unwrap_err().message().to_owned();
        assert_eq!(told("select :a, :b, :c"), "the SQL has :c, and the parameters are :a, :b, :caf\u{e9}");
        assert_eq!(told("select :a, ':b', :caf\u{e9}"), "the parameter :b does not stand in the SQL");
        assert_eq!(
            told("select :a, $1"),
            "the SQL has $1, and the parameters have names: :a, :b, :caf\u{e9}"
        );
    }

    #[test]
    fn positions_are_those_of_the_statement_as_it_was_written() {
        let sql = "select :b, \u{e9} from :caf\u{e9} where :a";
        let sent = sent(sql, FIELDS, false).unwrap();
        for word in ["select", "$2", ",", "\u{e9} from", "from", "$3", "where", "$1"] {
            let at =
                |text: &str, word: &str| text.find(word).map(|at| text[..at].chars().count() + 1).unwrap();
            let original = match word {
                "$1" => ":a",
                "$2" => ":b",
                "$3" => ":caf",
                other => other,
            };
            let position = u32::try_from(at(&sent, word)).unwrap();
            assert_eq!(original_position(sql, FIELDS, false, position) as usize, at(sql, original), "{word}");
        }
    }
}
