//! What can be told of a statement by its text alone. Manual: "Lexical Structure".

use crate::error::{Error, Result};

/// The text from its first word on: without the white space and the comments before it.
pub(crate) fn from_first_word(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once(['\n', '\r']).map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            after_comment(comment)
        } else {
            return rest;
        }
        .trim_start();
    }
}

/// What follows the end of a `/* comment */`; these nest.
fn after_comment(mut rest: &str) -> &str {
    let mut depth = 1u32;
    while depth > 0 {
        let Some(end) = rest.find("*/") else { return "" };
        let inner = rest.find("/*").filter(|start| *start < end);
        depth = if inner.is_some() { depth.saturating_add(1) } else { depth.saturating_sub(1) };
        rest = rest.get(inner.unwrap_or(end).saturating_add(2)..).unwrap_or_default();
    }
    rest
}

/// Refuses EmptyQueryResponse in answer to a text that holds a statement: what came isn't the whole answer.
///
/// # Errors
/// A protocol error.
#[cold]
pub(super) fn check_empty(sql: &str) -> Result<()> {
    if is_empty(sql) {
        return Ok(());
    }
    Err(Error::protocol("the server sent EmptyQueryResponse ('I') for a text that holds a statement")
        .with_sql(sql))
}

/// Whether there is no statement in it, so that the server answers with EmptyQueryResponse.
pub(super) fn is_empty(sql: &str) -> bool {
    let mut rest = from_first_word(sql);
    while let Some(after) = rest.strip_prefix(';') {
        rest = from_first_word(after);
    }
    rest.is_empty()
}

/// Whether it is a COPY FROM STDIN, by its words.
pub(super) fn copies_from_client(sql: &str) -> bool {
    let mut words = Words { rest: sql };
    let mut before = words.next().unwrap_or_default();
    before.eq_ignore_ascii_case("copy")
        && words.any(|word| {
            let before = std::mem::replace(&mut before, word);
            before.eq_ignore_ascii_case("from") && word.eq_ignore_ascii_case("stdin")
        })
}

/// The words of a statement, without what stands in quotes or parentheses.
struct Words<'s> {
    rest: &'s str,
}

impl<'s> Iterator for Words<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        let mut depth = 0u32;
        loop {
            self.rest = from_first_word(self.rest);
            let first = self.rest.chars().next()?;
            let is_of_a_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let end = match first {
                '"' | '\'' => self.rest.get(1..)?.find(first)?.saturating_add(2),
                _ if is_of_a_word(first) => self.rest.find(|c| !is_of_a_word(c)).unwrap_or(self.rest.len()),
                _ => first.len_utf8(),
            };
            let (token, rest) = self.rest.split_at_checked(end)?;
            self.rest = rest;
            match first {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                _ if depth == 0 && is_of_a_word(first) => return Some(token),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_statement_is_empty() {
        for sql in [
            "",
            " \t\r\n",
            ";",
            " ; ;",
            "-- a",
            "-- a\n;",
            "-- a\r",
            "/**/",
            "/* a /* b */ c */;",
            "/*/ */",
            "/*",
        ] {
            assert!(is_empty(sql), "{sql:?}");
        }
        for sql in
            ["select", "-- a\nselect 1", ";select 1", "/* a */ x", "/* /* */ */ x", "/***/x", "- -", "'' "]
        {
            assert!(!is_empty(sql), "{sql:?}");
        }
    }

    #[test]
    fn copy_from_stdin_is_known_by_its_words() {
        for sql in [
            "copy t from stdin",
            "-- a\n /* b */ COPY t (a, b)\nFROM\tSTDIN;",
            "copy t from stdin with (format csv)",
            "copy t(a)from stdin(format csv)",
            "copy \"t\"from/**/stdin--",
            "copy s.\"to \"\" x\".t from stdin;",
        ] {
            assert!(copies_from_client(sql), "{sql}");
        }
        for sql in [
            "copy t from '/a/file'",
            "copy t to stdout",
            "select 'copy t from stdin'",
            "-- copy t from stdin",
            "copy (select 1 from stdin) to stdout",
            "copy (select '(' from (select) stdin) to '/a/file'",
            "copy \"from stdin\" to stdout",
            "copy \"t",
            "copy t from stdin_1",
            "",
        ] {
            assert!(!copies_from_client(sql), "{sql}");
        }
    }
}
