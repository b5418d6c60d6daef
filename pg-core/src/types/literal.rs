//! The server's own text forms of arrays, records and ranges, by its quoting rules: written as its output functions
//! write them, read as its input functions read them.
//! Manual: "Array Input and Output Syntax", "Composite Type Input and Output Syntax", "Range Input/Output".

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Appends an attribute of a record literal, quoted where the server would.
pub fn quote_attribute(out: &mut Vec<u8>, text: &[u8]) {
    let special = |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b',') || is_blank(*c);
    quote(out, text, text.is_empty() || text.iter().any(special), Doubled);
}

/// Appends a bound of a range literal, quoted where the server would.
pub fn quote_bound(out: &mut Vec<u8>, text: &[u8]) {
    let special = |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || is_blank(*c);
    quote(out, text, text.is_empty() || text.iter().any(special), Doubled);
}

/// Appends an element of an array literal, quoted where the server would.
pub fn quote_element(out: &mut Vec<u8>, text: &[u8], delimiter: u8) {
    quote(out, text, needs_quotes(text, delimiter), Escaped);
}

/// Appends an element of an array literal in quotes.
pub fn put_quoted_element(out: &mut Vec<u8>, text: &[u8]) {
    quote(out, text, true, Escaped);
}

/// Whether the server would quote an element of an array literal.
pub fn needs_quotes(text: &[u8], delimiter: u8) -> bool {
    let special = |c: &u8| matches!(c, b'"' | b'\\' | b'{' | b'}') || *c == delimiter || is_blank(*c);
    text.is_empty() || text.eq_ignore_ascii_case(b"null") || text.iter().any(special)
}

/// How quotes and backslashes stand inside quotes: arrays put a backslash before them, records and ranges double them.
#[derive(Clone, Copy, PartialEq)]
enum Quoting {
    Escaped,
    Doubled,
}
use Quoting::{Doubled, Escaped};

fn quote(out: &mut Vec<u8>, text: &[u8], needed: bool, quoting: Quoting) {
    if !needed {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(if quoting == Doubled { *byte } else { b'\\' });
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// An attribute or a bound without its quotes, borrowed where there were none; `None` is NULL, or no bound.
pub type Attribute<'t> = Option<Cow<'t, [u8]>>;

/// The attributes of a record literal `(a,"b c",,"")`; nothing between commas is NULL.
///
/// # Errors
/// Text that isn't a record literal is a decode error.
pub fn parse_record(text: &[u8]) -> Result<Vec<Attribute<'_>>> {
    let malformed = || Error::decode("a record literal is malformed");
    let mut rest = after_blanks(text).strip_prefix(b"(").ok_or_else(malformed)?;
    // One NULL attribute and none at all look the same; the caller knows how many there are.
    let mut attributes = Vec::new();
    loop {
        let (attribute, after) = attribute(rest, b",)").ok_or_else(malformed)?;
        attributes.push(attribute);
        match after.split_first() {
            Some((b',', after)) => rest = after,
            Some((b')', after)) if after_blanks(after).is_empty() => return Ok(attributes),
            _ => return Err(malformed()),
        }
    }
}

/// A range literal's bounds; `None` is no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeLiteral<'t> {
    /// `empty`.
    Empty,
    /// `[a,b)` and the like.
    Bounds {
        /// The lower bound.
        lower: Attribute<'t>,
        /// `[` and not `(`.
        lower_inclusive: bool,
        /// The upper bound.
        upper: Attribute<'t>,
        /// `]` and not `)`.
        upper_inclusive: bool,
    },
}

/// Parses a range literal: `[1,5)`, `(,"a b"]`, `empty`.
/// Manual: "Range Types", "Range Input/Output".
///
/// # Errors
/// Text that isn't a range literal is a decode error.
pub fn parse_range(text: &[u8]) -> Result<RangeLiteral<'_>> {
    match take_range(text) {
        Some((range, rest)) if after_blanks(rest).is_empty() => Ok(range),
        _ => Err(Error::decode("a range literal is malformed")),
    }
}

/// Parses a multirange literal: `{[1,5),[7,)}`.
///
/// # Errors
/// Text that isn't a multirange literal is a decode error.
pub fn parse_multirange(text: &[u8]) -> Result<Vec<RangeLiteral<'_>>> {
    ranges(text).ok_or_else(|| Error::decode("a multirange literal is malformed"))
}

fn ranges(text: &[u8]) -> Option<Vec<RangeLiteral<'_>>> {
    let mut ranges = Vec::new();
    let mut rest = after_blanks(text).strip_prefix(b"{")?;
    let mut end = after_blanks(rest).strip_prefix(b"}");
    while end.is_none() {
        let (range, after) = take_range(rest)?;
        ranges.push(range);
        match after_blanks(after).split_first()? {
            (b',', after) => rest = after,
            (b'}', after) => end = Some(after),
            _ => return None,
        }
    }
    after_blanks(end?).is_empty().then_some(ranges)
}

/// The range literal at the beginning, and what comes after.
fn take_range(text: &[u8]) -> Option<(RangeLiteral<'_>, &[u8])> {
    let text = after_blanks(text);
    if let Some((_, rest)) = text.split_at_checked(5).filter(|(word, _)| word.eq_ignore_ascii_case(b"empty"))
    {
        return Some((RangeLiteral::Empty, rest));
    }
    let (open, rest) = text.split_first().filter(|(open, _)| matches!(open, b'[' | b'('))?;
    let (lower, rest) = attribute(rest, b",)]")?;
    let (upper, rest) = attribute(rest.strip_prefix(b",")?, b",)]")?;
    let (close, rest) = rest.split_first().filter(|(close, _)| matches!(close, b']' | b')'))?;
    let (lower_inclusive, upper_inclusive) = (*open == b'[', *close == b']');
    Some((RangeLiteral::Bounds { lower, lower_inclusive, upper, upper_inclusive }, rest))
}

/// What a record's attribute or a range's bound is, up to one of `ends` outside of quotes, and what comes from there
/// on. Quotes may open and close anywhere in it, `""` inside quotes is a quote, a backslash takes what follows as it is;
/// nothing at all is `None`.
fn attribute<'t>(text: &'t [u8], ends: &[u8]) -> Option<(Attribute<'t>, &'t [u8])> {
    let plain = text.iter().position(|c| matches!(c, b'"' | b'\\') || ends.contains(c))?;
    let (head, rest) = text.split_at_checked(plain)?;
    if rest.first().is_some_and(|c| ends.contains(c)) {
        return Some((if head.is_empty() { None } else { Some(Cow::Borrowed(head)) }, rest));
    }
    let mut out = head.to_vec();
    let mut rest = rest;
    let mut quoted = false;
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', c, after @ ..] => {
                out.push(*c);
                after
            }
            [b'\\'] => return None,
            [b'"', b'"', after @ ..] if quoted => {
                out.push(b'"');
                after
            }
            [b'"', after @ ..] => {
                quoted = !quoted;
                after
            }
            [c, ..] if !quoted && ends.contains(c) => return Some((Some(Cow::Owned(out)), rest)),
            [c, after @ ..] => {
                out.push(*c);
                after
            }
        };
    }
}

fn after_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|c| is_blank(**c)).count();
    text.get(blanks..).unwrap_or_default()
}

/// What stands at an element's place in an array literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayElement<'a> {
    /// `NULL` in any case, without quotes.
    Null,
    /// The element's text.
    Verbatim(&'a [u8]),
    /// The element's text has escapes: it stands at this place of [`ArrayLiteral::resolve`].
    Escaped {
        /// Where it starts.
        start: usize,
        /// How long it is.
        length: usize,
    },
    /// An array: one more dimension.
    Nested,
}

/// A cursor over an array literal: `{a,"b c",NULL}`, `[0:1]={7,8}`, `{{1,2},{3,4}}`.
///
/// It reads what `array_out` writes, and what `array_in` reads besides: blanks around elements, escapes without quotes.
#[derive(Debug)]
pub struct ArrayLiteral<'a> {
    text: &'a [u8],
    at: usize,
    delimiter: u8,
}

impl<'a> ArrayLiteral<'a> {
    /// A cursor at the beginning.
    pub fn new(text: &'a [u8], delimiter: u8) -> ArrayLiteral<'a> {
        ArrayLiteral { text, at: 0, delimiter }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.step();
        }
    }

    /// Takes `byte` if it comes next.
    #[inline]
    fn took(&mut self, byte: u8) -> bool {
        let comes = self.peek() == Some(byte);
        if comes {
            self.step();
        }
        comes
    }

    /// Reads the bounds in front, `[0:1][1:3]=`, which say how many dimensions there are; 0 if there are none.
    ///
    /// # Errors
    /// Bounds that are malformed, empty, or of too many dimensions.
    pub fn bounds(&mut self, lengths: &mut [usize], lower_bounds: &mut [i32]) -> Result<usize> {
        self.skip_blanks();
        let mut dimensions = 0usize;
        let mut places = lengths.iter_mut().zip(lower_bounds);
        while self.took(b'[') {
            let (Some((length, place)), Some(lower)) = (places.next(), self.bound()) else {
                return Err(malformed_array());
            };
            // The server prints both; it reads an upper bound alone as well.
            let (lower, upper) = match self.took(b':') {
                true => (lower, self.bound().ok_or_else(malformed_array)?),
                false => (1, lower),
            };
            let count = i64::from(upper).saturating_sub(i64::from(lower)).saturating_add(1);
            *length = usize::try_from(count).ok().filter(|n| *n > 0).ok_or_else(malformed_array)?;
            *place = lower;
            if !self.took(b']') {
                return Err(malformed_array());
            }
            dimensions = dimensions.saturating_add(1);
            self.skip_blanks();
        }
        if dimensions > 0 && !self.took(b'=') {
            return Err(malformed_array());
        }
        Ok(dimensions)
    }

    fn bound(&mut self) -> Option<i32> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit() || matches!(c, b'-' | b'+')) {
            self.step();
        }
        std::str::from_utf8(self.text.get(start..self.at)?).ok()?.parse().ok()
    }

    /// Takes an opening brace; `false` if an element comes.
    ///
    /// # Errors
    /// The end of the literal.
    pub fn enter(&mut self) -> Result<bool> {
        self.skip_blanks();
        if self.peek().is_none() {
            return Err(malformed_array());
        }
        Ok(self.took(b'{'))
    }

    /// Whether an opening brace comes next.
    pub fn is_nested(&mut self) -> bool {
        self.skip_blanks();
        self.peek() == Some(b'{')
    }

    /// Goes to the next element, past the delimiter unless it is the first; past the closing brace says `false`.
    ///
    /// # Errors
    /// Anything else than delimiter or brace behind an element.
    #[inline]
    pub fn next(&mut self, first: bool) -> Result<bool> {
        self.skip_blanks();
        if self.took(b'}') {
            return Ok(false);
        }
        if first || self.took(self.delimiter) { Ok(true) } else { Err(malformed_array()) }
    }

    /// Takes the next element, up to what ends it.
    ///
    /// # Errors
    /// An element that is empty without quotes, or not ended.
    #[inline]
    pub fn element(&mut self) -> Result<ArrayElement<'a>> {
        self.skip_blanks();
        if self.took(b'"') {
            return self.quoted();
        }
        let start = self.at;
        let (mut escapes, mut end) = (0usize, start);
        loop {
            match self.peek() {
                Some(b'{') if self.at == start => return Ok(ArrayElement::Nested),
                None | Some(b'{' | b'"') => return Err(malformed_array()),
                Some(b'\\') => {
                    self.step();
                    if self.peek().is_none() {
                        return Err(malformed_array());
                    }
                    self.step();
                    escapes = escapes.saturating_add(1);
                    end = self.at;
                }
                Some(c) if c == b'}' || c == self.delimiter => break,
                Some(c) => {
                    self.step();
                    if !is_blank(c) {
                        end = self.at;
                    }
                }
            }
        }
        match self.text.get(start..end) {
            None | Some([]) => Err(malformed_array()),
            Some(text) if escapes == 0 && text.eq_ignore_ascii_case(b"null") => Ok(ArrayElement::Null),
            Some(text) => Ok(element(text, start, escapes)),
        }
    }

    /// The rest of a quoted element.
    #[inline]
    fn quoted(&mut self) -> Result<ArrayElement<'a>> {
        let start = self.at;
        let mut escapes = 0usize;
        loop {
            match self.peek() {
                None => return Err(malformed_array()),
                Some(b'"') => break,
                Some(b'\\') => {
                    self.step();
                    escapes = escapes.saturating_add(1);
                }
                Some(_) => {}
            }
            self.step();
        }
        let text = self.text.get(start..self.at).ok_or_else(malformed_array)?;
        self.step();
        Ok(element(text, start, escapes))
    }

    /// The literal with each element's escapes resolved where the element starts, so that elements stand where they
    /// stood before and only become shorter. What is between elements is of no use in it.
    pub fn resolve(&self) -> Vec<u8> {
        let mut out = self.text.to_vec();
        let (mut from, mut to) = (0usize, 0usize);
        let mut quoted = false;
        while let Some(byte) = self.text.get(from).copied() {
            from = from.saturating_add(1);
            let mut kept = byte;
            match byte {
                b'\\' => {
                    kept = self.text.get(from).copied().unwrap_or_default();
                    from = from.saturating_add(1);
                }
                b'"' => {
                    quoted = !quoted;
                    to = from;
                    continue;
                }
                b'{' | b'}' if !quoted => {
                    to = from;
                    continue;
                }
                _ if byte == self.delimiter && !quoted => {
                    to = from;
                    continue;
                }
                _ => {}
            }
            if let Some(place) = out.get_mut(to) {
                *place = kept;
            }
            to = to.saturating_add(1);
        }
        out
    }

    /// Demands that only blanks are left.
    ///
    /// # Errors
    /// Anything else.
    pub fn finish(mut self) -> Result<()> {
        self.skip_blanks();
        if self.peek().is_none() { Ok(()) } else { Err(malformed_array()) }
    }
}

fn element(text: &[u8], start: usize, escapes: usize) -> ArrayElement<'_> {
    match escapes {
        0 => ArrayElement::Verbatim(text),
        _ => ArrayElement::Escaped { start, length: text.len().saturating_sub(escapes) },
    }
}

/// `array_isspace`: the same in every locale.
#[inline]
fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

#[cold]
fn malformed_array() -> Error {
    Error::decode("an array literal is malformed")
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
        // What the server reads besides: blanks around it, quotes anywhere, an opening parenthesis.
        let record = parse_record(b" ( a , \"b\" c\"\"\\,d(e) ").unwrap();
        assert_eq!(record, [Some(b" a ".into()), Some(b" b c,d(e".into())] as [Attribute<'_>; 2]);
        assert_eq!(parse_record(b"()").unwrap(), [None]);
        for bad in ["", "(", "(a", "a)", "(\"a)", "(a)b)", "(a\\)", "(a\\", "(a)b"] {
            assert!(parse_record(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    /// The elements of a literal of any depth; braces as they come.
    fn elements(text: &str, delimiter: u8) -> Result<Vec<Option<String>>> {
        let mut literal = ArrayLiteral::new(text.as_bytes(), delimiter);
        literal.bounds(&mut [0; 6], &mut [1; 6])?;
        let mut found = Vec::new();
        if !literal.enter()? {
            return Err(malformed_array());
        }
        let mut firsts = vec![true];
        while let Some(first) = firsts.pop() {
            if !literal.next(first)? {
                continue;
            }
            firsts.push(false);
            let text = match literal.element()? {
                ArrayElement::Null => None,
                ArrayElement::Verbatim(text) => Some(text.to_vec()),
                ArrayElement::Escaped { start, length } => {
                    Some(literal.resolve()[start..start + length].to_vec())
                }
                ArrayElement::Nested => {
                    assert!(literal.enter()?);
                    firsts.push(true);
                    continue;
                }
            };
            found.push(text.map(|text| String::from_utf8(text).unwrap()));
        }
        literal.finish()?;
        Ok(found)
    }

    #[test]
    fn arrays_are_read_as_the_server_writes_them() {
        // array_out of: array['a b','null',null,'\','"','{',',','','NuLl','}',';','a''b',E'\t','NULLs',' x']
        let text = r#"{"a b","null",NULL,"\\","\"","{",",","","NuLl","}",;,a'b,"	",NULLs," x"}"#;
        let wanted: Vec<Option<String>> =
            ["a b", "null", "-", "\\", "\"", "{", ",", "", "NuLl", "}", ";", "a'b", "\t", "NULLs", " x"]
                .iter()
                .map(|t| (*t != "-").then(|| t.to_string()))
                .collect();
        assert_eq!(elements(text, b',').unwrap(), wanted);
        let mut out = b"{".to_vec();
        for (at, element) in wanted.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match element {
                Some(element) => quote_element(&mut out, element.as_bytes(), b','),
                None => out.extend_from_slice(b"NULL"),
            }
        }
        out.push(b'}');
        assert_eq!(out, text.as_bytes());
    }

    #[test]
    fn what_the_server_reads_besides_is_read_too() {
        let some = |texts: &[&str]| texts.iter().map(|t| Some(t.to_string())).collect::<Vec<_>>();
        assert_eq!(
            elements(r#"  { a , "b" , nUlL , "null", a\,b , a b , "x"  , nu\ll, c\  } "#, b',').unwrap(),
            [some(&["a", "b"]), vec![None], some(&["null", "a,b", "a b", "x", "null", "c "])].concat()
        );
        assert_eq!(elements("{(3,4),(1,2);NULL}", b';').unwrap(), [Some("(3,4),(1,2)".to_owned()), None]);
        assert_eq!(elements("[0:1] = {7,8}", b',').unwrap(), some(&["7", "8"]));
        assert_eq!(elements("{{a},{\"\\\\\"}}", b',').unwrap(), some(&["a", "\\"]));
        assert_eq!(elements("{}", b',').unwrap(), []);
    }

    #[test]
    fn what_the_server_refuses_is_refused() {
        for bad in [
            "",
            "{",
            "}",
            "{a",
            "{a,}",
            "{,}",
            "{,a}",
            "{a\"b\"c}",
            "{\"a\"b}",
            "{\"a\"\"b\"}",
            "{a}}",
            "{a}b",
            "{\"a}",
            "{a\\",
            "[1]",
            "[1:2]",
            "[a:b]={1}",
            "[2:1]={}",
            "[1:2={1,2}",
            "{a{b}}",
            "[99999999999:1]={1}",
            "{ }x",
            "a",
        ] {
            assert!(elements(bad, b',').is_err(), "{bad}");
        }
    }
}
