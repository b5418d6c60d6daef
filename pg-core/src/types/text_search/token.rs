//! Lexemes as text: printed in quotes, and read by the server's rules, which both types share.

use super::weight::Weight;
use std::fmt::{self, Display, Formatter};

/// Lexemes have at most this many bytes (`MAXSTRLEN`).
pub(super) const LONGEST: usize = 2046;

/// Why a lexeme can't be one.
pub(super) fn refused(lexeme: &str) -> Option<&'static str> {
    if lexeme.is_empty() {
        return Some("a lexeme can't be empty");
    }
    if lexeme.contains('\0') {
        return Some("a lexeme can't contain a NUL character");
    }
    (lexeme.len() > LONGEST).then_some("a lexeme has at most 2046 bytes")
}

/// A lexeme in quotes, with those inside and backslashes doubled.
pub(super) struct Quoted<'l>(pub(super) &'l str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use std::fmt::Write;
        f.write_char('\'')?;
        for c in self.0.chars() {
            if matches!(c, '\'' | '\\') {
                f.write_char(c)?;
            }
            f.write_char(c)?;
        }
        f.write_char('\'')
    }
}

/// A cursor over the text of a vector or a query. `None` is text that the server refuses.
pub(super) struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Tokens<'t> {
        Tokens { rest: text }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.blanks();
        self.rest.is_empty()
    }

    /// Whether a blank comes next, or nothing.
    pub(super) fn is_apart(&self) -> bool {
        self.peek().is_none_or(is_blank)
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    pub(super) fn took(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(is_blank);
    }

    /// Decimal digits; `None` if there are none, or more than fit.
    pub(super) fn number(&mut self) -> Option<u32> {
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        number.parse().ok()
    }

    /// A weight's letter, in either case.
    pub(super) fn weight(&mut self) -> Option<Weight> {
        let weight = self.peek().and_then(Weight::of_letter)?;
        self.next();
        Some(weight)
    }

    /// A lexeme: in quotes, where two of them and a backslash before anything stand for what follows; or up to a blank,
    /// a colon or one of the characters that `ends` tells.
    pub(super) fn lexeme(&mut self, ends: impl Fn(char) -> bool) -> Option<String> {
        let mut lexeme = String::new();
        let quoted = self.took("'");
        loop {
            match self.peek() {
                None if quoted => return None,
                None => break,
                Some('\\') => {
                    self.next();
                    lexeme.push(self.next()?);
                }
                Some('\'') if quoted => {
                    self.next();
                    if !self.took("'") {
                        break;
                    }
                    lexeme.push('\'');
                }
                Some(c) if !quoted && (is_blank(c) || ends(c)) => break,
                // At the beginning it is part of the lexeme.
                Some(':') if !quoted && !lexeme.is_empty() => break,
                Some(c) => {
                    self.next();
                    lexeme.push(c);
                }
            }
        }
        refused(&lexeme).is_none().then_some(lexeme)
    }
}

fn is_blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(super::super::forms::is_blank)
}
