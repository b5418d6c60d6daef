//! [`TsVector`] <-> `tsvector`.
//!
//! Binary form: the number of lexemes, and for each its text up to NUL, the number of its positions, and each position
//! with its weight in two bytes. Text form: `'lexeme':1A,2 'other'`.

use super::super::forms::{Forms, codec, not};
use super::super::name::TypeName;
use super::token::{Quoted, Tokens, refused};
use super::weight::Weight;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A document for text search: its lexemes, and where in it each stands. `'fat':2 'rat':3A`.
///
/// Lexemes are in the order of their bytes, and each has its positions in order, at most 255 of them, or none.
///
/// ```
/// use pg_core::types::text_search::TsVector;
/// let vector: TsVector = "a:1A,3 fat cat:2".parse()?;
/// assert_eq!(vector.to_string(), "'a':1A,3 'cat':2 'fat'");
/// assert_eq!(vector.positions("a").map(<[_]>::len), Some(2));
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsVector {
    lexemes: BTreeMap<String, Vec<Position>>,
}

/// A place in a document, from 1 to 16,383, and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    place: u16,
    weight: Weight,
}

codec!(TsVector = TypeName::Oid(3614));

/// The last place that the two bytes hold beside the weight.
const LAST_PLACE: u16 = 0x3fff;

/// The server keeps one less than this many positions of a lexeme (`MAXNUMPOS`).
const MOST_POSITIONS: usize = 255;

impl Position {
    /// A position.
    ///
    /// # Errors
    /// A place that is 0 or above 16,383. (The server takes a higher one for 16,383.)
    pub fn new(place: u16, weight: Weight) -> Result<Position> {
        match place {
            1..=LAST_PLACE => Ok(Position { place, weight }),
            _ => {
                Err(Error::encode(format!("a position in a tsvector is from 1 to {LAST_PLACE}, not {place}")))
            }
        }
    }

    /// The place.
    pub fn place(self) -> u16 {
        self.place
    }

    /// The weight.
    pub fn weight(self) -> Weight {
        self.weight
    }
}

impl TsVector {
    /// A document without lexemes.
    pub fn new() -> TsVector {
        TsVector::default()
    }

    /// Adds a lexeme with its positions; with others, if it is there already. Of two positions at one place the one of
    /// higher weight is kept.
    ///
    /// # Errors
    /// A lexeme that is empty, longer than 2046 bytes or contains NUL, and more than 255 positions of one lexeme.
    pub fn insert(
        &mut self,
        lexeme: impl Into<String>,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<()> {
        let lexeme = lexeme.into();
        if let Some(why) = refused(&lexeme) {
            return Err(Error::encode(why));
        }
        let all = self.lexemes.entry(lexeme).or_default();
        all.extend(positions);
        // Of one place the highest weight comes first, and stays.
        all.sort_by(|a, b| a.place.cmp(&b.place).then(b.weight.cmp(&a.weight)));
        all.dedup_by_key(|position| position.place);
        match all.len() <= MOST_POSITIONS {
            true => Ok(()),
            false => {
                Err(Error::encode(format!("a lexeme has at most {MOST_POSITIONS} positions in a tsvector")))
            }
        }
    }

    /// How many lexemes there are.
    pub fn len(&self) -> usize {
        self.lexemes.len()
    }

    /// Whether there is no lexeme.
    pub fn is_empty(&self) -> bool {
        self.lexemes.is_empty()
    }

    /// The lexemes in order, with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Position])> {
        self.lexemes.iter().map(|(lexeme, positions)| (lexeme.as_str(), positions.as_slice()))
    }

    /// The positions of a lexeme; `None` if it isn't there.
    pub fn positions(&self, lexeme: &str) -> Option<&[Position]> {
        self.lexemes.get(lexeme).map(Vec::as_slice)
    }
}

impl Display for Position {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.weight {
            Weight::D => self.place.fmt(f),
            weight => write!(f, "{}{}", self.place, weight.letter()),
        }
    }
}

impl Display for TsVector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, (lexeme, positions)) in self.lexemes.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            Quoted(lexeme).fmt(f)?;
            for (at, position) in positions.iter().enumerate() {
                write!(f, "{}{position}", if at == 0 { ':' } else { ',' })?;
            }
        }
        Ok(())
    }
}

/// The positions behind a lexeme: `:1A,2`.
fn positions(text: &mut Tokens<'_>) -> Option<Vec<Position>> {
    let mut positions = Vec::new();
    if !text.took(":") {
        return Some(positions);
    }
    loop {
        let place = u16::try_from(text.number()?).ok()?;
        let star = text.took("*");
        let weight = if star { Weight::A } else { text.weight().unwrap_or_default() };
        positions.push(Position::new(place, weight).ok()?);
        if !text.took(",") {
            return text.is_apart().then_some(positions);
        }
    }
}

/// Lexemes need no quotes unless they have blanks, colons, quotes or backslashes. A position above 16,383 and a 256th one,
/// which the server would change or drop, are errors here.
impl FromStr for TsVector {
    type Err = Error;

    fn from_str(text: &str) -> Result<TsVector> {
        let mut text = Tokens::new(text);
        let mut vector = TsVector::new();
        while !text.is_at_end() {
            let lexeme = text.lexeme(|_| false).ok_or_else(not::<TsVector>)?;
            let positions = positions(&mut text).ok_or_else(not::<TsVector>)?;
            vector.insert(lexeme, positions).map_err(|error| not::<TsVector>().with_source(error))?;
        }
        Ok(vector)
    }
}

impl Forms for TsVector {
    const WHAT: &'static str = "a tsvector";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        let count = i32::try_from(self.lexemes.len())
            .map_err(|_| Error::encode("there are more lexemes than a tsvector holds"))?;
        put_i32(out, count);
        for (lexeme, positions) in &self.lexemes {
            out.extend_from_slice(lexeme.as_bytes());
            out.push(0);
            let count = u16::try_from(positions.len())
                .map_err(|_| Error::encode("there are more positions than a lexeme has"))?;
            out.extend_from_slice(&count.to_be_bytes());
            for position in positions {
                let word = u16::from(position.weight.number()) << 14 | position.place;
                out.extend_from_slice(&word.to_be_bytes());
            }
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<TsVector> {
        let count = usize::try_from(from.i32()?).map_err(|_| not::<TsVector>())?;
        let mut vector = TsVector::new();
        for _ in 0..count {
            let lexeme = from.c_str()?;
            let count = from.u16()?;
            let mut positions = Vec::new();
            for _ in 0..count {
                let word = from.u16()?;
                let weight = Weight::ALL.into_iter().find(|weight| u16::from(weight.number()) == word >> 14);
                let position = Position::new(word & LAST_PLACE, weight.unwrap_or_default());
                positions.push(position.map_err(|_| not::<TsVector>())?);
            }
            if vector.lexemes.contains_key(lexeme) {
                return Err(not::<TsVector>());
            }
            vector.insert(lexeme, positions).map_err(|error| not::<TsVector>().with_source(error))?;
        }
        Ok(vector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        let vector: TsVector = "a:1A,5 b ''x y'':3B".replace("''", "'").parse().unwrap();
        Cases::of(&Type::TS_VECTOR).case(TsVector::new(), "00000000", "").case(
            vector,
            "0000000361000002c0010005620000007820790000018003",
            "'a':1A,5 'b' 'x y':3B",
        );
    }

    #[test]
    fn one_place_keeps_its_highest_weight() {
        let vector: TsVector = "a:2,1B,1A,1 a:3 a".parse().unwrap();
        assert_eq!(vector.to_string(), "'a':1A,2,3");
        let mut vector = TsVector::new();
        let place = |place| Position::new(place, Weight::D).unwrap();
        vector.insert("a", (1..=255).map(place)).unwrap();
        vector.insert("a", [place(256)]).unwrap_err();
        vector.insert("", []).unwrap_err();
        vector.insert("a\0b", []).unwrap_err();
        vector.insert("a".repeat(2047), []).unwrap_err();
        Position::new(0, Weight::A).unwrap_err();
        Position::new(16_384, Weight::A).unwrap_err();
    }

    #[test]
    fn anything_else_is_refused() {
        for binary in [
            "",
            "ffffffff",
            "00000002610000",
            "0000000161000001",
            "00000001610000010000",
            "000000016100",
            "00000001000000",
        ] {
            refused::<TsVector>(&Type::TS_VECTOR, binary, "'a");
        }
        refused::<TsVector>(&Type::TS_VECTOR, "000000026100000061000000", "a:");
        refused::<TsVector>(&Type::TS_VECTOR, "7fffffff", "a:0");
        refused::<TsVector>(&Type::TS_VECTOR, "0000000161", "''");
        garbage::<TsVector>(&Type::TS_VECTOR);
    }
}
