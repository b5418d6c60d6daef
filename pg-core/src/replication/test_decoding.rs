//! What the plugin `test_decoding` writes: a line of text for each change.
//!
//! It is a plugin for looking, not for programs: a string that is cut off, or a column's name with a bracket in it, can't
//! be told from others. What isn't such a line is an error. [`Line::parse`] reads one.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// `BEGIN 731`, with the number unless `include-xids` is off.
    Begin(Option<u32>),
    /// `COMMIT 731`, with the number and, by `include-timestamp`, the time as the server writes it.
    Commit {
        /// The transaction.
        xid: Option<u32>,
        /// When it committed.
        time: Option<&'a str>,
    },
    /// `table public.t: INSERT: id[integer]:1`, and so for updates and deletes.
    Change {
        /// The table, as SQL writes it: schema and name, quoted where they need it.
        table: &'a str,
        /// What happened.
        action: super::change::Action,
        /// The row that was, where it is told.
        old: Vec<Column<'a>>,
        /// The row, or the key of one that was deleted; empty where nothing is told.
        row: Vec<Column<'a>>,
    },
    /// `table public.t, public.u: TRUNCATE: restart_seqs cascade`.
    Truncate {
        /// The tables, as SQL writes them.
        tables: Vec<&'a str>,
        /// TRUNCATE .. RESTART IDENTITY.
        restart_identity: bool,
        /// TRUNCATE .. CASCADE.
        cascade: bool,
    },
    /// `message: transactional: 1 prefix: p, sz: 2 content:hi`.
    Message {
        /// It belongs to its transaction.
        transactional: bool,
        /// What it is for.
        prefix: &'a str,
        /// The message.
        content: &'a str,
    },
    /// A line about prepared or streamed transactions, as it is.
    Other(&'a str),
}

/// A column of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name, as SQL writes it.
    pub name: &'a str,
    /// Its type, as SQL writes it.
    pub type_name: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

/// A column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// It is stored out of line and wasn't changed.
    Unchanged,
    /// Its text, without quotes.
    Text(Cow<'a, str>),
}

/// Lines that are given as they are.
const OTHERS: [&str; 10] = [
    "PREPARE TRANSACTION ",
    "COMMIT PREPARED ",
    "ROLLBACK PREPARED ",
    "opening a streamed block",
    "closing a streamed block",
    "streaming ",
    "committing streamed",
    "aborting streamed",
    "preparing streamed",
    "BEGIN PREPARE",
];

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// ```
    /// use pg_core::replication::test_decoding::{Line, Value};
    /// let Line::Change { table, row, .. } = Line::parse("table public.t: INSERT: id[integer]:1 name[text]:'it''s'")? else {
    ///     unreachable!()
    /// };
    /// assert_eq!((table, row[0].name, row[0].type_name), ("public.t", "id", "integer"));
    /// assert_eq!(row[1].value, Value::Text("it's".into()));
    /// # Ok::<(), pg_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A decode error for text that is no such line.
    pub fn parse(text: &'a str) -> Result<Line<'a>> {
        Line::read(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Error::decode(format!("not a line of test_decoding: {shown:?}"))
                .hint("is the slot's plugin test_decoding?")
        })
    }

    fn read(text: &'a str) -> Option<Line<'a>> {
        if OTHERS.iter().any(|other| text.starts_with(other)) {
            return Some(Line::Other(text));
        }
        if let Some(rest) = text.strip_prefix("table ") {
            return changed(rest);
        }
        if let Some(rest) = text.strip_prefix("message: ") {
            return message(rest);
        }
        if let Some(rest) = text.strip_prefix("BEGIN") {
            return Some(Line::Begin(number(rest)?));
        }
        let rest = text.strip_prefix("COMMIT")?;
        let (xid, time) = match rest.split_once(" (at ") {
            Some((xid, time)) => (xid, Some(time.strip_suffix(')')?)),
            None => (rest, None),
        };
        Some(Line::Commit { xid: number(xid)?, time })
    }
}

/// Nothing, or a space and a number.
fn number(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    text.strip_prefix(' ')?.parse().ok().map(Some)
}

fn message(rest: &str) -> Option<Line<'_>> {
    let rest = rest.strip_prefix("transactional: ")?;
    let (transactional, rest) = rest.split_once(" prefix: ")?;
    let transactional = match transactional {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    // The prefix may hold anything; the size says how long the content is.
    let (head, content) = rest.split_once(" content:")?;
    let (prefix, size) = head.rsplit_once(", sz: ")?;
    (size.parse::<usize>().ok()? == content.len()).then_some(())?;
    Some(Line::Message { transactional, prefix, content })
}

fn changed(rest: &str) -> Option<Line<'_>> {
    use super::change::Action;
    let (tables, rest) = names(rest)?;
    let (action, rest) = rest.split_once(':')?;
    let action = match action {
        "INSERT" => Action::Insert,
        "UPDATE" => Action::Update,
        "DELETE" => Action::Delete,
        "TRUNCATE" => {
            let flags = rest.strip_prefix(' ')?;
            let (mut restart_identity, mut cascade) = (false, false);
            for flag in flags.split(' ') {
                match flag {
                    "restart_seqs" => restart_identity = true,
                    "cascade" => cascade = true,
                    "(no-flags)" => {}
                    _ => return None,
                }
            }
            return Some(Line::Truncate { tables, restart_identity, cascade });
        }
        _ => return None,
    };
    let &[table] = tables.as_slice() else { return None };
    let (old, rest) = match rest.strip_prefix(" old-key:") {
        Some(rest) => {
            let (old, rest) = columns(rest, true)?;
            (old, rest.strip_prefix(" new-tuple:")?)
        }
        None => (Vec::new(), rest),
    };
    let (row, rest) = match rest {
        " (no-tuple-data)" => (Vec::new(), ""),
        rest => columns(rest, false)?,
    };
    rest.is_empty().then_some(Line::Change { table, action, old, row })
}

/// Names up to `: `, several with a comma between them; a name in quotes may hold anything.
fn names(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut found = Vec::new();
    let (mut quoted, mut start) = (false, 0usize);
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ':' if !quoted => {
                found.push(text.get(start..at)?);
                return Some((found, text.get(at..)?.strip_prefix(": ")?));
            }
            ',' if !quoted => {
                found.push(text.get(start..at)?);
                start = at.checked_add(2)?;
            }
            _ => {}
        }
    }
    None
}

/// Columns, each ` name[type]:value`, up to the end or, of a row that was, to ` new-tuple:`.
fn columns(mut rest: &str, old: bool) -> Option<(Vec<Column<'_>>, &str)> {
    let mut columns = Vec::new();
    while !(rest.is_empty() || old && rest.starts_with(" new-tuple:")) {
        let (column, after) = column(rest.strip_prefix(' ')?)?;
        columns.push(column);
        rest = after;
    }
    Some((columns, rest))
}

fn column(text: &str) -> Option<(Column<'_>, &str)> {
    let name_end = outside_quotes(text, '[')?;
    let (name, rest) = text.split_at_checked(name_end)?;
    // An array's type ends with brackets of its own.
    let rest = rest.strip_prefix('[')?;
    let type_end = rest.find("]:")?;
    let (type_name, rest) = rest.split_at_checked(type_end)?;
    let (value, rest) = value(rest.strip_prefix("]:")?)?;
    Some((Column { name, type_name, value }, rest))
}

fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, character)| {
        if character == '"' {
            quoted = !quoted;
        }
        (character == wanted && !quoted).then_some(at)
    })
}

/// A value and what follows it: a literal in quotes, doubled inside, or a bare word.
fn value(text: &str) -> Option<(Value<'_>, &str)> {
    // Bits are written B'101'.
    let (bits, quoted) = match text.strip_prefix("B'") {
        Some(rest) => (true, Some(rest)),
        None => (false, text.strip_prefix('\'')),
    };
    let Some(inside) = quoted else {
        let end = text.find(' ').unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        let value = match word {
            "null" => Value::Null,
            "unchanged-toast-datum" => Value::Unchanged,
            word => Value::Text(word.into()),
        };
        return Some((value, rest));
    };
    let mut characters = inside.char_indices().peekable();
    let mut doubled = false;
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            continue;
        }
        if characters.peek().is_some_and(|(_, next)| *next == '\'') && !bits {
            doubled = true;
            characters.next();
            continue;
        }
        let (literal, rest) = inside.split_at_checked(at)?;
        let literal = if doubled { literal.replace("''", "'").into() } else { literal.into() };
        return Some((Value::Text(literal), rest.strip_prefix('\'')?));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::change::Action;

    #[test]
    fn lines_of_the_server_are_read() {
        assert_eq!(Line::parse("BEGIN").unwrap(), Line::Begin(None));
        assert_eq!(Line::parse("BEGIN 731").unwrap(), Line::Begin(Some(731)));
        let commit = Line::Commit { xid: Some(7), time: Some("2026-01-02 03:04:05.6+00") };
        assert_eq!(Line::parse("COMMIT 7 (at 2026-01-02 03:04:05.6+00)").unwrap(), commit);
        let line = "table public.\"a: b\": UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 tags[text[]]:'{a,b}' \
                    bits[bit varying]:B'101' none[text]:null big[text]:unchanged-toast-datum n[numeric(5,2)]:1.50";
        let Line::Change { table, action, old, row } = Line::parse(line).unwrap() else { panic!() };
        assert_eq!((table, action, old.len(), row.len()), ("public.\"a: b\"", Action::Update, 1, 6));
        assert_eq!((row[1].type_name, &row[1].value), ("text[]", &Value::Text("{a,b}".into())));
        assert_eq!((&row[2].value, &row[3].value), (&Value::Text("101".into()), &Value::Null));
        assert_eq!((&row[4].value, row[5].type_name), (&Value::Unchanged, "numeric(5,2)"));
        let line = "table public.t, public.u: TRUNCATE: restart_seqs cascade";
        let Line::Truncate { tables, restart_identity, cascade } = Line::parse(line).unwrap() else {
            panic!()
        };
        assert_eq!((tables, restart_identity, cascade), (vec!["public.t", "public.u"], true, true));
        let line = "message: transactional: 1 prefix: a, sz: 1 content:x, sz: 2 content:hi";
        assert!(Line::parse(line).is_err(), "the size says what the content is");
        let line = "message: transactional: 0 prefix: p, sz: 2 content:hi";
        assert_eq!(
            Line::parse(line).unwrap(),
            Line::Message { transactional: false, prefix: "p", content: "hi" }
        );
        let line = "table public.t: DELETE: (no-tuple-data)";
        assert!(matches!(Line::parse(line).unwrap(), Line::Change { action: Action::Delete, .. }));
    }

    #[test]
    fn every_prefix_of_a_line_is_a_line_or_an_error() {
        let line =
            "table public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 name[text]:'it''s é'";
        for (at, _) in line.char_indices() {
            let _ = Line::parse(&line[..at]);
        }
        for text in ["", "COMMIT x", "table", "table t: INSERT: a[b]:'", "BEGIN-1"] {
            assert!(Line::parse(text).is_err(), "{text}");
        }
    }
}
