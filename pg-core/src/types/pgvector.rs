//! The extension pgvector: `pgvector::Vector` <-> `vector`, `HalfVector` <-> `halfvec`, `SparseVector` <-> `sparsevec`.
//!
//! Binary forms, as the extension's `*_send` have them: of `vector` and `halfvec` the number of dimensions and a zero
//! in two bytes each, and the numbers, of four and of two bytes; of `sparsevec` the number of dimensions, that of
//! elements and a zero in four bytes each, the elements' indices from 0, and their values. Text forms: `[1,2.5]`, and
//! `{1:2.5,7:-1}/10` with indices from 1.
//!
//! The types are found by name in the search path, so that the catalog is asked once. NaN and infinities, which the
//! extension refuses, are its error to tell.

use super::adapter::{Adapter, Encode, IsNull};
use super::forms::trimmed;
use super::name::{NamedKind, NamedType, TypeName};
use super::numbers::Printed;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32};
use half::f16;
use pgvector::{HalfVector, SparseVector, Vector};

static VECTOR: NamedType = NamedType { schema: None, name: "vector", kind: NamedKind::Base };
static HALFVEC: NamedType = NamedType { schema: None, name: "halfvec", kind: NamedKind::Base };
static SPARSEVEC: NamedType = NamedType { schema: None, name: "sparsevec", kind: NamedKind::Base };

/// The two forms; `None` is no value of the type.
macro_rules! codec {
    ($rust:ty = $name:expr, $what:literal) => {
        impl Adapter for $rust {
            const TYPE: TypeName = TypeName::Named(&$name);

            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                match to.format() {
                    Format::Binary => self.write(to.out)?,
                    Format::Text => self.print(to.out),
                }
                Ok(IsNull::No)
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = TypeName::Named(&$name);

            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let value = match raw.format() {
                    Format::Binary => Self::read(raw.reader()).ok().flatten(),
                    Format::Text => Self::parse(trimmed(raw.text()?)),
                };
                value.ok_or_else(|| Error::decode(concat!("not a ", $what)))
            }
        }
    };
}

codec!(Vector = VECTOR, "vector");
codec!(HalfVector = HALFVEC, "halfvec");
codec!(SparseVector = SPARSEVEC, "sparsevec");

trait Forms: Sized {
    fn write(&self, out: &mut Buffer) -> Result<()>;
    fn read(from: Reader<'_>) -> Result<Option<Self>>;
    fn print(&self, out: &mut Buffer);
    fn parse(text: &str) -> Option<Self>;
}

fn begin(count: usize, out: &mut Buffer) -> Result<()> {
    let count = u16::try_from(count)
        .map_err(|_| Error::encode(format!("{count} are more dimensions than a vector has")))?;
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    Ok(())
}

/// The elements, `SIZE` bytes each, of which there must be exactly as many as are promised.
fn elements<const SIZE: usize, T>(
    mut from: Reader<'_>,
    element: fn([u8; SIZE]) -> T,
) -> Result<Option<Vec<T>>> {
    let (count, zero) = (from.u16()?, from.u16()?);
    let (all, rest) = from.rest().as_chunks::<SIZE>();
    let whole = zero == 0 && rest.is_empty() && all.len() == usize::from(count);
    Ok(whole.then(|| all.iter().copied().map(element).collect()))
}

fn print_list(numbers: impl Iterator<Item = f32>, out: &mut Buffer) {
    out.push(b'[');
    for (at, number) in numbers.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(Printed(number).to_string().as_bytes());
    }
    out.push(b']');
}

fn parse_list(text: &str) -> Option<Vec<f32>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.split(',').map(number).collect()
}

/// A number that is in the range of the type.
fn number(text: &str) -> Option<f32> {
    trimmed(text).parse().ok().filter(|number: &f32| number.is_finite())
}

impl Forms for Vector {
    fn write(&self, out: &mut Buffer) -> Result<()> {
        begin(self.as_slice().len(), out)?;
        self.as_slice().iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        Ok(())
    }

    fn read(from: Reader<'_>) -> Result<Option<Vector>> {
        Ok(elements(from, f32::from_be_bytes)?.map(Vector::from))
    }

    fn print(&self, out: &mut Buffer) {
        print_list(self.as_slice().iter().copied(), out);
    }

    fn parse(text: &str) -> Option<Vector> {
        parse_list(text).map(Vector::from)
    }
}

impl Forms for HalfVector {
    fn write(&self, out: &mut Buffer) -> Result<()> {
        begin(self.as_slice().len(), out)?;
        self.as_slice().iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        Ok(())
    }

    fn read(from: Reader<'_>) -> Result<Option<HalfVector>> {
        Ok(elements(from, f16::from_be_bytes)?.map(HalfVector::from))
    }

    fn print(&self, out: &mut Buffer) {
        print_list(self.as_slice().iter().map(|number| number.to_f32()), out);
    }

    fn parse(text: &str) -> Option<HalfVector> {
        let numbers: Vec<f16> = parse_list(text)?.into_iter().map(f16::from_f32).collect();
        numbers.iter().all(|number| number.is_finite()).then(|| HalfVector::from(numbers))
    }
}

/// Elements that are in order, each once, within the dimensions and not zero.
fn sparse(dimensions: i32, elements: &[(i32, f32)]) -> Option<SparseVector> {
    let ordered = elements.is_sorted_by(|(before, _), (after, _)| before < after);
    let within = elements.iter().all(|(index, value)| (0..dimensions).contains(index) && *value != 0.0);
    let pairs = elements.iter().map(|(index, value)| (index, value));
    (ordered && within && dimensions > 0).then(|| SparseVector::from_map(pairs, dimensions))
}

impl Forms for SparseVector {
    fn write(&self, out: &mut Buffer) -> Result<()> {
        let count = i32::try_from(self.indices().len())
            .map_err(|_| Error::encode("there are more elements than a sparsevec has"))?;
        [self.dimensions(), count, 0].into_iter().for_each(|word| put_i32(out, word));
        self.indices().iter().for_each(|index| put_i32(out, *index));
        self.values().iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
        Ok(())
    }

    fn read(mut from: Reader<'_>) -> Result<Option<SparseVector>> {
        let (dimensions, count, zero) = (from.i32()?, usize::try_from(from.i32()?), from.i32()?);
        let (words, rest) = from.rest().as_chunks::<4>();
        let Ok(count) = count else { return Ok(None) };
        if zero != 0 || !rest.is_empty() || Some(words.len()) != count.checked_mul(2) {
            return Ok(None);
        }
        let (indices, values) = words.split_at_checked(count).unwrap_or_default();
        let pairs = indices.iter().zip(values);
        let elements: Vec<(i32, f32)> =
            pairs.map(|(index, value)| (i32::from_be_bytes(*index), f32::from_be_bytes(*value))).collect();
        Ok(sparse(dimensions, &elements))
    }

    fn print(&self, out: &mut Buffer) {
        out.push(b'{');
        for (at, (index, value)) in self.indices().iter().zip(self.values()).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let index = index.saturating_add(1);
            out.extend_from_slice(format!("{comma}{index}:{}", Printed(*value)).as_bytes());
        }
        out.extend_from_slice(format!("}}/{}", self.dimensions()).as_bytes());
    }

    fn parse(text: &str) -> Option<SparseVector> {
        let (inner, dimensions) = text.strip_prefix('{')?.split_once("}/")?;
        let element = |text: &str| {
            let (index, value) = text.split_once(':')?;
            Some((trimmed(index).parse::<i32>().ok()?.checked_sub(1)?, number(value)?))
        };
        let elements: Vec<(i32, f32)> = match inner {
            "" => Vec::new(),
            inner => inner.split(',').map(element).collect::<Option<_>>()?,
        };
        sparse(trimmed(dimensions).parse().ok()?, &elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, extension, refused};

    #[test]
    fn both_forms_are_the_extensions() {
        Cases::of(&extension("vector")).case(
            Vector::from(vec![1.0, -2.5]),
            "000200003f800000c0200000",
            "[1,-2.5]",
        );
        Cases::of(&extension("halfvec")).case(
            HalfVector::from_f32_slice(&[1.0, 0.1]),
            "000200003c002e66",
            "[1,0.099975586]",
        );
        Cases::of(&extension("sparsevec"))
            .case(
                SparseVector::from_dense(&[0.0, 1.5, 0.0, -2.0]),
                "000000040000000200000000000000010000000 33fc00000c0000000".replace(' ', "").as_str(),
                "{2:1.5,4:-2}/4",
            )
            .case(SparseVector::from_dense(&[0.0]), "000000010000000000000000", "{}/1");
    }

    #[test]
    fn counts_are_not_believed_and_what_is_left_over_is_refused() {
        let vector = extension("vector");
        for binary in ["", "0001", "000100003f80000000", "000200003f800000", "ffff0000", "000100013f800000"] {
            refused::<Vector>(&vector, binary, "[1,x]");
            refused::<HalfVector>(&extension("halfvec"), &format!("{binary}00"), "[1e5]");
        }
        refused::<Vector>(&vector, "", "1,2");
        refused::<Vector>(&vector, "", "[1e40]");
        let sparse = extension("sparsevec");
        let one = |dimensions: &str, count: &str, index: &str, value: &str| {
            [dimensions, count, "00000000", index, value].concat()
        };
        for binary in [
            one("00000001", "7fffffff", "00000000", "3f800000"),
            one("00000001", "ffffffff", "00000000", "3f800000"),
            one("00000001", "00000001", "00000001", "3f800000"),
            one("00000001", "00000001", "ffffffff", "3f800000"),
            one("00000001", "00000001", "00000000", "00000000"),
            one("00000001", "00000001", "00000000", "3f80000000"),
        ] {
            refused::<SparseVector>(&sparse, &binary, "{2:1,1:1}/3");
        }
        for text in ["{1:1}/0", "{0:1}/1", "{1:0}/1", "{1:1}", "{1:1,}/2", "{-2147483648:1}/1"] {
            refused::<SparseVector>(&sparse, "", text);
        }
    }
}
