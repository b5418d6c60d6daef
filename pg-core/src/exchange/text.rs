//! What can be told of a statement by its text alone. Manual: "Lexical Structure".

use crate::error::{Error, Result};

/// The text from its first word on: without the white space and the comments before it.
pub(super) fn from_first_word(sql: &str) -> &str {
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
    let mut words = from_first_word(sql).split_ascii_whitespace();
    let is_copy = words.next().is_some_and(|word| word.eq_ignore_ascii_case("copy"));
    is_copy
        && words.any(|word| word.eq_ignore_ascii_case("from"))
        && words.next().is_some_and(|word| word.trim_end_matches(';').eq_ignore_ascii_case("stdin"))
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
        ] {
            assert!(copies_from_client(sql), "{sql}");
        }
        for sql in [
            "copy t from '/a/file'",
            "copy t to stdout",
            "select 'copy t from stdin'",
            "-- copy t from stdin",
            "",
        ] {
            assert!(!copies_from_client(sql), "{sql}");
        }
    }
}
