//! Array values, one element at a time: the reader and the writer beneath all Rust types that stand for arrays. They
//! know dimensions, bounds, element types and NULLs, and nothing of what an element means.
//!
//! Binary form (`array_send`): the number of dimensions, whether there are NULLs, the element type's OID, for each
//! dimension its length and lower bound, then each element as a value. Text form: see [`literal`](super::literal).
//! An array has at most six dimensions, is rectangular, and has no dimensions at all when it is empty.

use super::context::{Context, Settings};
use super::literal::{ArrayElement, ArrayLiteral, needs_quotes, put_quoted_element};
use super::plan::{Plan, describe};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use crate::wire::writer::{self, Buffer, IsNull, put_i32, put_u32};
use postgres_types::Type;

/// PostgreSQL's `MAXDIM`.
pub const MAX_DIMENSIONS: usize = 6;

/// Writes an array. Dimensions are entered and left; their lengths are learnt on the way to the first element.
#[derive(Debug)]
pub struct ArrayWriter<'e> {
    out: &'e mut Buffer,
    element: &'e Plan,
    settings: &'e Settings,
    format: Format,
    delimiter: u8,
    /// The server infers the type, whose delimiter may be another: in quotes no element is then taken for several.
    always_quotes: bool,
    /// Where the array begins in the output.
    start: usize,
    lengths: [usize; MAX_DIMENSIONS],
    lower_bounds: [i32; MAX_DIMENSIONS],
    /// How many lengths are known.
    dimensions: usize,
    /// How many dimensions have been entered and not left.
    depth: usize,
    any: bool,
}

impl<'e> ArrayWriter<'e> {
    /// An array by its plan, whose child 0 is its element's.
    ///
    /// # Errors
    /// A plan without a child is not an array's.
    pub fn new(out: &'e mut Buffer, plan: &'e Plan, settings: &'e Settings) -> Result<ArrayWriter<'e>> {
        let element = plan.child(0)?;
        let start = out.len();
        Ok(ArrayWriter {
            out,
            element,
            settings,
            format: plan.format,
            delimiter: element.delimiter,
            always_quotes: element.type_ == Type::UNKNOWN,
            start,
            lengths: [0; MAX_DIMENSIONS],
            lower_bounds: [1; MAX_DIMENSIONS],
            dimensions: 0,
            depth: 0,
            any: false,
        })
    }

    /// Says where each dimension is counted from, before any is entered: its lower bound and its length.
    ///
    /// # Errors
    /// Inside another array, whose bounds they can't be.
    pub fn bounds(&mut self, dimensions: impl Iterator<Item = (i32, usize)> + Clone) -> Result<()> {
        if dimensions.clone().all(|(lower, _)| lower == 1) {
            return Ok(());
        }
        if self.depth > 0 {
            return Err(Error::encode(
                "an array inside an array is a dimension of it, which has no bounds of its own",
            ));
        }
        for (place, (lower, length)) in self.lower_bounds.iter_mut().zip(dimensions) {
            *place = lower;
            if self.format == Format::Text {
                let upper = i64::from(lower)
                    .saturating_add(i64::try_from(length).unwrap_or(i64::MAX))
                    .saturating_sub(1);
                self.out.extend_from_slice(format!("[{lower}:{upper}]").as_bytes());
            }
        }
        if self.format == Format::Text {
            self.out.push(b'=');
        }
        Ok(())
    }

    /// Enters a dimension that has `length` elements or arrays.
    ///
    /// # Errors
    /// A seventh dimension, or a length other than that of the arrays beside it.
    pub fn enter(&mut self, length: usize) -> Result<()> {
        let known = self.depth < self.dimensions;
        let Some(place) = self.lengths.get_mut(self.depth) else {
            return Err(Error::encode(format!(
                "PostgreSQL's arrays have at most {MAX_DIMENSIONS} dimensions"
            )));
        };
        self.depth = self.depth.saturating_add(1);
        if !known {
            *place = length;
            self.dimensions = self.depth;
        } else if *place != length {
            return Err(ragged(length, *place));
        }
        if self.format == Format::Text {
            self.out.push(b'{');
        }
        Ok(())
    }

    /// Goes on to the element or array at `index` of the dimension.
    #[inline]
    pub fn at(&mut self, index: usize) {
        if self.format == Format::Text && index > 0 {
            self.out.push(self.delimiter);
        }
    }

    /// Leaves the dimension.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.format == Format::Text {
            self.out.push(b'}');
        }
    }

    /// Appends an element that `write` writes by the element's plan.
    ///
    /// # Errors
    /// Those of `write`.
    #[inline]
    pub fn element(
        &mut self,
        write: impl FnOnce(&mut Buffer, &Plan, &Settings) -> Result<IsNull>,
    ) -> Result<()> {
        let (plan, settings) = (self.element, self.settings);
        if !self.any || self.depth != self.dimensions {
            self.first()?;
        }
        if self.format == Format::Binary {
            let mut is_null = IsNull::No;
            writer::value(self.out, |out| {
                is_null = write(out, plan, settings)?;
                Ok(is_null)
            })?;
            if is_null == IsNull::Yes {
                self.note_null();
            }
            return Ok(());
        }
        let start = self.out.len();
        match write(self.out, plan, settings)? {
            IsNull::Yes => self.out.extend_from_slice(b"NULL"),
            IsNull::No => {
                // Most elements need no quotes and stay where they were written.
                let text = self.out.get(start..).unwrap_or_default();
                if self.always_quotes || needs_quotes(text, self.delimiter) {
                    let text = text.to_vec();
                    self.out.truncate(start);
                    put_quoted_element(self.out, &text);
                }
            }
        }
        Ok(())
    }

    /// The short way through a dimension of elements in binary: `write` is called for each of `values`. `false` if the
    /// array isn't in binary; then nothing was done.
    ///
    /// # Errors
    /// Those of `write`, with the element named.
    #[inline]
    pub fn each<T>(
        &mut self,
        values: &[T],
        mut write: impl FnMut(&T, &mut Buffer, &Plan, &Settings) -> Result<IsNull>,
    ) -> Result<bool> {
        if self.format == Format::Text {
            return Ok(false);
        }
        if !values.is_empty() && (!self.any || self.depth != self.dimensions) {
            self.first()?;
        }
        let mut nulls = false;
        for (index, value) in values.iter().enumerate() {
            let result = writer::value(self.out, |out| {
                let is_null = write(value, out, self.element, self.settings)?;
                nulls |= is_null == IsNull::Yes;
                Ok(is_null)
            });
            if let Err(error) = result {
                return Err(within_element(index, error));
            }
        }
        if nulls {
            self.note_null();
        }
        Ok(true)
    }

    /// Before the first element all lengths are known, so that the header can be written.
    #[cold]
    fn first(&mut self) -> Result<()> {
        if self.depth != self.dimensions || self.depth == 0 {
            return Err(Error::usage("an array's elements must all stand in its innermost dimension"));
        }
        self.any = true;
        if self.format == Format::Binary {
            let lengths = self.lengths;
            self.header(lengths.get(..self.dimensions).unwrap_or_default())?;
        }
        Ok(())
    }

    fn header(&mut self, lengths: &[usize]) -> Result<()> {
        let count = |n: usize| {
            i32::try_from(n)
                .map_err(|_| Error::encode(format!("{n} elements are more than PostgreSQL's arrays hold")))
        };
        put_i32(self.out, count(lengths.len())?);
        put_i32(self.out, 0);
        put_u32(self.out, self.element.type_.oid());
        for (length, lower) in lengths.iter().zip(self.lower_bounds) {
            put_i32(self.out, count(*length)?);
            put_i32(self.out, lower);
        }
        Ok(())
    }

    /// The header's second word says that there are NULLs.
    #[cold]
    fn note_null(&mut self) {
        let place = self.out.get_mut(self.start.saturating_add(4)..).and_then(<[u8]>::first_chunk_mut::<4>);
        if let Some(place) = place {
            *place = 1i32.to_be_bytes();
        }
    }

    /// Ends the array. One without elements has no dimensions, whatever was entered.
    ///
    /// # Errors
    /// None that a well-formed call meets.
    pub fn finish(mut self) -> Result<()> {
        if self.any {
            return Ok(());
        }
        self.out.truncate(self.start);
        match self.format {
            Format::Binary => self.header(&[]),
            Format::Text => {
                self.out.extend_from_slice(b"{}");
                Ok(())
            }
        }
    }
}

/// Names the element at `index` in an error, counted from 1 as in SQL.
#[cold]
pub fn within_element(index: usize, error: Error) -> Error {
    error.within(format_args!("element {}", index.saturating_add(1)))
}

#[cold]
fn ragged(found: usize, wanted: usize) -> Error {
    Error::encode(format!("the array has {found} elements, and the first one beside it has {wanted}"))
        .hint("PostgreSQL's arrays are rectangular: fill the short ones up, with NULL for example")
}

/// The short way to the elements of the most usual array: in binary, of one dimension, counted from 1, and not empty.
#[derive(Debug)]
pub struct PlainArray<'a, 'p> {
    element: &'p Plan,
    count: usize,
    values: Reader<'a>,
}

impl<'a, 'p> PlainArray<'a, 'p> {
    /// Opens such an array. `None` is any other, and one that is malformed: [`ArrayReader`] reads all, and says what is
    /// wrong.
    #[inline]
    pub fn new(bytes: &'a [u8], plan: &'p Plan) -> Option<PlainArray<'a, 'p>> {
        let element = plan.children.first()?;
        let (header, values) = bytes.split_first_chunk::<20>()?;
        // Dimensions, flags, element type, length, lower bound.
        let &[0, 0, 0, 1, 0, 0, 0, 0 | 1, t0, t1, t2, t3, n0, n1, n2, n3, 0, 0, 0, 1] = header else {
            return None;
        };
        let count = u32::from_be_bytes([n0, n1, n2, n3]) as usize;
        let fits = count > 0 && count <= values.len() / 4;
        let planned =
            plan.format == Format::Binary && u32::from_be_bytes([t0, t1, t2, t3]) == element.type_.oid();
        (fits && planned).then(|| PlainArray { element, count, values: Reader::new(values) })
    }

    /// The element's plan.
    #[inline]
    pub fn plan(&self) -> &'p Plan {
        self.element
    }

    /// How many elements there are. Bounded by the bytes that are there.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The next of so many elements; `None` is NULL.
    ///
    /// # Errors
    /// Bytes that are no element.
    #[inline(always)]
    pub fn element(&mut self) -> Result<Option<&'a [u8]>> {
        match self.values.value() {
            Ok(value) => Ok(value),
            Err(error) => Err(decode(error)),
        }
    }

    /// Demands that nothing is left over.
    ///
    /// # Errors
    /// A decode error if something is.
    #[inline]
    pub fn finish(self) -> Result<()> {
        if self.values.rest().is_empty() { Ok(()) } else { Err(left_over()) }
    }
}

#[cold]
fn left_over() -> Error {
    malformed("bytes are left over")
}

/// Reads an array. Dimensions are entered and read to their ends.
#[derive(Debug)]
pub struct ArrayReader<'a, 'p> {
    element: &'p Plan,
    context: &'a Context,
    form: Form<'a>,
    /// Of a literal: those met so far.
    dimensions: usize,
    depth: usize,
    lengths: [usize; MAX_DIMENSIONS],
    lower_bounds: [i32; MAX_DIMENSIONS],
}

#[derive(Debug)]
enum Form<'a> {
    Binary(Reader<'a>),
    Text {
        literal: ArrayLiteral<'a>,
        /// The literal with its elements' escapes resolved in place, once one with an escape was met.
        resolved: Option<&'a [u8]>,
    },
}

/// A dimension that is being read.
#[derive(Debug)]
pub struct Dimension {
    read: usize,
    length: usize,
}

impl Dimension {
    /// How many elements it has; 0 if only reading on will tell. Bounded by the bytes that are there.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.length
    }

    /// Names the element that was just read in its error, counted from 1 as in SQL.
    #[cold]
    pub fn explain(&self, error: Error) -> Error {
        error.within(format_args!("element {}", self.read))
    }
}

impl<'a, 'p> ArrayReader<'a, 'p> {
    /// Opens an array value by its plan, whose child 0 is its element's.
    ///
    /// # Errors
    /// A header that is no array's, that promises more elements than there are bytes, or that names another element
    /// type than the planned one, is a decode error.
    pub fn new(bytes: &'a [u8], plan: &'p Plan, context: &'a Context) -> Result<ArrayReader<'a, 'p>> {
        let element = plan.child(0)?;
        let mut array = ArrayReader {
            element,
            context,
            form: Form::Binary(Reader::new(bytes)),
            dimensions: 0,
            depth: 0,
            lengths: [0; MAX_DIMENSIONS],
            lower_bounds: [1; MAX_DIMENSIONS],
        };
        array.form = match plan.format {
            Format::Binary => Form::Binary(array.header(Reader::new(bytes)).map_err(decode)?),
            Format::Text => {
                let mut literal = ArrayLiteral::new(bytes, element.delimiter);
                array.dimensions = literal.bounds(&mut array.lengths, &mut array.lower_bounds)?;
                Form::Text { literal, resolved: None }
            }
        };
        Ok(array)
    }

    #[inline]
    fn header(&mut self, mut reader: Reader<'a>) -> Result<Reader<'a>> {
        let dimensions = match usize::try_from(reader.i32()?) {
            Ok(dimensions) if dimensions <= MAX_DIMENSIONS => dimensions,
            _ => return Err(malformed("its number of dimensions is not from 0 to 6")),
        };
        if !matches!(reader.i32()?, 0 | 1) {
            return Err(malformed("its flags are neither 0 nor 1"));
        }
        let (found, planned) = (reader.u32()?, &self.element.type_);
        if found != planned.oid() && planned.oid() != 0 && *planned != Type::UNKNOWN {
            return Err(other_element(found, planned));
        }
        let mut total = 1usize;
        for (length, lower) in self.lengths.iter_mut().zip(&mut self.lower_bounds).take(dimensions) {
            *length =
                usize::try_from(reader.i32()?).map_err(|_| malformed("a dimension has a negative length"))?;
            *lower = reader.i32()?;
            total = total.saturating_mul(*length);
        }
        if total == 0 && dimensions > 0 {
            // An array with a dimension of length 0 has no elements, and so counts as one of no dimensions.
            self.lower_bounds = [1; MAX_DIMENSIONS];
            self.lengths = [0; MAX_DIMENSIONS];
            return Ok(reader);
        }
        // Each element has a length of four bytes at least, so this bounds what is allocated.
        if dimensions > 0 && total > reader.rest().len() / 4 {
            return Err(malformed("it promises more elements than it has bytes for"));
        }
        self.dimensions = dimensions;
        Ok(reader)
    }

    /// The element's plan.
    #[inline]
    pub fn plan(&self) -> &'p Plan {
        self.element
    }

    /// The context of the value.
    #[inline]
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// Demands that each dimension is counted from 1, as by default: for types that would lose the bounds.
    ///
    /// # Errors
    /// A decode error that names the cure.
    #[inline]
    pub fn from_one(&self) -> Result<()> {
        if self.lower_bounds == [1; MAX_DIMENSIONS] { Ok(()) } else { Err(self.other_bounds()) }
    }

    #[cold]
    fn other_bounds(&self) -> Error {
        let lower = self.lower_bounds.iter().find(|lower| **lower != 1).copied().unwrap_or(1);
        Error::decode(format!("the array is counted from {lower}, which the Rust type can't tell"))
            .hint("`column[:]` in the query counts it from 1")
    }

    /// Whether an array comes next, and so one more dimension.
    pub fn is_nested(&mut self) -> bool {
        match &mut self.form {
            Form::Binary(_) => self.depth < self.dimensions,
            Form::Text { literal, .. } => literal.is_nested(),
        }
    }

    /// How many dimensions have been entered and not left.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Once it is read: the lower bound and the length of each dimension from the given one on. An array without elements
    /// has none.
    pub fn dimensions(&self, from: usize) -> impl Iterator<Item = (i32, usize)> {
        let all = self.lower_bounds.iter().copied().zip(self.lengths.iter().copied());
        all.skip(from).take_while(|(_, length)| *length > 0)
    }

    /// Enters the next dimension.
    ///
    /// # Errors
    /// An array of fewer dimensions.
    #[inline]
    pub fn enter(&mut self) -> Result<Dimension> {
        let length = match &mut self.form {
            Form::Binary(_) if self.depth < self.dimensions => {
                self.lengths.get(self.depth).copied().unwrap_or_default()
            }
            Form::Binary(_) if self.depth == 0 => 0,
            Form::Binary(_) => return Err(fewer_dimensions()),
            Form::Text { .. } if self.depth >= MAX_DIMENSIONS => return Err(fewer_dimensions()),
            Form::Text { .. } if self.dimensions > 0 && self.depth >= self.dimensions => {
                return Err(not_rectangular());
            }
            Form::Text { literal, .. } => {
                if !literal.enter()? {
                    return Err(fewer_dimensions());
                }
                0
            }
        };
        self.depth = self.depth.saturating_add(1);
        Ok(Dimension { read: 0, length })
    }

    /// Goes on to the next element or array of the dimension; at its end leaves it and says `false`.
    ///
    /// # Errors
    /// A literal that goes on with neither.
    #[inline]
    pub fn next(&mut self, dimension: &mut Dimension) -> Result<bool> {
        let more = match &mut self.form {
            Form::Binary(_) => dimension.read < dimension.length,
            Form::Text { literal, .. } => literal.next(dimension.read == 0)?,
        };
        if more {
            dimension.read = dimension.read.saturating_add(1);
        } else {
            self.depth = self.depth.saturating_sub(1);
            if matches!(self.form, Form::Text { .. }) {
                self.check_length(dimension.read)?;
            }
        }
        Ok(more)
    }

    /// A literal's dimension has the length that its bounds, or the array beside it, told.
    fn check_length(&mut self, length: usize) -> Result<()> {
        let Some(place) = self.lengths.get_mut(self.depth) else {
            return Err(malformed("it has more than 6 dimensions"));
        };
        match *place {
            // Lengths that are told are never 0, so 0 is one that isn't known yet. Only a whole array is empty.
            0 if length > 0 || self.depth == 0 => *place = length,
            told if told == length && length > 0 => {}
            _ => return Err(not_rectangular()),
        }
        Ok(())
    }

    /// The next element's bytes; `None` is NULL.
    ///
    /// # Errors
    /// An array of more dimensions, and bytes that are no element.
    #[inline]
    pub fn element(&mut self) -> Result<Option<&'a [u8]>> {
        match &mut self.form {
            Form::Binary(reader) if self.depth == self.dimensions => match reader.value() {
                Ok(value) => Ok(value),
                Err(error) => Err(decode(error)),
            },
            Form::Binary(_) => Err(more_dimensions()),
            Form::Text { .. } if self.dimensions > 0 && self.depth != self.dimensions => {
                Err(not_rectangular())
            }
            Form::Text { literal, resolved } => match literal.element()? {
                ArrayElement::Null => Ok(None),
                ArrayElement::Verbatim(text) => Ok(Some(text)),
                ArrayElement::Escaped { start, length } => {
                    let all = match *resolved {
                        Some(all) => all,
                        None => resolved.insert(self.context.scratch.keep(literal.resolve())),
                    };
                    let text = all.get(start..).and_then(|text| text.get(..length));
                    text.map(Some).ok_or_else(|| malformed("an escape is not ended"))
                }
                ArrayElement::Nested => Err(more_dimensions()),
            },
        }
    }

    /// Demands that nothing is left over.
    ///
    /// # Errors
    /// A decode error if something is.
    #[inline]
    pub fn finish(self) -> Result<()> {
        match self.form {
            Form::Binary(reader) if reader.rest().is_empty() => Ok(()),
            Form::Binary(_) => Err(left_over()),
            Form::Text { literal, .. } => literal.finish(),
        }
    }
}

#[cold]
fn malformed(why: &str) -> Error {
    Error::decode(format!("an array is malformed: {why}"))
}

#[cold]
fn not_rectangular() -> Error {
    malformed("it is not rectangular, or not what its bounds say")
}

/// What is wrong inside a value is no fault of the protocol's.
#[cold]
fn decode(error: Error) -> Error {
    error.with_kind(ErrorKind::Decode)
}

#[cold]
fn other_element(found: u32, planned: &Type) -> Error {
    Error::decode(format!("the array's elements have the type with OID {found}, not {}", describe(planned)))
        .type_altered()
}

#[cold]
fn more_dimensions() -> Error {
    Error::decode("the array has more dimensions than the Rust type")
        .hint("nest it: `Vec<Vec<T>>` has two dimensions")
}

#[cold]
fn fewer_dimensions() -> Error {
    Error::decode("the array has fewer dimensions than the Rust type").hint("`Vec<T>` has one dimension")
}
