//! Lists of std: `Vec<T>`, `[T; N]`, `Box<[T]>`, and `[T]` to write <-> `T[]`.
//!
//! An array inside an array is one more dimension of the same SQL type, as PostgreSQL has it: `Vec<Vec<i32>>` is a
//! two-dimensional `int4[]`. Reading takes exactly as many dimensions as the Rust type has.
//!
//! - **Empty.** An empty array has no dimensions: `Vec<Vec<T>>` of any number of empty vectors is written as `{}`, and
//!   `{}` is read as an empty outer vector.
//! - **Ragged.** Inner arrays of different lengths are an error that names the element, before anything is sent.
//! - **NULL.** Elements may be NULL for `Option<T>` only. A whole inner array can't be NULL.
//! - **Bounds.** Arrays are written counted from 1. One that is counted from elsewhere is an error when read, since a
//!   `Vec` would lose that; `column[:]` in the query counts it from 1, and [`Array`](super::array::Array) keeps it.
//! - **Length.** `[T; N]` reads exactly `N` elements.
//!
//! Where the element's SQL type isn't known (`&[&str]` as a parameter of its own), the array goes as a literal, and the
//! server infers its type.

use super::adapter::{Adapter, Encode, IsNull};
use super::context::Context;
use super::elements::{ArrayReader, ArrayWriter, PlainArray, within_element};
use super::expects::Expects;
use super::name::TypeName;
use super::plan::{Plan, Planner, base_type, encode_mismatch, is_dimension, mismatch};
use super::typecaster::{RawValue, Typecaster, null_by};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use postgres_types::{Kind, Type};

/// The plan of an array: child 0 is its innermost element's, however many dimensions the Rust type has. `element`
/// plans what is inside: the element, or for one more dimension the same array type again.
pub(super) fn plan_elements(
    type_: &Type,
    dimension: bool,
    planner: &Planner<'_>,
    element: impl FnOnce(&Type) -> Result<Plan>,
    mismatch: impl Fn() -> Error,
) -> Result<Plan> {
    // An array of records calls itself a pseudo-type.
    let record = Type::RECORD;
    let inner = match base_type(type_) {
        base if *base == Type::RECORD_ARRAY => &record,
        base => match base.kind() {
            Kind::Array(inner) => inner,
            _ => return Err(mismatch()),
        },
    };
    if dimension {
        return element(type_).map_err(|_| mismatch());
    }
    match element(inner) {
        Ok(plan) => {
            let plan = Plan { delimiter: planner.catalog.delimiter(inner), ..plan };
            Ok(Plan::nested(type_, vec![plan], Vec::new()))
        }
        // What is wrong inside a composite is better told by its field, and a codec that isn't registered by its own
        // words; any other type is told with its array.
        Err(error)
            if error.kind() == ErrorKind::Usage || matches!(base_type(inner).kind(), Kind::Composite(_)) =>
        {
            Err(error.within("the elements"))
        }
        Err(_) => Err(mismatch()),
    }
}

impl<T: Adapter> Adapter for [T] {
    const TYPE: TypeName = TypeName::array_of(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;
    const EXPECTS: Expects = T::EXPECTS;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        if *type_ == Type::UNKNOWN {
            let element = T::plan(type_, planner)?;
            let known =
                if T::TYPE.is_described() { planner.catalog.array_of(element.type_.oid()) } else { None };
            return match (is_dimension(T::TYPE), known) {
                (true, _) => Ok(element),
                (false, Some(array)) => Ok(Plan::nested(&array, vec![element], Vec::new())),
                (false, None) => {
                    let mut plan = Plan::nested(type_, vec![element], Vec::new());
                    plan.set_format(Format::Text);
                    Ok(plan)
                }
            };
        }
        plan_elements(
            type_,
            is_dimension(T::TYPE),
            planner,
            |inner| T::plan(inner, planner),
            || encode_mismatch::<Self>(&Self::TYPE.to_string(), type_),
        )
    }

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let mut array = ArrayWriter::new(to.out, to.plan, to.settings)?;
        self.encode_nested(&mut array)?;
        array.finish()?;
        Ok(IsNull::No)
    }

    #[inline]
    fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
        array.enter(self.len())?;
        // An element that is no dimension is written in one way only, so the detour over its `encode_nested` is saved.
        let done = !is_dimension(T::TYPE)
            && array.each(self, |element, out, plan, settings| {
                element.encode(&mut Encode { out, plan, settings })
            })?;
        for (index, element) in self.iter().enumerate().skip(if done { self.len() } else { 0 }) {
            array.at(index);
            if let Err(error) = element.encode_nested(array) {
                return Err(within_element(index, error));
            }
        }
        array.leave();
        Ok(())
    }
}

macro_rules! written_as_slice {
    ($rust:ty $(, $n:ident)?) => {
        impl<T: Adapter $(, const $n: usize)?> Adapter for $rust {
            const TYPE: TypeName = <[T] as Adapter>::TYPE;
            const TEXT_ONLY: bool = T::TEXT_ONLY;
            const EXPECTS: Expects = T::EXPECTS;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                <[T]>::plan(type_, planner)
            }

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                <[T]>::encode(self, to)
            }

            #[inline]
            fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
                <[T]>::encode_nested(self, array)
            }
        }
    };
}

written_as_slice!(Vec<T>);
written_as_slice!([T; N], N);

impl<'a, T: Typecaster<'a>> Typecaster<'a> for Vec<T> {
    const TYPE: TypeName = TypeName::array_of(&T::TYPE);
    const TEXT_ONLY: bool = T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        let mismatch = || mismatch::<Self>(&<Self as Typecaster<'a>>::TYPE.to_string(), type_);
        if planner.catalog.knows(base_type(type_).oid()) {
            return plan_elements(
                type_,
                is_dimension(T::TYPE),
                planner,
                |inner| T::plan(inner, planner),
                mismatch,
            );
        }
        // Nothing is known of the type but its number: the element gets a stand-in that has not even that.
        let unknown = Type::new(format!("an element of {type_}"), 0, Kind::Simple, String::new());
        let inner = if is_dimension(T::TYPE) { type_ } else { &unknown };
        let element = T::plan(inner, planner).map_err(|_| mismatch())?;
        Ok(if is_dimension(T::TYPE) { element } else { Plan::nested(type_, vec![element], Vec::new()) })
    }

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        // An element that is no dimension is read in one way only, so the detour over its `decode_nested` is saved.
        if !is_dimension(T::TYPE)
            && let Some(array) = PlainArray::new(raw.bytes, raw.plan)
        {
            return decode_plain(array, raw.context);
        }
        let mut array = ArrayReader::new(raw.bytes, raw.plan, raw.context)?;
        array.from_one()?;
        let elements = Self::decode_nested(&mut array)?;
        array.finish()?;
        Ok(elements)
    }

    #[inline]
    fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
        let mut dimension = array.enter()?;
        let mut elements = Vec::with_capacity(dimension.capacity());
        while array.next(&mut dimension)? {
            match T::decode_nested(array) {
                Ok(element) => elements.push(element),
                Err(error) => return Err(dimension.explain(error)),
            }
        }
        Ok(elements)
    }
}

/// Reads the elements of an array of one dimension.
#[inline]
fn decode_plain<'a, T: Typecaster<'a>>(
    mut array: PlainArray<'a, '_>,
    context: &'a Context,
) -> Result<Vec<T>> {
    let (plan, count) = (array.plan(), array.count());
    let mut elements = Vec::with_capacity(count);
    for index in 0..count {
        let element = match array.element() {
            Ok(Some(bytes)) => T::decode(RawValue { bytes, plan, context }),
            Ok(None) => null_by(plan, context, T::decode, T::null),
            Err(error) => Err(error),
        };
        match element {
            Ok(element) => elements.push(element),
            Err(error) => return Err(within_element(index, error)),
        }
    }
    array.finish()?;
    Ok(elements)
}

macro_rules! read_as_vec {
    ($rust:ty, |$elements:ident| $value:expr $(, $n:ident)?) => {
        impl<'a, T: Typecaster<'a> $(, const $n: usize)?> Typecaster<'a> for $rust {
            const TYPE: TypeName = <Vec<T> as Typecaster<'a>>::TYPE;
            const TEXT_ONLY: bool = T::TEXT_ONLY;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                <Vec<T> as Typecaster<'a>>::plan(type_, planner)
            }

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let $elements = Vec::decode(raw)?;
                $value
            }

            #[inline]
            fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
                let $elements = Vec::decode_nested(array)?;
                $value
            }
        }
    };
}

read_as_vec!(Box<[T]>, |elements| Ok(elements.into_boxed_slice()));
read_as_vec!(
    [T; N],
    |elements| <[T; N]>::try_from(elements).map_err(|elements: Vec<T>| other_length(elements.len(), N)),
    N
);

#[cold]
fn other_length(found: usize, wanted: usize) -> Error {
    Error::decode(format!("the array has {found} elements, and the Rust type takes exactly {wanted}"))
        .hint("use Vec<T>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::types::cases::{Cases, decode, encode, from_hex, garbage, mismatched, plan_of, refused};
    use crate::types::catalog::{Catalog, Entry, EntryShape};
    use crate::types::name::{NamedKind, NamedType};

    #[test]
    fn both_forms_are_the_servers() {
        let none = Vec::<i32>::new();
        Cases::of(&Type::INT4_ARRAY)
            .case(none, "000000000000000000000017", "{}")
            .case(
                vec![Some(1), Some(2), None],
                "000000010000000100000017000000030000000100000004000000010000000400000002ffffffff",
                "{1,2,NULL}",
            )
            .case(
                vec![vec![1, 2], vec![3, 4]],
                "0000000200000000000000170000000200000001000000020000000100000004000000010000000400000002\
                 00000004000000030000000400000004",
                "{{1,2},{3,4}}",
            )
            .case(
                vec![[[1]]],
                "0000000300000000000000170000000100000001000000010000000100000001000000010000000400000001",
                "{{{1}}}",
            );
        let texts = [Some("a b"), Some("null"), None, Some("\\"), Some("\""), Some(""), Some("\u{e9}")];
        Cases::of(&Type::TEXT_ARRAY)
            .case(
                vec![Some("a".to_owned()), None],
                "00000001000000010000001900000002000000010000000161ffffffff",
                "{a,NULL}",
            )
            .case(
                texts.map(|text| text.map(str::to_owned)),
                "00000001000000010000001900000007000000010000000361206200000004\
                 6e756c6cffffffff000000015c00000001220000000000000002c3a9",
                "{\"a b\",\"null\",NULL,\"\\\\\",\"\\\"\",\"\",\u{e9}}",
            );
        Cases::of(&Type::BOOL_ARRAY).case(
            Box::<[bool]>::from([true, false]),
            "000000010000000000000010000000020000000100000001010000000100",
            "{t,f}",
        );
    }

    #[test]
    fn an_unknown_element_type_goes_as_a_literal_whose_elements_are_quoted() {
        let plan = plan_of::<Vec<Vec<&str>>>(&Type::UNKNOWN).unwrap();
        assert_eq!((plan.type_, plan.format, plan.children.len()), (Type::UNKNOWN, Format::Text, 1));
        assert_eq!(encode(&[["a b", "c"]], &Type::UNKNOWN, Format::Text).unwrap(), b"{{\"a b\",\"c\"}}");
        let some = [Some(1), None];
        assert_eq!(encode(&some, &Type::UNKNOWN, Format::Text).unwrap(), b"{\"1\",NULL}");
        assert_eq!(<[&str] as Adapter>::TYPE, TypeName::Array(&TypeName::Inferred));
        assert_eq!(<[Vec<i32>] as Adapter>::TYPE, TypeName::Array(&TypeName::Oid(23)));
    }

    #[test]
    fn arrays_of_no_elements_have_no_dimensions() {
        let empty: [[i32; 0]; 2] = [[], []];
        assert_eq!(encode(&empty, &Type::INT4_ARRAY, Format::Text).unwrap(), b"{}");
        assert_eq!(
            encode(&empty, &Type::INT4_ARRAY, Format::Binary).unwrap(),
            from_hex("000000000000000000000017")
        );
        let back: Vec<Vec<i32>> = decode(b"{}", &Type::INT4_ARRAY, Format::Text).unwrap();
        assert_eq!(back, Vec::<Vec<i32>>::new());
        // A dimension of length 0, as an empty int2vector has.
        let vector = from_hex("0000000100000000000000150000000000000000");
        assert_eq!(decode::<Vec<i16>>(&vector, &Type::INT2_ARRAY, Format::Binary).unwrap(), [0i16; 0]);
    }

    #[test]
    fn ragged_input_is_an_error_that_names_the_element() {
        for ragged in [vec![vec![1, 2], vec![3]], vec![vec![], vec![1]], vec![vec![1], vec![]]] {
            for format in [Format::Binary, Format::Text] {
                let error = encode(&ragged, &Type::INT4_ARRAY, format).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Encode);
                assert!(error.message().starts_with("element 2: the array has "), "{error}");
            }
        }
        let error = encode(&[Some(vec![1]), None], &Type::INT4_ARRAY, Format::Binary).unwrap_err();
        assert!(error.message().contains("can't be NULL"), "{error}");
        let seven = [[[[[[[1]]]]]]];
        assert!(
            encode(&seven, &Type::INT4_ARRAY, Format::Text)
                .unwrap_err()
                .message()
                .contains("at most 6 dimensions")
        );
    }

    #[test]
    fn more_elements_than_bytes_for_them_are_an_error() {
        for lengths in ["7fffffff00000001", "8000000000000001", "ffffffff00000001"] {
            let value = from_hex(&format!("000000010000000000000017{lengths}0000000400000001"));
            assert_eq!(value.len(), 28);
            let error = decode::<Vec<i32>>(&value, &Type::INT4_ARRAY, Format::Binary).unwrap_err();
            assert!(error.message().starts_with("an array is malformed"), "{error}");
        }
        let two = from_hex("00000002000000000000001700010000000000010001000000000001");
        assert!(decode::<Vec<Vec<i32>>>(&two, &Type::INT4_ARRAY, Format::Binary).is_err());
        assert!(decode::<Vec<i32>>(b"[1:2147483647]={1}", &Type::INT4_ARRAY, Format::Text).is_err());
    }

    #[test]
    fn bounds_and_dimensions_that_would_be_lost_are_errors() {
        let from_zero = "000000010000000000000017000000020000000000000004000000070000000400000008";
        for (value, format) in
            [(from_hex(from_zero), Format::Binary), (b"[0:1]={7,8}".to_vec(), Format::Text)]
        {
            let error = decode::<Vec<i32>>(&value, &Type::INT4_ARRAY, format).unwrap_err();
            assert_eq!(error.message(), "the array is counted from 0, which the Rust type can't tell");
            assert_eq!(error.cure().unwrap(), "`column[:]` in the query counts it from 1");
        }
        assert_eq!(decode::<Vec<i32>>(b"[1:2]={7,8}", &Type::INT4_ARRAY, Format::Text).unwrap(), [7, 8]);
        for format in [Format::Binary, Format::Text] {
            let (flat, nested) = (
                encode(&[1], &Type::INT4_ARRAY, format).unwrap(),
                encode(&[[1]], &Type::INT4_ARRAY, format).unwrap(),
            );
            let error = decode::<Vec<i32>>(&nested, &Type::INT4_ARRAY, format).unwrap_err();
            assert_eq!(error.message(), "element 1: the array has more dimensions than the Rust type");
            let error = decode::<Vec<Vec<i32>>>(&flat, &Type::INT4_ARRAY, format).unwrap_err();
            assert_eq!(error.message(), "element 1: the array has fewer dimensions than the Rust type");
        }
        for bad in ["{{1,2},{3}}", "{{},{}}", "{{1},{}}", "[1:3]={1,2}", "[1:1][1:2]={{1}}"] {
            assert!(
                decode::<Vec<Vec<i32>>>(bad.as_bytes(), &Type::INT4_ARRAY, Format::Text).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_is_not_such_an_array_is_refused() {
        // Another element type, seven dimensions, a byte too many, a byte too few, unknown flags.
        for bad in [
            "00000001000000000000001400000001000000010000000400000001",
            "000000070000000000000017",
            "00000000000000000000001700",
            "00000001000000000000001700000001000000010000000400",
            "000000000000000200000017",
        ] {
            refused::<Vec<i32>>(&Type::INT4_ARRAY, bad, "{1");
        }
        let null = "0000000100000001000000170000000100000001ffffffff";
        let error = decode::<Vec<i32>>(&from_hex(null), &Type::INT4_ARRAY, Format::Binary).unwrap_err();
        assert_eq!(error.message(), "element 1: the value is NULL, which i32 can't hold");
        let error = decode::<[i32; 3]>(b"{1,2}", &Type::INT4_ARRAY, Format::Text).unwrap_err();
        assert_eq!(error.message(), "the array has 2 elements, and the Rust type takes exactly 3");
        garbage::<Vec<i32>>(&Type::INT4_ARRAY);
        garbage::<Vec<Option<String>>>(&Type::TEXT_ARRAY);
        garbage::<Vec<Vec<Box<str>>>>(&Type::TEXT_ARRAY);
        garbage::<[[Option<Vec<u8>>; 1]; 1]>(&Type::BYTEA_ARRAY);
    }

    #[test]
    fn another_type_is_an_error_that_names_the_cure() {
        let (read, written) = mismatched::<Vec<i32>>(&Type::INT8_ARRAY);
        assert_eq!(read.message(), "the SQL type is int8[], but Vec<i32> stands for int4[]");
        assert_eq!(
            read.cure().unwrap(),
            "use Vec<i64> in place of Vec<i32>, or cast the column or field: `... :: int4[]`"
        );
        assert_eq!(written.message(), "the SQL type is int8[], but [i32] is written as int4[]");
        assert_eq!(
            mismatched::<Vec<i32>>(&Type::INT4).0.message(),
            "the SQL type is int4, but Vec<i32> stands for int4[]"
        );
    }

    #[test]
    fn elements_borrow_from_the_row_in_both_forms() {
        let (context, catalog) = (Context::default(), Catalog::default());
        let mut plan =
            <Vec<&str> as Typecaster<'_>>::plan(&Type::VARCHAR_ARRAY, &Planner { catalog: &catalog })
                .unwrap();
        plan.set_format(Format::Text);
        let bytes = br#"{a,"b\"c","d e"}"#;
        let read: Vec<&str> = Typecaster::decode(RawValue { bytes, plan: &plan, context: &context }).unwrap();
        assert_eq!(read, ["a", "b\"c", "d e"]);
    }

    #[test]
    fn domains_are_seen_through() {
        let scores =
            Type::new("scores".to_owned(), 16_400, Kind::Domain(Type::INT4_ARRAY), "public".to_owned());
        Cases::of(&scores).case(
            vec![5i32],
            "00000001000000000000001700000001000000010000000400000005",
            "{5}",
        );
    }

    #[test]
    fn boxes_are_divided_by_semicolons() {
        let boxes = encode(&["(3,4),(1,2)", "(0,0),(0,0)"], &Type::BOX_ARRAY, Format::Text).unwrap();
        assert_eq!(boxes, b"{(3,4),(1,2);(0,0),(0,0)}");
    }

    /// A type that has only a text form, or a label of an enum.
    #[derive(Debug, PartialEq)]
    struct Shout<const TEXT_ONLY: bool>(String);

    static SHOUT: NamedType = NamedType { schema: None, name: "shout", kind: NamedKind::Enum };

    impl<const TEXT: bool> Adapter for Shout<TEXT> {
        const TYPE: TypeName = TypeName::Named(&SHOUT);
        const TEXT_ONLY: bool = TEXT;

        fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
            to.bytes(self.0.as_bytes())
        }
    }

    impl<'a, const TEXT: bool> Typecaster<'a> for Shout<TEXT> {
        const TYPE: TypeName = TypeName::Named(&SHOUT);
        const TEXT_ONLY: bool = TEXT;

        fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
            Ok(Shout(raw.text()?.to_owned()))
        }
    }

    fn shouts() -> (Catalog, Type) {
        let entry = |oid, name: &str, array, shape| Entry {
            oid,
            schema: "public".into(),
            name: name.into(),
            array,
            delimiter: b',',
            shape,
        };
        let mut catalog = Catalog::default();
        catalog.extend(
            vec![
                entry(20_001, "shout", 20_002, EntryShape::Enum(vec!["HEY".into()])),
                entry(20_002, "_shout", 0, EntryShape::Array(20_001)),
            ],
            vec![((None, "shout".into()), 20_001)],
        );
        let array = catalog.type_by_oid(20_002).unwrap();
        (catalog, array)
    }

    #[test]
    fn elements_with_only_a_text_form_make_the_array_text() {
        let (catalog, array) = shouts();
        let planner = Planner { catalog: &catalog };
        let written = <Vec<Shout<true>> as Adapter>::plan(&array, &planner).unwrap();
        let read = <Vec<Vec<Shout<true>>> as Typecaster<'_>>::plan(&array, &planner).unwrap();
        assert_eq!((written.format, read.format), (Format::Text, Format::Text));
        assert_eq!(<Vec<Shout<false>> as Adapter>::plan(&array, &planner).unwrap().format, Format::Binary);
        const {
            assert!(
                <Vec<Vec<Shout<true>>> as Adapter>::TEXT_ONLY && !<Vec<Shout<false>> as Adapter>::TEXT_ONLY
            )
        }
    }

    #[test]
    fn an_array_type_that_is_not_looked_up_yet_is_read_by_its_elements() {
        let array = Type::new("type with OID 20002".to_owned(), 20_002, Kind::Simple, String::new());
        let value = from_hex("000000010000000000004e21000000010000000100000003484559");
        let read: Vec<Shout<false>> = decode(&value, &array, Format::Binary).unwrap();
        assert_eq!(read, [Shout("HEY".to_owned())]);
        let read: Vec<String> = decode(b"{HEY}", &array, Format::Text).unwrap();
        assert_eq!(read, ["HEY"]);
        assert!(decode::<Vec<i32>>(b"{1}", &array, Format::Text).is_err());
        // Once it is looked up, the element's type is checked.
        let (catalog, array) = shouts();
        let plan =
            <Vec<Shout<false>> as Typecaster<'_>>::plan(&array, &Planner { catalog: &catalog }).unwrap();
        let context = Context::default();
        let other = from_hex("000000010000000000004e22000000010000000100000003484559");
        let error = <Vec<Shout<false>>>::decode(RawValue { bytes: &other, plan: &plan, context: &context })
            .unwrap_err();
        assert!(error.message().contains("OID 20002, not public.shout"), "{error}");
    }
}
