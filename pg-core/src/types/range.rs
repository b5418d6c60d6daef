//! Ranges and multiranges: [`Range<T>`], [`Multirange<T>`] and the ranges of `std::ops` <-> `int4range`, `tstzrange`,
//! any range that was created, and their multiranges.
//! Manual: "Range Types".
//!
//! - **Type.** PostgreSQL's own range of a subtype is known by heart: `Range<i32>` is `int4range`. For any other subtype
//!   the catalog is asked, once: `Range<f64>` is the range that was created over `float8`. Where several were, that is
//!   ambiguous; a newtype says which is meant: `#[pg(name = "floatrange", range)] struct Speeds(Range<f64>)`, and a
//!   multirange's newtype holds a [`Multirange`].
//! - **Bounds.** Each is inclusive, exclusive or missing, and `empty` has none. The server brings ranges of discrete
//!   subtypes (`int4`, `int8`, `date`) into the form `[a,b)`: `(1,5]` comes back as `[2,6)`. Others stay as they were.
//! - **Ranges of std.** All are written. Those that have bounds are read from a range of just their form: `a..b` from
//!   `[a,b)`, `a..=b` from `[a,b]`, `a..` from `[a,)`, `..b` from `(,b)`, `..=b` from `(,b]`. A range of another form, and
//!   `empty`, is an error: [`Range<T>`] reads all.
//! - **NULL.** A bound is never NULL.
//! - **Multiranges.** The server puts their ranges in order and joins those that touch; what comes back has no empty one.
//!
//! Binary form (`range_send`): one byte of flags, then each bound as a value; a multirange is a count, then each range as
//! a value. Text form: see [`literal`].
//!
//! `#[derive(ToSql, FromSql)]` for a newtype with `#[pg(range)]` calls [`write_plan`] and [`read_plan`]; the newtype is
//! then written and read as its field.

use super::adapter::{Adapter, Encode, IsNull};
use super::context::{Context, Settings};
use super::literal::{self, Attribute, RangeLiteral};
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, encode_mismatch, mismatch, short_name};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Buffer};
use postgres_types::{Kind, Type};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::str::FromStr;

/// A value of any range type, with nothing lost.
///
/// Its order is PostgreSQL's: `empty` first, then by lower bound, then by upper bound. Its `Display` is the server's text
/// form, as far as that of `T` is, and `FromStr` reads what the server reads.
///
/// ```
/// use pg_core::types::range::Range;
///
/// let ages = Range::from(18..=65);
/// assert_eq!(ages.to_string(), "[18,65]");
/// assert!(ages.contains(&65) && !ages.contains(&66));
/// assert_eq!("[ 1,)".parse::<Range<String>>()?, Range::from(" 1".to_owned()..));
/// assert_eq!(Range::<i32>::Empty.to_string(), "empty");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range<T> {
    /// `empty`: no value is in it.
    Empty,
    /// From a lower to an upper bound.
    Bounds(Bound<T>, Bound<T>),
}

impl<T> Range<T> {
    /// A range from its bounds.
    pub fn new(lower: Bound<T>, upper: Bound<T>) -> Range<T> {
        Range::Bounds(lower, upper)
    }

    /// The bounds; `None` for `empty`.
    pub fn bounds(&self) -> Option<(Bound<&T>, Bound<&T>)> {
        match self {
            Range::Empty => None,
            Range::Bounds(lower, upper) => Some((lower.as_ref(), upper.as_ref())),
        }
    }

    /// Whether it is `empty`. Bounds that leave nothing between them make the server call it that, not this.
    pub fn is_empty(&self) -> bool {
        matches!(self, Range::Empty)
    }

    /// Whether `value` is in it: SQL's `range @> value`.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialOrd,
    {
        self.bounds().is_some_and(|bounds| bounds.contains(value))
    }

    /// The same range of other values.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Range<U> {
        match self {
            Range::Empty => Range::Empty,
            Range::Bounds(lower, upper) => Range::Bounds(lower.map(&mut f), upper.map(&mut f)),
        }
    }
}

impl<T: Ord> PartialOrd for Range<T> {
    fn partial_cmp(&self, other: &Range<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Range<T> {
    fn cmp(&self, other: &Range<T>) -> Ordering {
        match (self.bounds(), other.bounds()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            // A lower bound that is missing is below all others, an upper one above.
            (Some((l1, u1)), Some((l2, u2))) => {
                bound(l1, -1, 1).cmp(&bound(l2, -1, 1)).then_with(|| bound(u1, 1, -1).cmp(&bound(u2, 1, -1)))
            }
        }
    }
}

/// What a bound is ordered by: where it lies if it is missing, its value, and on which side of the value it is.
fn bound<T>(bound: Bound<&T>, missing: i8, exclusive: i8) -> (i8, Option<&T>, i8) {
    match bound {
        Bound::Unbounded => (missing, None, 0),
        Bound::Included(value) => (0, Some(value), 0),
        Bound::Excluded(value) => (0, Some(value), exclusive),
    }
}

impl<T: fmt::Display> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((lower, upper)) = self.bounds() else {
            return f.write_str("empty");
        };
        let mut text = Vec::new();
        let bound = |text: &mut Vec<u8>, value: &T| {
            literal::quote_bound(text, value.to_string().as_bytes());
            Ok(())
        };
        write_literal(&mut text, lower, upper, bound).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Range<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Range<T>> {
        of_literal(literal::parse_range(text.as_bytes())?, &mut parse_bound)
    }
}

fn parse_bound<T: FromStr<Err: fmt::Display>>(text: Cow<'_, [u8]>) -> Result<T> {
    // What stands between the bytes of UTF-8 text is UTF-8.
    let text = String::from_utf8_lossy(&text);
    text.parse().map_err(|e| Error::decode(format!("a bound of the range can't be read: {e}")))
}

/// A value of any multirange type: ranges, in the server's order when it comes from there.
///
/// ```
/// use pg_core::types::range::{Multirange, Range};
///
/// let open: Multirange<i32> = [9..12, 13..17].into_iter().map(Range::from).collect();
/// assert_eq!(open.to_string(), "{[9,12),[13,17)}");
/// assert!(open.contains(&9) && !open.contains(&12));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Multirange<T>(Vec<Range<T>>);

impl<T> Multirange<T> {
    /// A multirange of these ranges, in any order. The server joins those that touch and drops empty ones.
    pub fn new(ranges: Vec<Range<T>>) -> Multirange<T> {
        Multirange(ranges)
    }

    /// Its ranges.
    pub fn ranges(&self) -> &[Range<T>] {
        &self.0
    }

    /// Its ranges, taken out.
    pub fn into_ranges(self) -> Vec<Range<T>> {
        self.0
    }

    /// Whether `value` is in one of its ranges.
    pub fn contains(&self, value: &T) -> bool
    where
        T: PartialOrd,
    {
        self.0.iter().any(|range| range.contains(value))
    }
}

impl<T> FromIterator<Range<T>> for Multirange<T> {
    fn from_iter<I: IntoIterator<Item = Range<T>>>(ranges: I) -> Multirange<T> {
        Multirange(ranges.into_iter().collect())
    }
}

impl<T> IntoIterator for Multirange<T> {
    type Item = Range<T>;
    type IntoIter = std::vec::IntoIter<Range<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Ord> PartialOrd for Multirange<T> {
    fn partial_cmp(&self, other: &Multirange<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Multirange<T> {
    fn cmp(&self, other: &Multirange<T>) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T: fmt::Display> fmt::Display for Multirange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, range) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        f.write_str("}")
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Multirange<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Multirange<T>> {
        let ranges = literal::parse_multirange(text.as_bytes())?;
        ranges.into_iter().map(|range| of_literal(range, &mut parse_bound)).collect()
    }
}

// ---- forms ----

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_MISSING: u8 = 0x08;
const UPPER_MISSING: u8 = 0x10;

/// Appends a range in the text form; `value` appends a bound, quoted.
fn write_literal<T>(
    out: &mut Buffer,
    lower: Bound<&T>,
    upper: Bound<&T>,
    mut value: impl FnMut(&mut Buffer, &T) -> Result<()>,
) -> Result<()> {
    out.push(if matches!(lower, Bound::Included(_)) { b'[' } else { b'(' });
    if let Bound::Included(bound) | Bound::Excluded(bound) = lower {
        value(out, bound)?;
    }
    out.push(b',');
    if let Bound::Included(bound) | Bound::Excluded(bound) = upper {
        value(out, bound)?;
    }
    out.push(if matches!(upper, Bound::Included(_)) { b']' } else { b')' });
    Ok(())
}

/// Appends a range whose bounds are written by the subtype's plan. `None` is `empty`.
fn write<T: Adapter>(
    out: &mut Buffer,
    plan: &Plan,
    settings: &Settings,
    bounds: Option<(Bound<&T>, Bound<&T>)>,
) -> Result<()> {
    let Some((lower, upper)) = bounds else {
        match plan.format {
            Format::Binary => out.push(EMPTY),
            Format::Text => out.extend_from_slice(b"empty"),
        }
        return Ok(());
    };
    if plan.format == Format::Text {
        return write_literal(out, lower, upper, |out, value| {
            let mut text = Buffer::new();
            match value.encode(&mut Encode { out: &mut text, plan, settings })? {
                IsNull::Yes => return Err(null_bound()),
                IsNull::No => literal::quote_bound(out, &text),
            }
            Ok(())
        });
    }
    let flags = |bound: Bound<&T>, inclusive, missing| match bound {
        Bound::Included(_) => inclusive,
        Bound::Excluded(_) => 0,
        Bound::Unbounded => missing,
    };
    out.push(flags(lower, LOWER_INCLUSIVE, LOWER_MISSING) | flags(upper, UPPER_INCLUSIVE, UPPER_MISSING));
    for bound in [lower, upper] {
        if let Bound::Included(value) | Bound::Excluded(value) = bound {
            writer::value(out, |out| match value.encode(&mut Encode { out, plan, settings })? {
                IsNull::Yes => Err(null_bound()),
                IsNull::No => Ok(IsNull::No),
            })?;
        }
    }
    Ok(())
}

#[cold]
fn null_bound() -> Error {
    Error::encode("a bound of a range is NULL").hint("a range without a bound has Bound::Unbounded there")
}

/// What a value inside a range is read by.
#[derive(Clone, Copy)]
struct Reading<'a, 'p> {
    plan: &'p Plan,
    context: &'a Context,
}

impl<'a> Reading<'a, '_> {
    fn value<T: Typecaster<'a>>(self, bytes: &'a [u8]) -> Result<T> {
        T::decode(RawValue { bytes, plan: self.plan, context: self.context })
    }

    fn text<T: Typecaster<'a>>(self, text: Cow<'a, [u8]>) -> Result<T> {
        self.value(match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.context.scratch.keep(text),
        })
    }

    fn binary<T: Typecaster<'a>>(self, bytes: &'a [u8]) -> Result<Range<T>> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        if flags & EMPTY != 0 {
            reader.finish()?;
            return Ok(Range::Empty);
        }
        let mut bound = |inclusive: u8, missing: u8| -> Result<Bound<T>> {
            if flags & missing != 0 {
                return Ok(Bound::Unbounded);
            }
            let value = match reader.value()? {
                Some(bytes) => self.value(bytes)?,
                None => return Err(Error::decode("a range is malformed: a bound is NULL")),
            };
            Ok(if flags & inclusive != 0 { Bound::Included(value) } else { Bound::Excluded(value) })
        };
        let lower = bound(LOWER_INCLUSIVE, LOWER_MISSING)?;
        let upper = bound(UPPER_INCLUSIVE, UPPER_MISSING)?;
        reader.finish()?;
        Ok(Range::Bounds(lower, upper))
    }
}

/// A range of what stands in its literal.
fn of_literal<'t, T>(
    range: RangeLiteral<'t>,
    value: &mut impl FnMut(Cow<'t, [u8]>) -> Result<T>,
) -> Result<Range<T>> {
    let RangeLiteral::Bounds { lower, lower_inclusive, upper, upper_inclusive } = range else {
        return Ok(Range::Empty);
    };
    let mut bound = |text: Attribute<'t>, inclusive: bool| {
        Ok::<_, Error>(match text {
            None => Bound::Unbounded,
            Some(text) if inclusive => Bound::Included(value(text)?),
            Some(text) => Bound::Excluded(value(text)?),
        })
    };
    Ok(Range::Bounds(bound(lower, lower_inclusive)?, bound(upper, upper_inclusive)?))
}

/// What is wrong inside a value is no fault of the protocol's.
fn decode(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol { error.with_kind(ErrorKind::Decode) } else { error }
}

// ---- plans ----

/// The plan of a range or multirange: child 0 is its bounds'.
fn plan_bounds(
    type_: &Type,
    subtype: Option<&Type>,
    bounds: impl FnOnce(&Type) -> Result<Plan>,
    mismatch: impl Fn() -> Error,
) -> Result<Plan> {
    let Some(subtype) = subtype else {
        return Err(mismatch());
    };
    match bounds(subtype) {
        Ok(plan) => Ok(Plan::nested(type_, vec![plan], Vec::new())),
        // What is wrong inside a composite is better told by its field; any other type is told with its range.
        Err(error) if matches!(base_type(subtype).kind(), Kind::Composite(_)) => {
            Err(error.within("the bounds"))
        }
        Err(_) => Err(mismatch()),
    }
}

fn range_of(type_: &Type) -> Option<&Type> {
    match base_type(type_).kind() {
        Kind::Range(subtype) => Some(subtype),
        _ => None,
    }
}

fn multirange_of(type_: &Type) -> Option<&Type> {
    match base_type(type_).kind() {
        Kind::Multirange(subtype) => Some(subtype),
        _ => None,
    }
}

/// How a range goes as text whose type the server infers: for want of a type, unless the catalog was asked for it.
fn plan_inferred<T: Adapter>(name: TypeName, planner: &Planner<'_>) -> Result<Plan> {
    if let TypeName::Range(subtype) | TypeName::Multirange(subtype) = name
        && planner.catalog.resolve(name).is_none()
        && let Some(ranges) = planner.catalog.ranges_of(*subtype)
    {
        let names: Vec<String> =
            ranges.iter().map(|oid| planner.catalog.type_or_stand_in(*oid).name().to_owned()).collect();
        return Err(which_range(*subtype, &names));
    }
    let mut plan = Plan::nested(&Type::UNKNOWN, vec![T::plan(&Type::UNKNOWN, planner)?], Vec::new());
    plan.set_format(Format::Text);
    Ok(plan)
}

#[cold]
fn which_range(subtype: TypeName, ranges: &[String]) -> Error {
    let cure = "say which range is meant by a newtype: `#[derive(ToSql, FromSql)] #[pg(name = \"..\", range)] struct ..(Range<..>)`";
    match ranges {
        [] => Error::encode(format!("there is no range type over {subtype}"))
            .hint(format!("create one: `create type .. as range (subtype = {subtype})`")),
        several => {
            Error::encode(format!("there are several range types over {subtype}: {}", several.join(", ")))
                .hint(cure)
        }
    }
}

/// Plans how a newtype of a named range or multirange is written: as its field, whose plan is made by `field`.
///
/// # Errors
/// An encode error that names both types, if `type_` is another type; the field's, if its subtype doesn't fit.
pub fn write_plan<T: ?Sized>(
    name: TypeName,
    field: fn(&Type, &Planner<'_>) -> Result<Plan>,
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    match planner.is(name, base_type(type_)) {
        true => field(type_, planner),
        false => Err(encode_mismatch::<T>(&name.to_string(), type_)),
    }
}

/// Plans how a newtype of a named range or multirange is read, as [`write_plan`] does.
///
/// # Errors
/// A decode error that names both types, if `type_` is another type; the field's, if its subtype doesn't fit.
pub fn read_plan<T: ?Sized>(
    name: TypeName,
    field: fn(&Type, &Planner<'_>) -> Result<Plan>,
    type_: &Type,
    planner: &Planner<'_>,
) -> Result<Plan> {
    match planner.is(name, base_type(type_)) {
        true => field(type_, planner),
        false => Err(mismatch::<T>(&name.to_string(), type_)),
    }
}

// ---- adapters ----

macro_rules! written {
    ($($rust:ty, |$range:ident| $bounds:expr;)+) => { $(
        impl<T: Adapter> Adapter for $rust {
            const TYPE: TypeName = TypeName::Range(&T::TYPE);
            const TEXT_ONLY: bool = T::TEXT_ONLY;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                if *type_ == Type::UNKNOWN {
                    return plan_inferred::<T>(<Self as Adapter>::TYPE, planner);
                }
                plan_bounds(
                    type_,
                    range_of(type_),
                    |subtype| T::plan(subtype, planner),
                    || encode_mismatch::<Self>(&<Self as Adapter>::TYPE.to_string(), type_),
                )
            }

            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                let $range = self;
                write::<T>(to.out, to.plan.child(0)?, to.settings, $bounds)?;
                Ok(IsNull::No)
            }
        }
    )+ };
}

written! {
    Range<T>, |range| range.bounds();
    std::ops::Range<T>, |range| both(range);
    RangeInclusive<T>, |range| both(range);
    RangeFrom<T>, |range| both(range);
    RangeTo<T>, |range| both(range);
    RangeToInclusive<T>, |range| both(range);
}

fn both<T>(range: &impl RangeBounds<T>) -> Option<(Bound<&T>, Bound<&T>)> {
    Some((range.start_bound(), range.end_bound()))
}

/// `..` is `(,)` of whatever range stands there: the server infers which.
impl Adapter for RangeFull {
    const TYPE: TypeName = TypeName::Inferred;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        if *type_ == Type::UNKNOWN || range_of(type_).is_some() {
            return Ok(Plan::leaf(type_, Format::Text));
        }
        Err(encode_mismatch::<Self>("a range", type_))
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match to.format() {
            Format::Binary => to.bytes(&[LOWER_MISSING | UPPER_MISSING]),
            Format::Text => to.bytes(b"(,)"),
        }
    }
}

impl<T: Adapter> Adapter for Multirange<T> {
    const TYPE: TypeName = TypeName::Multirange(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if *type_ == Type::UNKNOWN {
            return plan_inferred::<T>(<Self as Adapter>::TYPE, planner);
        }
        plan_bounds(
            type_,
            multirange_of(type_),
            |subtype| T::plan(subtype, planner),
            || encode_mismatch::<Self>(&<Self as Adapter>::TYPE.to_string(), type_),
        )
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let (plan, settings) = (to.plan.child(0)?, to.settings);
        if to.format() == Format::Text {
            to.out.push(b'{');
            for (at, range) in self.0.iter().enumerate() {
                if at > 0 {
                    to.out.push(b',');
                }
                write(to.out, plan, settings, range.bounds())?;
            }
            to.out.push(b'}');
            return Ok(IsNull::No);
        }
        let count = i32::try_from(self.0.len()).map_err(|_| {
            Error::encode(format!("{} ranges are more than a multirange holds", self.0.len()))
        })?;
        writer::put_i32(to.out, count);
        for range in &self.0 {
            writer::value(to.out, |out| write(out, plan, settings, range.bounds()).map(|()| IsNull::No))?;
        }
        Ok(IsNull::No)
    }
}

// ---- typecasters ----

impl<'a, T: Typecaster<'a>> Typecaster<'a> for Range<T> {
    const TYPE: TypeName = TypeName::Range(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        plan_bounds(
            type_,
            range_of(type_),
            |subtype| T::plan(subtype, planner),
            || mismatch::<Self>(&<Self as Typecaster<'a>>::TYPE.to_string(), type_),
        )
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let reading = Reading { plan: raw.plan.child(0)?, context: raw.context };
        match raw.format() {
            Format::Binary => reading.binary(raw.bytes).map_err(decode),
            Format::Text => of_literal(literal::parse_range(raw.bytes)?, &mut |text| reading.text(text)),
        }
    }
}

impl<'a, T: Typecaster<'a>> Typecaster<'a> for Multirange<T> {
    const TYPE: TypeName = TypeName::Multirange(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        plan_bounds(
            type_,
            multirange_of(type_),
            |subtype| T::plan(subtype, planner),
            || mismatch::<Self>(&<Self as Typecaster<'a>>::TYPE.to_string(), type_),
        )
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let reading = Reading { plan: raw.plan.child(0)?, context: raw.context };
        if raw.format() == Format::Text {
            let ranges = literal::parse_multirange(raw.bytes)?;
            return ranges
                .into_iter()
                .map(|range| of_literal(range, &mut |text| reading.text(text)))
                .collect();
        }
        let mut reader = raw.reader();
        let count = reader.i32().map_err(decode)?;
        // A range has four bytes of length and one of flags at least, so a count that lies costs no memory.
        let mut ranges = match usize::try_from(count) {
            Ok(count) if count <= reader.rest().len() / 5 => Vec::with_capacity(count),
            _ => {
                return Err(Error::decode(format!(
                    "a multirange is malformed: {count} ranges don't fit into it"
                )));
            }
        };
        for _ in 0..count {
            match reader.value().map_err(decode)? {
                Some(bytes) => ranges.push(reading.binary(bytes).map_err(decode)?),
                None => return Err(Error::decode("a multirange is malformed: a range is NULL")),
            }
        }
        reader.finish().map_err(decode)?;
        Ok(Multirange(ranges))
    }
}

macro_rules! std_ranges {
    ($($rust:ident, $form:literal, $bounds:pat => $value:expr, $back:pat => $to:expr;)+) => { $(
        impl<T> From<$rust<T>> for Range<T> {
            fn from($back: $rust<T>) -> Range<T> {
                let (lower, upper) = $to;
                Range::Bounds(lower, upper)
            }
        }

        impl<T> TryFrom<Range<T>> for $rust<T> {
            type Error = Error;

            fn try_from(range: Range<T>) -> Result<Self> {
                match range {
                    $bounds => Ok($value),
                    other => Err(other_form::<Self, T>(&other, $form)),
                }
            }
        }

        impl<'a, T: Typecaster<'a>> Typecaster<'a> for $rust<T> {
            const TYPE: TypeName = TypeName::Range(&T::TYPE);
            const TEXT_ONLY: bool = T::TEXT_ONLY;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                <Range<T> as Typecaster<'a>>::plan(type_, planner)
            }

            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                <Range<T> as Typecaster<'a>>::decode(raw)?.try_into()
            }
        }
    )+ };
}

use Bound::{Excluded, Included, Unbounded};
use std::ops::Range as HalfOpen;

std_ranges! {
    HalfOpen, "[a,b)", Range::Bounds(Included(a), Excluded(b)) => a..b, HalfOpen { start, end } => (Included(start), Excluded(end));
    RangeFrom, "[a,)", Range::Bounds(Included(a), Unbounded) => a.., RangeFrom { start } => (Included(start), Unbounded);
    RangeTo, "(,b)", Range::Bounds(Unbounded, Excluded(b)) => ..b, RangeTo { end } => (Unbounded, Excluded(end));
    RangeToInclusive, "(,b]", Range::Bounds(Unbounded, Included(b)) => ..=b, RangeToInclusive { end } => (Unbounded, Included(end));
    RangeInclusive, "[a,b]", Range::Bounds(Included(a), Included(b)) => a..=b, range => {
        // One that was iterated to its end has nothing left.
        let ended = matches!(range.end_bound(), Excluded(_));
        let (start, end) = range.into_inner();
        (Included(start), if ended { Excluded(end) } else { Included(end) })
    };
}

impl<T> From<RangeFull> for Range<T> {
    fn from(_: RangeFull) -> Range<T> {
        Range::Bounds(Unbounded, Unbounded)
    }
}

#[cold]
fn other_form<R, T>(found: &Range<T>, wanted: &str) -> Error {
    let form = match found.bounds() {
        None => "empty".to_owned(),
        Some((lower, upper)) => {
            let (a, open) = match lower {
                Included(_) => ("a", '['),
                Excluded(_) => ("a", '('),
                Unbounded => ("", '('),
            };
            let (b, close) = match upper {
                Included(_) => ("b", ']'),
                Excluded(_) => ("b", ')'),
                Unbounded => ("", ')'),
            };
            format!("{open}{a},{b}{close}")
        }
    };
    let rust = short_name(std::any::type_name::<R>());
    let element = short_name(std::any::type_name::<T>());
    Error::decode(format!("the range is of the form {form}, and std::ops::{rust} is {wanted}"))
        .hint(format!("use pg_core::types::range::Range<{element}>, which reads every range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, decode, encode, garbage, mismatched, plan_of, refused};
    use crate::types::catalog::{Catalog, Entry, EntryShape};

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INT4_RANGE)
            .case(Range::from(1..5), "0200000004000000010000000400000005", "[1,5)")
            .case(Range::<i32>::Empty, "01", "empty")
            .case(Range::<i32>::from(..), "18", "(,)")
            .case(Range::from(..=5), "0c0000000400000005", "(,5]")
            .case(Range::new(Excluded(1), Unbounded), "100000000400000001", "(1,)")
            .case(1..5, "0200000004000000010000000400000005", "[1,5)")
            .case(1..=5, "0600000004000000010000000400000005", "[1,5]")
            .case(1.., "120000000400000001", "[1,)")
            .case(..5, "080000000400000005", "(,5)")
            .case(..=5, "0c0000000400000005", "(,5]");
        Cases::of(&Type::INT4_RANGE_ARRAY).case(
            vec![Some(1..2), None],
            "00000001000000010000\
             0f4000000002000000010000001102000000040000000100000004 00000002ffffffff"
                .replace(' ', "")
                .as_str(),
            "{\"[1,2)\",NULL}",
        );
        Cases::of(&Type::INT4MULTI_RANGE).case(Multirange::<i32>::new(vec![]), "00000000", "{}").case(
            Multirange::new(vec![Range::from(1..2), Range::from(5..)]),
            "0000000200000011020000000400000001000000040000000200000009120000000400000005",
            "{[1,2),[5,)}",
        );
    }

    /// A range over text, as somebody may create it.
    fn text_range() -> Type {
        Type::new("textrange".to_owned(), 16_400, Kind::Range(Type::TEXT), "public".to_owned())
    }

    #[test]
    fn bounds_are_quoted_as_the_server_quotes_them() {
        let range = |a: &str, b: &str| Range::new(Included(a.to_owned()), Included(b.to_owned()));
        Cases::of(&text_range())
            .case(
                range("a\"b", "c\\d"),
                "0600000003612262000000 03635c64".replace(' ', "").as_str(),
                r#"["a""b","c\\d"]"#,
            )
            .case(range("", "("), "06000000000000000128", r#"["","("]"#)
            .case(Range::from("a b".to_owned()..), "1200000003612062", r#"["a b",)"#);
        let read = |text: &str| decode::<Range<String>>(text.as_bytes(), &text_range(), Format::Text);
        // What the server reads beside what it writes.
        assert_eq!(read(r#" [a\,"b c"d , "x""y\""] "#).unwrap(), range("a,b cd ", " x\"y\""));
        assert_eq!(read("  EMPTY ").unwrap(), Range::Empty);
        assert_eq!(
            read("(NULL,null)").unwrap(),
            Range::new(Excluded("NULL".into()), Excluded("null".into()))
        );
        for bad in [
            "", "[", "[a", "[a,", "[a,b", "[a,b)c", "a,b)", "[a,b,c)", "[a)", "[\"a,b)", "[a,b\\", "emptyx",
            "{}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_of_another_form_is_no_range_of_std() {
        let error = decode::<RangeInclusive<i32>>(b"[1,6)", &Type::INT4_RANGE, Format::Text).unwrap_err();
        assert_eq!(
            error.message(),
            "the range is of the form [a,b), and std::ops::RangeInclusive<i32> is [a,b]"
        );
        assert_eq!(error.cure(), Some("use pg_core::types::range::Range<i32>, which reads every range"));
        for other in ["empty", "(,)", "(1,5)", "[1,)"] {
            assert!(
                decode::<HalfOpen<i32>>(other.as_bytes(), &Type::INT4_RANGE, Format::Text).is_err(),
                "{other}"
            );
        }
        let mut ended = 1..=1;
        ended.next();
        assert_eq!(encode(&ended, &Type::INT4_RANGE, Format::Text).unwrap(), b"[1,1)", "nothing is in it");
        assert_eq!(Range::from(ended).to_string(), "[1,1)");
        assert_eq!(encode(&(..), &Type::INT4_RANGE, Format::Text).unwrap(), b"(,)");
        assert_eq!(encode(&(..), &Type::UNKNOWN, Format::Text).unwrap(), b"(,)");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in [
            "",
            "02",
            "0100",
            "0200000004000000010000000400000005 00",
            "02ffffffff0000000400000005",
            "0000000004",
        ] {
            refused::<Range<i32>>(&Type::INT4_RANGE, &bad.replace(' ', ""), "[1,2");
        }
        for bad in ["", "7fffffff", "ffffffff", "0000000100000001", "00000001ffffffff", "0000000000"] {
            refused::<Multirange<i32>>(&Type::INT4MULTI_RANGE, bad, "{[1,2)");
        }
        for bad in ["", "{", "[1,2)", "{[1,2),}", "{,[1,2)}", "{[1,2)[3,4)}", "{[1,2)}x", "{1}"] {
            assert!(bad.parse::<Multirange<i32>>().is_err(), "{bad}");
        }
        assert_eq!(" { [1,2) , empty,(3,4] } ".parse::<Multirange<i32>>().unwrap().ranges().len(), 3);
        let null = encode(&Range::from(None::<i32>..), &Type::INT4_RANGE, Format::Binary).unwrap_err();
        assert_eq!(null.message(), "a bound of a range is NULL");
        garbage::<Range<i32>>(&Type::INT4_RANGE);
        garbage::<Range<String>>(&text_range());
        garbage::<Multirange<i64>>(&Type::INT8MULTI_RANGE);
    }

    #[test]
    fn another_type_is_an_error_that_names_both() {
        let (read, written) = mismatched::<Range<i32>>(&Type::INT8_RANGE);
        assert_eq!(read.message(), "the SQL type is int8range, but Range<i32> stands for int4range");
        assert_eq!(written.message(), "the SQL type is int8range, but Range<i32> is written as int4range");
        assert!(
            mismatched::<Multirange<i32>>(&Type::INT4_RANGE)
                .0
                .message()
                .contains("stands for int4multirange")
        );
        assert!(mismatched::<Range<i32>>(&Type::INT4).0.message().contains("stands for int4range"));
        assert!(mismatched::<Range<f64>>(&Type::INT4).0.message().contains("stands for a range of float8"));
    }

    #[test]
    fn the_order_is_the_servers() {
        let sorted = ["empty", "(,)", "[1,1]", "[1,2)", "[1,2]", "[1,)", "(1,2)", "[2,3)"];
        let ranges: Vec<Range<i32>> = sorted.iter().map(|text| text.parse().unwrap()).collect();
        let mut again = ranges.clone();
        again.reverse();
        again.sort();
        assert_eq!(again, ranges);
    }

    #[test]
    fn the_only_range_of_a_subtype_is_found_and_of_several_none() {
        let mut catalog = Catalog::default();
        let name = <Range<f64> as Adapter>::TYPE;
        assert_eq!(catalog.ranges_of(TypeName::Oid(701)), None, "not asked for");
        assert!(plan_of::<Range<f64>>(&Type::UNKNOWN).is_ok());
        catalog.complete_ranges([701]);
        let planned = |catalog: &Catalog| {
            <[Range<f64>] as Adapter>::plan(&Type::UNKNOWN, &Planner { catalog }).map_err(|e| e.to_string())
        };
        assert!(planned(&catalog).unwrap_err().contains("there is no range type over float8"));
        let of = |schema: &str, oid, name: &str, shape| Entry {
            oid,
            schema: schema.into(),
            name: name.into(),
            array: 0,
            delimiter: b',',
            shape,
        };
        let entry = |oid, name, shape| of("public", oid, name, shape);
        let range = |multirange| EntryShape::Range { of: 701, multirange };
        catalog.extend(
            vec![
                entry(20_001, "floatrange", range(20_002)),
                entry(20_002, "floatmultirange", EntryShape::Multirange(701)),
            ],
            vec![],
        );
        catalog.complete_ranges([701]);
        assert_eq!(catalog.resolve(name).unwrap().name(), "floatrange");
        assert_eq!(catalog.resolve(<Multirange<f64> as Adapter>::TYPE).unwrap().name(), "floatmultirange");
        // It may be another session's.
        catalog.extend(vec![of("pg_temp_3", 20_005, "passing", range(20_006))], vec![]);
        catalog.complete_ranges([701]);
        assert_eq!(catalog.resolve(name).unwrap().name(), "floatrange");
        catalog.extend(vec![entry(20_003, "otherrange", range(20_004))], vec![]);
        catalog.complete_ranges([701]);
        assert_eq!(catalog.resolve(name), None);
        let error = planned(&catalog).unwrap_err();
        assert!(
            error.contains("there are several range types over float8: floatrange, otherrange"),
            "{error}"
        );
    }
}
