//! [`TsQuery`] <-> `tsquery`.
//!
//! Binary form: the number of items, and each of them, an operator before its right and then its left operand. Text
//! form: `'fat' & !( 'cat':*A | 'dog' )`, with brackets where the operators' precedence asks for them. It is written as
//! text: the server takes no empty one in binary ("malformed tsquery").
//!
//! A query is kept as the list of its items, operands before their operator, which is the binary form backwards. So
//! nothing here calls itself, and no query is too deep.

use super::super::forms::{Forms, codec, not};
use super::super::name::TypeName;
use super::token::{Quoted, Tokens, refused};
use super::weight::Weights;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i16, put_i32};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A query for text search: lexemes with `&`, `|`, `!` and `<->` between them. `'fat' & 'rat':*`.
///
/// The empty query, which finds nothing, is the default.
///
/// ```
/// use pg_core::types::text_search::{Node, TsQuery, Weight};
/// let query = TsQuery::lexeme("fat")?.and(TsQuery::lexeme("cat")?.prefix().weights([Weight::A]).or(TsQuery::lexeme("rat")?));
/// assert_eq!(query.to_string(), "'fat' & ( 'cat':*A | 'rat' )");
/// assert_eq!(query, "fat & (cat:*A | rat)".parse()?);
/// assert!(matches!(query.root().map(|root| root.node()), Some(Node::And(..))));
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TsQuery {
    /// Operands before their operator, the left one first.
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Item {
    kind: Kind,
    /// How many items it and its operands are.
    size: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Operand(Operand),
    Operator(Operator),
}

/// A lexeme that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operand {
    /// The lexeme.
    lexeme: String,
    weights: Weights,
    prefix: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Not,
    And,
    Or,
    Phrase(u16),
}

/// A query or a part of one, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Part<'q> {
    items: &'q [Item],
}

/// What a part of a query is.
#[derive(Debug, Clone, Copy)]
pub enum Node<'q> {
    /// A lexeme.
    Operand(&'q Operand),
    /// `!`: what is inside isn't there.
    Not(Part<'q>),
    /// `&`: both are there.
    And(Part<'q>, Part<'q>),
    /// `|`: one of them is there.
    Or(Part<'q>, Part<'q>),
    /// `<N>`: the second follows the first at this distance; `<->` is 1.
    Phrase(Part<'q>, Part<'q>, u16),
}

codec!(text_in TsQuery = TypeName::Oid(3615));

/// The greatest distance in a phrase (`MAXENTRYPOS`).
const FARTHEST: u16 = 16_384;

impl Operand {
    /// The lexeme.
    pub fn lexeme(&self) -> &str {
        &self.lexeme
    }

    /// The weights that it is looked for in.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// Whether lexemes that begin with it are meant too.
    pub fn is_prefix(&self) -> bool {
        self.prefix
    }
}

impl Operator {
    /// How tightly it binds.
    fn priority(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Phrase(_) => 3,
            Operator::Not => 4,
        }
    }

    fn is_phrase(self) -> bool {
        matches!(self, Operator::Phrase(_))
    }
}

impl<'q> Part<'q> {
    /// What it is.
    pub fn node(self) -> Node<'q> {
        let Some((item, operands)) = self.items.split_last() else {
            return Node::Operand(const { &NOTHING });
        };
        let right = operands.last().map_or(0, |item| item.size);
        let (left, right) =
            operands.split_at_checked(operands.len().saturating_sub(right)).unwrap_or_default();
        let (left, right) = (Part { items: left }, Part { items: right });
        match &item.kind {
            Kind::Operand(operand) => Node::Operand(operand),
            Kind::Operator(Operator::Not) => Node::Not(right),
            Kind::Operator(Operator::And) => Node::And(left, right),
            Kind::Operator(Operator::Or) => Node::Or(left, right),
            Kind::Operator(Operator::Phrase(distance)) => Node::Phrase(left, right, *distance),
        }
    }
}

/// No part is without items; the type can't say so.
const NOTHING: Operand = Operand { lexeme: String::new(), weights: Weights(0), prefix: false };

impl TsQuery {
    /// A query for a lexeme.
    ///
    /// # Errors
    /// A lexeme that is empty, longer than 2046 bytes or contains NUL.
    pub fn lexeme(lexeme: impl Into<String>) -> Result<TsQuery> {
        let lexeme = lexeme.into();
        if let Some(why) = refused(&lexeme) {
            return Err(Error::encode(why));
        }
        let operand = Operand { lexeme, weights: Weights::default(), prefix: false };
        Ok(TsQuery { items: vec![Item { kind: Kind::Operand(operand), size: 1 }] })
    }

    /// Looks for all its lexemes in these weights only.
    #[must_use]
    pub fn weights(mut self, weights: impl IntoIterator<Item = super::weight::Weight>) -> TsQuery {
        let weights = weights.into_iter().collect();
        self.operands().for_each(|operand| operand.weights = weights);
        self
    }

    /// Looks for lexemes that begin with its lexemes too.
    #[must_use]
    pub fn prefix(mut self) -> TsQuery {
        self.operands().for_each(|operand| operand.prefix = true);
        self
    }

    fn operands(&mut self) -> impl Iterator<Item = &mut Operand> {
        self.items.iter_mut().filter_map(|item| match &mut item.kind {
            Kind::Operand(operand) => Some(operand),
            Kind::Operator(_) => None,
        })
    }

    /// Both queries: `self & other`. With an empty query it is the other one, as on the server.
    #[must_use]
    pub fn and(self, other: TsQuery) -> TsQuery {
        self.join(other, Operator::And)
    }

    /// Either query: `self | other`.
    #[must_use]
    pub fn or(self, other: TsQuery) -> TsQuery {
        self.join(other, Operator::Or)
    }

    /// `other` right after this one, or so many places after it: `self <-> other`, `self <N> other`.
    ///
    /// # Errors
    /// A distance above 16,384.
    pub fn then(self, other: TsQuery, distance: u16) -> Result<TsQuery> {
        match distance <= FARTHEST {
            true => Ok(self.join(other, Operator::Phrase(distance))),
            false => {
                Err(Error::encode(format!("a distance in a tsquery is at most {FARTHEST}, not {distance}")))
            }
        }
    }

    /// The opposite: `!self`.
    #[must_use]
    pub fn negated(mut self) -> TsQuery {
        if !self.items.is_empty() {
            let size = self.items.len().saturating_add(1);
            self.items.push(Item { kind: Kind::Operator(Operator::Not), size });
        }
        self
    }

    fn join(mut self, other: TsQuery, operator: Operator) -> TsQuery {
        if self.items.is_empty() || other.items.is_empty() {
            self.items.extend(other.items);
            return self;
        }
        self.items.extend(other.items);
        let size = self.items.len().saturating_add(1);
        self.items.push(Item { kind: Kind::Operator(operator), size });
        self
    }

    /// The whole query; `None` if it is empty.
    pub fn root(&self) -> Option<Part<'_>> {
        (!self.items.is_empty()).then_some(Part { items: &self.items })
    }

    /// Whether it is empty: it finds nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A query of items whose sizes are yet to be found; `None` if operators and operands don't go together.
    fn of(kinds: impl Iterator<Item = Kind>) -> Option<TsQuery> {
        let mut sizes: Vec<usize> = Vec::new();
        let mut items = Vec::new();
        for kind in kinds {
            let operands = match kind {
                Kind::Operand(_) => 0,
                Kind::Operator(Operator::Not) => sizes.pop()?,
                Kind::Operator(_) => sizes.pop()?.saturating_add(sizes.pop()?),
            };
            let size = operands.saturating_add(1);
            sizes.push(size);
            items.push(Item { kind, size });
        }
        (sizes.len() <= 1).then_some(TsQuery { items })
    }
}

/// What is still to be printed, the next last.
enum Rest<'q> {
    /// A part below an operator of this priority, as the right operand of a phrase or not.
    Part(Part<'q>, u8, bool),
    Text(&'static str),
    Distance(u16),
}

impl Display for TsQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest: Vec<Rest<'_>> =
            self.root().map(|root| Rest::Part(root, 0, false)).into_iter().collect();
        while let Some(next) = rest.pop() {
            let (part, above, after_phrase) = match next {
                Rest::Part(part, above, after_phrase) => (part, above, after_phrase),
                Rest::Text(text) => {
                    f.write_str(text)?;
                    continue;
                }
                Rest::Distance(1) => {
                    f.write_str(" <-> ")?;
                    continue;
                }
                Rest::Distance(distance) => {
                    write!(f, " <{distance}> ")?;
                    continue;
                }
            };
            let (left, between, right, operator) = match part.node() {
                Node::Operand(operand) => {
                    operand.fmt(f)?;
                    continue;
                }
                Node::Not(inner) => (None, Rest::Text("!"), inner, Operator::Not),
                Node::And(left, right) => (Some(left), Rest::Text(" & "), right, Operator::And),
                Node::Or(left, right) => (Some(left), Rest::Text(" | "), right, Operator::Or),
                Node::Phrase(left, right, distance) => {
                    (Some(left), Rest::Distance(distance), right, Operator::Phrase(distance))
                }
            };
            let priority = operator.priority();
            // What follows in a phrase is not the same in another order.
            if priority < above || operator.is_phrase() && after_phrase {
                f.write_str("( ")?;
                rest.push(Rest::Text(" )"));
            }
            rest.push(Rest::Part(right, priority, operator.is_phrase()));
            rest.push(between);
            rest.extend(left.map(|left| Rest::Part(left, priority, false)));
        }
        Ok(())
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Quoted(&self.lexeme).fmt(f)?;
        if self.prefix || !self.weights.is_any() {
            write!(f, ":{}{}", if self.prefix { "*" } else { "" }, self.weights)?;
        }
        Ok(())
    }
}

/// What waits for its right operand, or for its closing bracket.
#[derive(Clone, Copy)]
enum Waiting {
    Operator(Operator),
    Bracket,
}

/// Reads the text with a stack of operators that wait, as the server does.
fn parse(text: &str) -> Option<TsQuery> {
    let mut text = Tokens::new(text);
    let (mut kinds, mut waiting) = (Vec::new(), Vec::new());
    if text.is_at_end() {
        return Some(TsQuery::default());
    }
    loop {
        text.blanks();
        if text.took("!") {
            waiting.push(Waiting::Operator(Operator::Not));
            continue;
        }
        if text.took("(") {
            waiting.push(Waiting::Bracket);
            continue;
        }
        kinds.push(Kind::Operand(operand(&mut text)?));
        // Behind an operand brackets are closed, and then an operator comes or nothing.
        let next = loop {
            text.blanks();
            match text.peek() {
                Some(')') => {
                    text.next();
                    while let Waiting::Operator(operator) = waiting.pop()? {
                        kinds.push(Kind::Operator(operator));
                    }
                }
                None => break None,
                Some(_) => break Some(operator(&mut text)?),
            }
        };
        // Those that bind as tightly have their operands: all but `!` are read from the left.
        while let Some(Waiting::Operator(before)) = waiting.last().copied()
            && next.is_none_or(|next| next.priority() <= before.priority())
        {
            waiting.pop();
            kinds.push(Kind::Operator(before));
        }
        match next {
            Some(next) => waiting.push(Waiting::Operator(next)),
            None if waiting.is_empty() => return TsQuery::of(kinds.into_iter()),
            None => return None,
        }
    }
}

fn operator(text: &mut Tokens<'_>) -> Option<Operator> {
    if text.took("&") {
        return Some(Operator::And);
    }
    if text.took("|") {
        return Some(Operator::Or);
    }
    if text.took("<->") {
        return Some(Operator::Phrase(1));
    }
    if !text.took("<") {
        return None;
    }
    let distance = text.number().and_then(|number| u16::try_from(number).ok());
    distance.filter(|distance| *distance <= FARTHEST && text.took(">")).map(Operator::Phrase)
}

fn operand(text: &mut Tokens<'_>) -> Option<Operand> {
    if text.peek() == Some(':') {
        return None;
    }
    let lexeme = text.lexeme(|c| matches!(c, '!' | '&' | '|' | '(' | ')' | '<'))?;
    let (mut weights, mut prefix) = (Weights::default(), false);
    if text.took(":") {
        loop {
            match text.weight() {
                Some(weight) => weights.0 |= 1 << weight.number(),
                None if text.took("*") => prefix = true,
                None => break,
            }
        }
    }
    Some(Operand { lexeme, weights, prefix })
}

impl FromStr for TsQuery {
    type Err = Error;

    fn from_str(text: &str) -> Result<TsQuery> {
        parse(text).ok_or_else(not::<TsQuery>)
    }
}

impl Forms for TsQuery {
    const WHAT: &'static str = "a tsquery";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        let count = i32::try_from(self.items.len())
            .map_err(|_| Error::encode("there are more lexemes and operators than a tsquery holds"))?;
        put_i32(out, count);
        for item in self.items.iter().rev() {
            match &item.kind {
                Kind::Operand(operand) => {
                    out.extend_from_slice(&[1, operand.weights.0, operand.prefix.into()]);
                    out.extend_from_slice(operand.lexeme.as_bytes());
                    out.push(0);
                }
                Kind::Operator(Operator::Not) => out.extend_from_slice(&[2, 1]),
                Kind::Operator(Operator::And) => out.extend_from_slice(&[2, 2]),
                Kind::Operator(Operator::Or) => out.extend_from_slice(&[2, 3]),
                Kind::Operator(Operator::Phrase(distance)) => {
                    out.extend_from_slice(&[2, 4]);
                    put_i16(out, i16::try_from(*distance).unwrap_or(i16::MAX));
                }
            }
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<TsQuery> {
        let count = usize::try_from(from.i32()?).map_err(|_| not::<TsQuery>())?;
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(match from.u8()? {
                1 => {
                    let (weights, prefix) = (from.u8()?, from.u8()?);
                    let lexeme = from.c_str()?;
                    if weights > 15 || prefix > 1 || refused(lexeme).is_some() {
                        return Err(not::<TsQuery>());
                    }
                    let (weights, prefix) = (Weights(weights), prefix == 1);
                    Kind::Operand(Operand { lexeme: lexeme.to_owned(), weights, prefix })
                }
                2 => Kind::Operator(match from.u8()? {
                    1 => Operator::Not,
                    2 => Operator::And,
                    3 => Operator::Or,
                    4 => {
                        let distance = from.u16()?;
                        if distance > FARTHEST {
                            return Err(not::<TsQuery>());
                        }
                        Operator::Phrase(distance)
                    }
                    _ => return Err(not::<TsQuery>()),
                }),
                _ => return Err(not::<TsQuery>()),
            });
        }
        TsQuery::of(kinds.into_iter().rev()).ok_or_else(not::<TsQuery>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, decode, encode, garbage, refused};
    use postgres_types::Type;

    fn query(text: &str) -> TsQuery {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::TSQUERY)
            .case(TsQuery::default(), "00000000", "")
            .case(
                query("a & b:AB* <3> !c"),
                "0000000602020204000302010100006300010c0162000100006100",
                "'a' & 'b':*AB <3> !'c'",
            )
            .case(query("'it''s'"), "0000000101000069742773 00".replace(' ', "").as_str(), "'it''s'");
    }

    #[test]
    fn brackets_stand_where_the_server_has_them() {
        for (given, printed) in [
            ("a|b&c", "'a' | 'b' & 'c'"),
            ("(a|b)&c", "( 'a' | 'b' ) & 'c'"),
            ("!a & (b|c) <-> (d <-> e)", "!'a' & ( 'b' | 'c' ) <-> ( 'd' <-> 'e' )"),
            ("!!a", "!!'a'"),
            ("!(a & b)", "!( 'a' & 'b' )"),
            ("a & (b & c)", "'a' & 'b' & 'c'"),
        ] {
            assert_eq!(query(given).to_string(), printed);
        }
        // They print alike, and are two queries.
        assert_ne!(query("a & (b & c)"), query("a & b & c"));
    }

    #[test]
    fn no_query_is_too_deep() {
        let deep = format!("{}a{}", "!(".repeat(100_000), ")".repeat(100_000));
        let query = query(&deep);
        for format in [Format::Binary, Format::Text] {
            let form = encode(&query, &Type::TSQUERY, format).unwrap();
            assert_eq!(decode::<TsQuery>(&form, &Type::TSQUERY, format).unwrap(), query);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for binary in [
            "",
            "ffffffff",
            "00000001",
            "000000020100006100",
            "000000010202",
            "000000020202 0100006100",
            "00000001010000610000",
        ] {
            refused::<TsQuery>(&Type::TSQUERY, &binary.replace(' ', ""), "a &");
        }
        for text in ["&", "a b", "(a", "a)", "()", "a <", "a <16385> b", "a <-", "!", "''", "a:x"] {
            refused::<TsQuery>(&Type::TSQUERY, "7fffffff", text);
        }
        TsQuery::lexeme("a").unwrap().then(TsQuery::lexeme("b").unwrap(), 16_385).unwrap_err();
        garbage::<TsQuery>(&Type::TSQUERY);
    }
}
