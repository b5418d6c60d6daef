//! The extension hstore: [`Hstore`] <-> `hstore`. Manual: "hstore".
//!
//! Binary form: the number of pairs, and for each the length of its key, the key, the length of its value, -1 for NULL, and
//! the value. Text form: `"key"=>"value", "other"=>NULL`, shorter keys first.
//!
//! The type is found by name in the search path, so that the catalog is asked once.

use super::forms::{Forms, codec, is_blank, not};
use super::name::{NamedKind, NamedType, TypeName};
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Buffer, IsNull, put_i32};
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Keys with values, of which each may be NULL: `"a"=>"1", "b"=>NULL`.
///
/// ```
/// use pg_core::types::hstore::Hstore;
/// let hstore: Hstore = "a=>1, b=>NULL".parse()?;
/// assert_eq!(hstore.0["a"].as_deref(), Some("1"));
/// assert_eq!(hstore, [("a", Some("1")), ("b", None)].into_iter().collect());
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Hstore(pub BTreeMap<String, Option<String>>);

static HSTORE: NamedType = NamedType { schema: None, name: "hstore", kind: NamedKind::Base };

codec!(Hstore = TypeName::Named(&HSTORE));

impl<K: Into<String>, V: Into<String>> FromIterator<(K, Option<V>)> for Hstore {
    fn from_iter<I: IntoIterator<Item = (K, Option<V>)>>(pairs: I) -> Hstore {
        Hstore(pairs.into_iter().map(|(key, value)| (key.into(), value.map(V::into))).collect())
    }
}

impl From<HashMap<String, Option<String>>> for Hstore {
    fn from(map: HashMap<String, Option<String>>) -> Hstore {
        Hstore(map.into_iter().collect())
    }
}

impl From<Hstore> for HashMap<String, Option<String>> {
    fn from(hstore: Hstore) -> HashMap<String, Option<String>> {
        hstore.0.into_iter().collect()
    }
}

impl Hstore {
    /// The pairs in the server's order.
    fn pairs(&self) -> Vec<(&String, &Option<String>)> {
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort_by_key(|(key, _)| key.len());
        pairs
    }
}

struct Quoted<'t>(&'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use std::fmt::Write;
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

impl Display for Hstore {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.pairs().into_iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            match value {
                Some(value) => write!(f, "{}=>{}", Quoted(key), Quoted(value))?,
                None => write!(f, "{}=>NULL", Quoted(key))?,
            }
        }
        Ok(())
    }
}

/// A cursor over the text. `None` is text that the server refuses.
struct Pairs<'t>(&'t str);

impl Pairs<'_> {
    fn peek(&self) -> Option<char> {
        self.0.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let next = chars.next();
        self.0 = chars.as_str();
        next
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches(blank);
    }

    fn took(&mut self, c: char) -> bool {
        let comes = self.peek() == Some(c);
        if comes {
            self.next();
        }
        comes
    }

    /// A key or a value, and whether it was quoted. Without quotes a key ends before `=` and a value before a comma.
    fn word(&mut self, is_key: bool) -> Option<(String, bool)> {
        let mut word = String::new();
        let quoted = self.took('"');
        if !quoted && is_key && self.peek() == Some('=') {
            return None;
        }
        loop {
            match self.peek() {
                None if quoted => return None,
                None => return Some((word, false)),
                Some('\\') => {
                    self.next();
                    word.push(self.next()?);
                }
                Some('"') if quoted => {
                    self.next();
                    return Some((word, true));
                }
                Some(c) if !quoted && (blank(c) || is_end(c, is_key) && !word.is_empty()) => {
                    return Some((word, false));
                }
                Some(c) => {
                    self.next();
                    word.push(c);
                }
            }
        }
    }

    fn pair(&mut self) -> Option<(String, Option<String>)> {
        let (key, _) = self.word(true)?;
        self.blanks();
        if !self.took('=') || !self.took('>') {
            return None;
        }
        self.blanks();
        self.peek()?;
        let (value, quoted) = self.word(false)?;
        let null = !quoted && value.eq_ignore_ascii_case("null");
        Some((key, (!null).then_some(value)))
    }
}

fn is_end(c: char, is_key: bool) -> bool {
    c == if is_key { '=' } else { ',' }
}

fn blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_blank)
}

/// A key that stands twice is an error: the server would keep one of the two.
impl FromStr for Hstore {
    type Err = Error;

    fn from_str(text: &str) -> Result<Hstore> {
        let mut text = Pairs(text);
        let mut map = BTreeMap::new();
        loop {
            text.blanks();
            if text.0.is_empty() {
                return Ok(Hstore(map));
            }
            let (key, value) = text.pair().ok_or_else(not::<Hstore>)?;
            insert(&mut map, key, value)?;
            text.blanks();
            if !text.took(',') && !text.0.is_empty() {
                return Err(not::<Hstore>());
            }
        }
    }
}

/// No server sends NUL, and none takes it.
fn insert(map: &mut BTreeMap<String, Option<String>>, key: String, value: Option<String>) -> Result<()> {
    if holds_nul(&key) || value.as_deref().is_some_and(holds_nul) {
        return Err(not::<Hstore>());
    }
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(Error::decode("an hstore has each key once")),
    }
}

fn holds_nul(text: &str) -> bool {
    memchr::memchr(0, text.as_bytes()).is_some()
}

impl Forms for Hstore {
    const WHAT: &'static str = "an hstore";

    fn check(&self) -> Result<()> {
        let nul = self.0.iter().any(|(key, value)| holds_nul(key) || value.as_deref().is_some_and(holds_nul));
        match nul {
            true => Err(Error::encode("a key or a value contains a NUL character, which hstore can't hold")),
            false => Ok(()),
        }
    }

    fn write(&self, out: &mut Buffer) -> Result<()> {
        let count = i32::try_from(self.0.len())
            .map_err(|_| Error::encode("there are more keys than an hstore holds"))?;
        put_i32(out, count);
        for (key, value) in self.pairs() {
            for text in [Some(key), value.as_ref()] {
                writer::value(out, |out| match text {
                    Some(text) => {
                        out.extend_from_slice(text.as_bytes());
                        Ok(IsNull::No)
                    }
                    None => Ok(IsNull::Yes),
                })?;
            }
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Hstore> {
        let count = usize::try_from(from.i32()?).map_err(|_| not::<Hstore>())?;
        // A pair has two lengths, so that a count is known for a lie before anything is read by it.
        if count > from.rest().len() / 8 {
            return Err(Error::decode("an hstore promises more pairs than it has bytes for"));
        }
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(not::<Hstore>().with_source(error)),
        };
        let mut map = BTreeMap::new();
        for _ in 0..count {
            let key = from.value()?.ok_or_else(not::<Hstore>)?;
            let value = from.value()?.map(text).transpose()?;
            insert(&mut map, text(key)?, value)?;
        }
        Ok(Hstore(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, encode, extension, garbage, refused};

    fn of(pairs: &[(&str, Option<&str>)]) -> Hstore {
        pairs.iter().copied().collect()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&extension("hstore"))
            .case(Hstore::default(), "00000000", "")
            .case(
                of(&[("bb", Some("1")), ("c", None)]),
                "00000002 00000001 63 ffffffff 00000002 6262 00000001 31".replace(' ', "").as_str(),
                "\"c\"=>NULL, \"bb\"=>\"1\"",
            )
            .case(
                of(&[("", Some("\"\\ "))]),
                "00000001 00000000 00000003 225c20".replace(' ', "").as_str(),
                "\"\"=>\"\\\"\\\\ \"",
            );
    }

    #[test]
    fn text_is_read_as_the_server_reads_it() {
        for (text, pairs) in [
            ("a=>1,", &[("a", Some("1"))][..]),
            (" a => null , null=>\"null\" ", &[("a", None), ("null", Some("null"))]),
            ("a=>b=c, d\\=>\\,=>\\,", &[("a", Some("b=c")), ("d=>,", Some(","))]),
        ] {
            assert_eq!(text.parse::<Hstore>().unwrap(), of(pairs), "{text}");
        }
        for text in ["a", "a=", "a= >1", "a=>", "=>1", "a=>1 b=>2", "\"a=>1", "a=>\"1", "a=>1,a=>2", "a=>\\"]
        {
            text.parse::<Hstore>().unwrap_err();
        }
    }

    #[test]
    fn counts_and_lengths_are_not_believed() {
        let hstore = extension("hstore");
        for binary in [
            "",
            "ffffffff",
            "7fffffff",
            "00000001",
            "00000001 00000001 61",
            "00000001 ffffffff 00000000",
            "00000001 7fffffff 61 00000000",
            "00000001 00000001 61 fffffffe",
            "00000001 00000001 61 00000000 00",
            "00000001 00000001 ff 00000000",
            "00000002 00000001 61 00000000 00000001 61 00000000",
        ] {
            refused::<Hstore>(&hstore, &binary.replace(' ', ""), "");
        }
        garbage::<Hstore>(&hstore);
        let error = encode(&of(&[("a\0", None)]), &hstore, Format::Text).unwrap_err();
        assert!(error.message().contains("NUL"), "{error}");
    }
}
