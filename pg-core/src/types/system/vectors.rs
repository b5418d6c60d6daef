//! [`OidVector`] <-> `oidvector`, [`Int2Vector`] <-> `int2vector`: lists in system catalogs, such as `pg_proc.proargtypes`
//! and `pg_index.indkey`.
//!
//! Binary form: that of an array of one dimension that is counted from 0, as these are. Text form: numbers with blanks
//! between. They are written as text: the server takes no empty one in binary ("invalid oidvector data").

use super::super::forms::{Forms, codec, is_blank, not};
use super::super::name::TypeName;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32, put_u32};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A list of OIDs, `oidvector`. On the server it is counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OidVector(pub Vec<u32>);

/// A list of small numbers, `int2vector`. On the server it is counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Int2Vector(pub Vec<i16>);

codec!(text_in OidVector = TypeName::Oid(30), Int2Vector = TypeName::Oid(22));

macro_rules! vector {
    ($($rust:ident($element:ty), $size:literal, $oid:literal, $what:literal;)+) => { $(
        impl Display for $rust {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                for (at, element) in self.0.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" ")?;
                    }
                    element.fmt(f)?;
                }
                Ok(())
            }
        }

        impl FromStr for $rust {
            type Err = Error;

            fn from_str(text: &str) -> Result<$rust> {
                let blank = |c: char| u8::try_from(c).is_ok_and(is_blank);
                let words = text.split(blank).filter(|word| !word.is_empty());
                words.map(str::parse).collect::<Result<_, _>>().map($rust).map_err(|_| not::<$rust>())
            }
        }

        impl Forms for $rust {
            const WHAT: &'static str = $what;

            fn write(&self, out: &mut Buffer) -> Result<()> {
                let count = i32::try_from(self.0.len())
                    .map_err(|_| Error::encode(concat!("there are more elements than fit into ", $what)))?;
                put_i32(out, 1);
                put_i32(out, 0);
                put_u32(out, $oid);
                put_i32(out, count);
                put_i32(out, 0);
                for element in &self.0 {
                    put_i32(out, $size);
                    out.extend_from_slice(&element.to_be_bytes());
                }
                Ok(())
            }

            fn read(from: &mut Reader<'_>) -> Result<$rust> {
                let head = (from.i32()?, from.i32()?, from.u32()?);
                let (count, lower) = (usize::try_from(from.i32()?), from.i32()?);
                // An element has a length in front, so this bounds what is allocated.
                let Some(count) = count.ok().filter(|count| *count == from.rest().len() / ($size + 4)) else {
                    return Err(not::<$rust>());
                };
                if head != (1, 0, $oid) || lower != 0 {
                    return Err(not::<$rust>());
                }
                let mut elements = Vec::with_capacity(count);
                for _ in 0..count {
                    if from.i32()? != $size {
                        return Err(not::<$rust>());
                    }
                    elements.push(<$element>::from_be_bytes(from.array()?));
                }
                Ok($rust(elements))
            }
        }
    )+ };
}

vector! {
    OidVector(u32), 4, 26, "an oidvector";
    Int2Vector(i16), 2, 21, "an int2vector";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::INT2_VECTOR)
            .case(
                Int2Vector(vec![1, -2]),
                "00000001000000000000001500000002000000000000000200010000 0002fffe".replace(' ', "").as_str(),
                "1 -2",
            )
            .case(Int2Vector::default(), "0000000100000000000000150000000000000000", "");
        Cases::of(&Type::OID_VECTOR)
            .case(
                OidVector(vec![u32::MAX]),
                "0000000100000000000000 1a000000010000000000000004ffffffff".replace(' ', "").as_str(),
                "4294967295",
            )
            .case(OidVector::default(), "00000001000000000000001a0000000000000000", "");
    }

    #[test]
    fn a_count_is_not_believed() {
        for count in ["00000000", "00000002", "7fffffff", "ffffffff"] {
            let binary = ["000000010000000000000015", count, "00000000", "000000020001"].concat();
            refused::<Int2Vector>(&Type::INT2_VECTOR, &binary, "1 x");
        }
        refused::<Int2Vector>(&Type::INT2_VECTOR, "", "32768");
        refused::<OidVector>(&Type::OID_VECTOR, "", "-1");
        garbage::<Int2Vector>(&Type::INT2_VECTOR);
        garbage::<OidVector>(&Type::OID_VECTOR);
    }
}
