//! Arrays with all that PostgreSQL's have: [`Array<T>`] <-> `T[]`, of any number of dimensions, counted from anywhere.
//! Manual: "Arrays".
//!
//! [`lists`](super::lists) has those of std, whose number of dimensions is their type's and which are counted from 1.
//!
//! - **Dimensions.** None (an empty array) to six, each with a lower bound and a length: `[0:1][1:3]={..}` has two.
//! - **Elements** lie in row-major order, the last subscript running fastest. Those that may be NULL are `Option`s.
//! - **Ragged** input is an error that names the row, when the array is made.

use super::adapter::{Adapter, Encode, IsNull};
use super::context::Context;
use super::elements::{ArrayReader, ArrayWriter, MAX_DIMENSIONS, within_element};
use super::expects::Expects;
use super::lists::plan_elements;
use super::literal::{needs_quotes, quote_element};
use super::name::TypeName;
use super::plan::{Plan, Planner, encode_mismatch, mismatch};
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use postgres_types::Type;
use std::fmt;
use std::str::FromStr;

/// An array of any number of dimensions, with the bounds that it has in PostgreSQL.
///
/// Its `Display` is the server's text form and `FromStr` reads what the server reads, both for elements that may be NULL:
/// `Array<Option<T>>`.
///
/// ```
/// use pg_core::types::array::Array;
///
/// let board = Array::from_rows(vec![vec![1, 2, 3], vec![4, 5, 6]])?;
/// assert_eq!(board.get(&[2, 3]), Some(&6)); // as `board[2][3]` in SQL
/// assert_eq!(board.get(&[0, 3]), None); // NULL in SQL
///
/// let week = Array::with_bounds(&[(0, 7)], vec![Some("sun"), None, None, None, None, None, Some("sat")])?;
/// assert_eq!(week.get(&[6]), Some(&Some("sat")));
/// assert_eq!(week.to_string(), "[0:6]={sun,NULL,NULL,NULL,NULL,NULL,sat}");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array<T> {
    dimensions: Vec<Dimension>,
    elements: Vec<T>,
}

/// One dimension of an [`Array`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dimension {
    /// The first subscript: 1 unless something else was said.
    pub lower_bound: i32,
    /// How many subscripts there are; never 0.
    pub length: usize,
}

impl Dimension {
    /// The place of a subscript, from 0.
    fn place(self, subscript: i32) -> Option<usize> {
        let from_lower = i64::from(subscript).checked_sub(i64::from(self.lower_bound))?;
        usize::try_from(from_lower).ok().filter(|place| *place < self.length)
    }
}

impl<T> Default for Array<T> {
    /// An empty array: no dimensions.
    fn default() -> Array<T> {
        Array { dimensions: Vec::new(), elements: Vec::new() }
    }
}

impl<T> Array<T> {
    /// An array of one dimension, counted from 1; of none if there are no elements.
    pub fn new(elements: Vec<T>) -> Array<T> {
        let dimension = Dimension { lower_bound: 1, length: elements.len() };
        Array { dimensions: if elements.is_empty() { Vec::new() } else { vec![dimension] }, elements }
    }

    /// An array with a lower bound and a length for each dimension; the elements in row-major order.
    ///
    /// # Errors
    /// More than six dimensions, another number of elements than the lengths say, a length of 0 beside elements, and
    /// subscripts that are no `int4`.
    pub fn with_bounds(dimensions: &[(i32, usize)], elements: Vec<T>) -> Result<Array<T>> {
        let dimensions = dimensions
            .iter()
            .map(|(lower_bound, length)| Dimension { lower_bound: *lower_bound, length: *length });
        Array::checked(dimensions.collect(), elements)
    }

    fn checked(dimensions: Vec<Dimension>, elements: Vec<T>) -> Result<Array<T>> {
        if elements.is_empty() && dimensions.iter().any(|d| d.length == 0) {
            return Ok(Array::default());
        }
        if dimensions.len() > MAX_DIMENSIONS {
            return Err(Error::encode(format!(
                "PostgreSQL's arrays have at most {MAX_DIMENSIONS} dimensions"
            )));
        }
        let told = match dimensions.is_empty() {
            true => 0,
            false => dimensions.iter().fold(1usize, |product, d| product.saturating_mul(d.length)),
        };
        if told != elements.len() {
            return Err(Error::encode(format!(
                "the array has {} elements, and its dimensions say {told}",
                elements.len()
            )));
        }
        for dimension in &dimensions {
            // The server wants the subscript behind the last one to be one too.
            if i32::try_from(dimension.length)
                .ok()
                .and_then(|l| dimension.lower_bound.checked_add(l))
                .is_none()
            {
                return Err(Error::encode(format!(
                    "the subscripts from {} on are too large",
                    dimension.lower_bound
                )));
            }
        }
        Ok(Array { dimensions, elements })
    }

    /// An array of two dimensions from its rows, counted from 1.
    ///
    /// # Errors
    /// Rows of different lengths: the error names the first that has another.
    pub fn from_rows(rows: Vec<Vec<T>>) -> Result<Array<T>> {
        Array::stack(rows.into_iter().map(Array::new).collect())
    }

    /// An array of one more dimension, counted from 1, from those that stand in it.
    ///
    /// # Errors
    /// Arrays of different dimensions: the error names the first that has others. A seventh dimension.
    pub fn stack(arrays: Vec<Array<T>>) -> Result<Array<T>> {
        let (mut first, count) = (None, arrays.len());
        let mut elements = Vec::new();
        for (index, array) in arrays.into_iter().enumerate() {
            let first = first.get_or_insert_with(|| array.dimensions.clone());
            if *first != array.dimensions {
                let error = Error::encode(format!(
                    "the array has the dimensions {}, and the first one beside it has {}",
                    bounds(&array.dimensions),
                    bounds(first)
                ));
                return Err(within_element(
                    index,
                    error.hint(
                        "PostgreSQL's arrays are rectangular: fill the short ones up, with NULL for example",
                    ),
                ));
            }
            elements.extend(array.elements);
        }
        if elements.is_empty() {
            return Ok(Array::default());
        }
        let mut dimensions = vec![Dimension { lower_bound: 1, length: count }];
        dimensions.extend(first.unwrap_or_default());
        Array::checked(dimensions, elements)
    }

    /// The dimensions, the outermost first; none of an empty array.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The elements in row-major order.
    pub fn elements(&self) -> &[T] {
        &self.elements
    }

    /// The elements in row-major order, taken out.
    pub fn into_elements(self) -> Vec<T> {
        self.elements
    }

    /// How many elements there are in all dimensions: SQL's `cardinality`.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The element with these subscripts, one for each dimension, as SQL has them: `array[2][3]` is `get(&[2, 3])`.
    /// `None` where SQL says NULL: outside of the bounds, or with another number of subscripts.
    pub fn get(&self, subscripts: &[i32]) -> Option<&T> {
        self.elements.get(self.place(subscripts)?)
    }

    /// As [`Array::get`], to be changed.
    pub fn get_mut(&mut self, subscripts: &[i32]) -> Option<&mut T> {
        let place = self.place(subscripts)?;
        self.elements.get_mut(place)
    }

    fn place(&self, subscripts: &[i32]) -> Option<usize> {
        if subscripts.is_empty() || subscripts.len() != self.dimensions.len() {
            return None;
        }
        subscripts.iter().zip(&self.dimensions).try_fold(0usize, |place, (subscript, dimension)| {
            place.checked_mul(dimension.length)?.checked_add(dimension.place(*subscript)?)
        })
    }

    /// The same array of other elements.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Array<U> {
        Array { dimensions: self.dimensions, elements: self.elements.into_iter().map(f).collect() }
    }

    fn is_from_one(&self) -> bool {
        self.dimensions.iter().all(|dimension| dimension.lower_bound == 1)
    }
}

/// Bounds as an array literal has them in front: `[1:2][0:3]`.
fn bounds(dimensions: &[Dimension]) -> String {
    let bounds = dimensions.iter().map(|dimension| {
        let length = i64::try_from(dimension.length).unwrap_or(i64::MAX);
        let upper = i64::from(dimension.lower_bound).saturating_add(length).saturating_sub(1);
        format!("[{}:{upper}]", dimension.lower_bound)
    });
    bounds.collect()
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(elements: Vec<T>) -> Array<T> {
        Array::new(elements)
    }
}

impl<T: fmt::Display> fmt::Display for Array<Option<T>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_from_one() {
            write!(f, "{}=", bounds(&self.dimensions))?;
        }
        if self.elements.is_empty() {
            return f.write_str("{}");
        }
        display(&self.dimensions, &self.elements, f)
    }
}

fn display<T: fmt::Display>(
    dimensions: &[Dimension],
    elements: &[Option<T>],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Some((dimension, inner)) = dimensions.split_first() else {
        return match elements {
            [Some(element)] => {
                let text = element.to_string();
                match needs_quotes(text.as_bytes(), b',') {
                    false => f.write_str(&text),
                    true => {
                        let mut quoted = Vec::new();
                        quote_element(&mut quoted, text.as_bytes(), b',');
                        f.write_str(&String::from_utf8_lossy(&quoted))
                    }
                }
            }
            _ => f.write_str("NULL"),
        };
    };
    f.write_str("{")?;
    let each = elements.len().checked_div(dimension.length).unwrap_or_default().max(1);
    for (at, part) in elements.chunks(each).enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        display(inner, part, f)?;
    }
    f.write_str("}")
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Array<Option<T>> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Array<Option<T>>> {
        let mut plan =
            Plan::nested(&Type::TEXT_ARRAY, vec![Plan::leaf(&Type::TEXT, Format::Text)], Vec::new());
        plan.set_format(Format::Text);
        let context = Context::default();
        let texts: Array<Option<&str>> =
            Typecaster::decode(RawValue { bytes: text.as_bytes(), plan: &plan, context: &context })?;
        let mut elements = Vec::with_capacity(texts.len());
        for (at, text) in texts.elements.iter().enumerate() {
            let element = text.map(str::parse).transpose();
            let unreadable = |e: T::Err| Error::decode(format!("it can't be read: {e}"));
            elements.push(element.map_err(|e| within_element(at, unreadable(e)))?);
        }
        Ok(Array { dimensions: texts.dimensions, elements })
    }
}

impl<T: Adapter> Adapter for Array<T> {
    const TYPE: TypeName = TypeName::array_of(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;
    const EXPECTS: Expects = T::EXPECTS;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if matches!(T::TYPE, TypeName::Array(_)) {
            return Err(nested_in_itself().with_kind(crate::error::ErrorKind::Encode));
        }
        if *type_ == Type::UNKNOWN {
            return <[T]>::plan(type_, planner);
        }
        plan_elements(
            type_,
            false,
            planner,
            |inner| T::plan(inner, planner),
            || encode_mismatch::<Self>(&<Self as Adapter>::TYPE.to_string(), type_),
        )
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let mut array = ArrayWriter::new(to.out, to.plan, to.settings)?;
        self.encode_nested(&mut array)?;
        array.finish()?;
        Ok(IsNull::No)
    }

    fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
        array.bounds(self.dimensions.iter().map(|dimension| (dimension.lower_bound, dimension.length)))?;
        if self.elements.is_empty() {
            array.enter(0)?;
            array.leave();
            return Ok(());
        }
        write(&self.dimensions, &self.elements, array)
    }
}

#[cold]
fn nested_in_itself() -> Error {
    Error::decode("an Array has all dimensions itself, so that its elements can't be arrays")
        .hint("use Array<T> with the innermost elements as T")
}

fn write<T: Adapter>(dimensions: &[Dimension], elements: &[T], array: &mut ArrayWriter<'_>) -> Result<()> {
    let Some((dimension, inner)) = dimensions.split_first() else {
        return elements.iter().try_for_each(|element| element.encode_nested(array));
    };
    array.enter(dimension.length)?;
    let each = elements.len().checked_div(dimension.length).unwrap_or_default().max(1);
    for (index, part) in elements.chunks(each).enumerate() {
        array.at(index);
        write(inner, part, array).map_err(|e| within_element(index, e))?;
    }
    array.leave();
    Ok(())
}

impl<'a, T: Typecaster<'a>> Typecaster<'a> for Array<T> {
    const TYPE: TypeName = TypeName::array_of(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if matches!(T::TYPE, TypeName::Array(_)) {
            return Err(nested_in_itself());
        }
        <Vec<T> as Typecaster<'a>>::plan(type_, planner)
            .map_err(|_| mismatch::<Self>(&<Self as Typecaster<'a>>::TYPE.to_string(), type_))
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let mut array = ArrayReader::new(raw.bytes, raw.plan, raw.context)?;
        let value = Self::decode_nested(&mut array)?;
        array.finish()?;
        Ok(value)
    }

    fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
        let from = array.depth();
        let mut elements = Vec::new();
        read(array, &mut elements, &mut None)?;
        let dimensions =
            array.dimensions(from).map(|(lower_bound, length)| Dimension { lower_bound, length });
        Array::checked(dimensions.collect(), elements)
            .map_err(|e| e.with_kind(crate::error::ErrorKind::Decode))
    }
}

/// Reads a dimension and those in it. [`ArrayReader::enter`] allows no more than six. All elements stand as deep as the
/// first one.
fn read<'a, T: Typecaster<'a>>(
    array: &mut ArrayReader<'a, '_>,
    elements: &mut Vec<T>,
    innermost: &mut Option<usize>,
) -> Result<()> {
    let mut dimension = array.enter()?;
    while array.next(&mut dimension)? {
        let result = if array.is_nested() {
            read(array, elements, innermost)
        } else if *innermost.get_or_insert(array.depth()) != array.depth() {
            Err(Error::decode("an array is malformed: it is not rectangular"))
        } else {
            T::decode_nested(array).map(|element| elements.push(element))
        };
        result.map_err(|e| dimension.explain(e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, decode, encode, garbage, mismatched, refused};

    fn array<T>(dimensions: &[(i32, usize)], elements: Vec<T>) -> Array<T> {
        Array::with_bounds(dimensions, elements).unwrap()
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INT4_ARRAY)
            .case(Array::<i32>::default(), "000000000000000000000017", "{}")
            .case(Array::new(vec![7]), "00000001000000000000001700000001000000010000000400000007", "{7}")
            .case(
                array(&[(0, 2)], vec![Some(7), None]),
                "000000010000000100000017000000020000000000000004 00000007ffffffff".replace(' ', "").as_str(),
                "[0:1]={7,NULL}",
            )
            .case(
                array(&[(-1, 2), (3, 1)], vec![1, 2]),
                "00000002000000000000001700000002ffffffff0000000100000003 00000004000000010000000400000002"
                    .replace(' ', "")
                    .as_str(),
                "[-1:0][3:3]={{1},{2}}",
            )
            .case(
                Array::from_rows(vec![vec![1, 2], vec![3, 4]]).unwrap(),
                "0000000200000000000000170000000200000001000000020000000100000004000000010000000400000002\
                 00000004000000030000000400000004",
                "{{1,2},{3,4}}",
            );
    }

    #[test]
    fn any_number_of_dimensions_is_read() {
        for (text, dimensions) in
            [("{}", 0), ("{1}", 1), ("{{1}}", 2), ("{{{{{{1}}}}}}", 6), ("[5:5][1:1][1:1]={{{1}}}", 3)]
        {
            let array: Array<i32> = decode(text.as_bytes(), &Type::INT4_ARRAY, Format::Text).unwrap();
            assert_eq!(array.dimensions().len(), dimensions, "{text}");
            assert_eq!(array.clone().map(Some).to_string(), text);
            let binary = encode(&array, &Type::INT4_ARRAY, Format::Binary).unwrap();
            assert_eq!(decode::<Array<i32>>(&binary, &Type::INT4_ARRAY, Format::Binary).unwrap(), array);
        }
        for bad in [
            "{{{{{{{1}}}}}}}",
            "{{1},{2,3}}",
            "{{1},2}",
            "{1,{2}}",
            "[1:3]={1}",
            "[1:1][1:1]={1}",
            "[1:1]={{1}}",
            "{{1},{}}",
            "{{}",
            "1",
        ] {
            refused::<Array<i32>>(&Type::INT4_ARRAY, "00", bad);
        }
        // Inside a list it is more dimensions.
        let list = vec![Array::new(vec![1, 2]), Array::new(vec![3, 4])];
        assert_eq!(encode(&list, &Type::INT4_ARRAY, Format::Text).unwrap(), b"{{1,2},{3,4}}");
        assert_eq!(
            decode::<Vec<Array<i32>>>(b"{{1,2},{3,4}}", &Type::INT4_ARRAY, Format::Text).unwrap(),
            list
        );
        let shifted = vec![array(&[(0, 1)], vec![1])];
        assert!(
            encode(&shifted, &Type::INT4_ARRAY, Format::Text)
                .unwrap_err()
                .message()
                .contains("no bounds of its own")
        );
        garbage::<Array<Option<i32>>>(&Type::INT4_ARRAY);
        garbage::<Array<Option<String>>>(&Type::TEXT_ARRAY);
    }

    #[test]
    fn subscripts_are_postgresqls() {
        let mut board = array(&[(0, 2), (1, 3)], vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(
            (board.get(&[0, 1]), board.get(&[1, 3]), board.get(&[1, 2])),
            (Some(&1), Some(&6), Some(&5))
        );
        for outside in [&[2, 1][..], &[-1, 1], &[0, 0], &[0, 4], &[0], &[], &[0, 1, 1], &[i32::MIN, i32::MAX]]
        {
            assert_eq!(board.get(outside), None, "{outside:?}");
        }
        *board.get_mut(&[1, 1]).unwrap() = 40;
        assert_eq!(board.elements(), [1, 2, 3, 40, 5, 6]);
        assert_eq!((board.len(), board.is_empty()), (6, false));
    }

    #[test]
    fn what_is_no_array_can_not_be_made() {
        let error = Array::from_rows(vec![vec![1, 2], vec![3]]).unwrap_err();
        assert_eq!(
            error.message(),
            "element 2: the array has the dimensions [1:1], and the first one beside it has [1:2]"
        );
        assert!(Array::from_rows(vec![vec![], vec![1]]).is_err());
        assert_eq!(Array::<i32>::from_rows(vec![vec![], vec![]]).unwrap(), Array::default());
        for (dimensions, count) in
            [(&[(1, 2)][..], 3), (&[], 1), (&[(1, 0)], 1), (&[(i32::MAX, 1)], 1), (&[(1, 1); 7], 1)]
        {
            let error = Array::with_bounds(dimensions, vec![0; count]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode, "{dimensions:?}");
        }
        assert!(
            mismatched::<Array<i32>>(&Type::INT8_ARRAY).0.message().contains("Array<i32> stands for int4[]")
        );
        assert!(mismatched::<Array<Vec<i32>>>(&Type::INT4_ARRAY).0.message().contains("can't be arrays"));
    }

    #[test]
    fn its_text_is_the_servers() {
        let text = r#"[2:3][1:3]={{a,"b c",NULL},{"null","\"\\","{}"}}"#;
        let array: Array<Option<String>> = text.parse().unwrap();
        assert_eq!(array.get(&[3, 2]), Some(&Some("\"\\".to_owned())));
        assert_eq!(array.to_string(), text);
        assert_eq!(
            "{1,x}".parse::<Array<Option<i32>>>().unwrap_err().message(),
            "element 2: it can't be read: invalid digit found in string"
        );
    }
}
