//! What is shown of a statement's text, wherever it is written down.

use std::borrow::Cow;

/// The text without the password that is set or told in it, as in `alter role app password '..'` and
/// `create subscription .. connection 'host=db password=..'`: all that follows is left out. So are control characters.
pub(super) fn shown(sql: &str) -> Cow<'_, str> {
    let mut rest = sql;
    while let Some(at) = find_password(rest) {
        let Some(after) = rest.get(at.saturating_add(PASSWORD.len())..) else { break };
        if is_secret(after) {
            let kept = sql.len().saturating_sub(after.len());
            return Cow::Owned(one_line(sql.get(..kept).unwrap_or_default()).into_owned() + " ***");
        }
        rest = after;
    }
    one_line(sql)
}

/// The text with blanks for control characters: one call is one line, whatever is in it.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    match text.chars().any(char::is_control) {
        true => Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()),
        false => Cow::Borrowed(text),
    }
}

const PASSWORD: &str = "password";

fn find_password(text: &str) -> Option<usize> {
    text.as_bytes().windows(PASSWORD.len()).position(|word| word.eq_ignore_ascii_case(PASSWORD.as_bytes()))
}

/// Whether what follows the word is a value: one that is written out, and no parameter.
fn is_secret(after: &str) -> bool {
    let value = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    let is_told = value.len() < after.len();
    let mut chars = value.chars();
    match (chars.next(), chars.next()) {
        (Some('\''), _) => true,
        (Some('e' | 'E' | 'u' | 'U'), Some('\'' | '&')) => is_told,
        (Some('$'), Some(next)) => is_told && !next.is_ascii_digit(),
        // Of a connection string, which stands in quotes.
        (Some(_), _) => after.starts_with('='),
        (None, _) => false,
    }
}

/// The statement's first word in capitals: `SELECT`; `None` if it begins with none.
#[cfg(feature = "tracing")]
pub(super) fn operation(sql: &str) -> Option<String> {
    let sql = crate::exchange::from_first_word(sql).trim_start_matches(['(', ';']);
    let word: String = sql.chars().take_while(char::is_ascii_alphabetic).collect();
    Some(word.to_ascii_uppercase()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for (sql, expected) in [
            ("alter role app password 'secret' login", "alter role app password ***"),
            ("ALTER USER app WITH PASSWORD\n  'se\\'cret'", "ALTER USER app WITH PASSWORD ***"),
            ("create role a encrypted password E'secret'", "create role a encrypted password ***"),
            ("create role a password $$secret$$", "create role a password ***"),
            (
                "create subscription s connection 'host=db password=secret' publication p",
                "create subscription s connection 'host=db password ***",
            ),
            (
                "create user mapping for a server s options (user 'a', password 'secret')",
                "create user mapping for a server s options (user 'a', password ***",
            ),
            (
                "select password from t; alter role a password 'x'",
                "select password from t; alter role a password ***",
            ),
        ] {
            assert_eq!(shown(sql), expected);
        }
        for sql in [
            "select * from users where password = $1",
            "set password_encryption = 'scram-sha-256'",
            "select password, 'x' from t",
            "password",
            "",
        ] {
            assert_eq!(shown(sql), sql);
        }
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(shown("select\n\t'\u{1b}[31m\u{85}'"), "select  ' [31m '");
    }

    #[cfg(feature = "tracing")]
    #[test]
    fn the_operation_is_the_first_word() {
        for (sql, expected) in [
            ("select 1", Some("SELECT")),
            ("/* trace 7 */ -- x\n (with a as (select 1) table a)", Some("WITH")),
            ("insert\ninto t values (1)", Some("INSERT")),
            ("commit;", Some("COMMIT")),
            ("", None),
            ("/* only */", None),
        ] {
            assert_eq!(operation(sql).as_deref(), expected, "{sql}");
        }
    }
}
