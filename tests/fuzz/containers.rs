//! The bodies for arrays, records and ranges; see [`bodies`](super).

use super::{builtin, decode, derived, noted, planned, written};
use pg_core::message::Format;
use pg_core::types::Type;
use pg_core::types::adapter::Adapter;
use pg_core::types::array::Array;
use pg_core::types::catalog::Catalog;
use pg_core::types::literal::{self, RangeLiteral};
use pg_core::types::range::{Multirange, Range};
use pg_core::types::typecaster::TypecasterOwned;
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::SystemTime;

/// Binary arrays of several element types and dimensions.
pub(crate) fn arrays_binary(data: &[u8]) {
    arrays(data, Format::Binary);
}

/// Array literals.
pub(crate) fn arrays_text(data: &[u8]) {
    arrays(data, Format::Text);
}

fn arrays(data: &[u8], format: Format) {
    fn of<T: Adapter + TypecasterOwned + Debug>(data: &[u8], type_: &Type, format: Format) {
        let catalog = Catalog::default();
        let Ok(value) = decode::<T>(data, &planned::<T>(type_, &catalog, format).expect("a plan")) else {
            return;
        };
        let Some(form) = written(&value, type_, &catalog, format) else { return };
        let again: T = decode(&form, &planned::<T>(type_, &catalog, format).expect("a plan"))
            .unwrap_or_else(|error| panic!("{value:?} as {}: {error}", form.escape_ascii()));
        assert_eq!(format!("{again:?}"), format!("{value:?}"));
    }
    of::<Vec<i32>>(data, &Type::INT4_ARRAY, format);
    of::<Vec<Option<i32>>>(data, &Type::INT4_ARRAY, format);
    of::<Vec<Vec<Option<i64>>>>(data, &Type::INT8_ARRAY, format);
    of::<Vec<Vec<Vec<Vec<Vec<Vec<Option<bool>>>>>>>>(data, &Type::BOOL_ARRAY, format);
    of::<[Option<i16>; 2]>(data, &Type::INT2_ARRAY, format);
    of::<Vec<Option<Vec<u8>>>>(data, &Type::BYTEA_ARRAY, format);
    // An empty literal of text is no different from any other text.
    of::<Vec<Option<String>>>(data, &Type::TEXT_ARRAY, format);
    of::<Vec<Vec<Option<String>>>>(data, &Type::TEXT_ARRAY, format);
    of::<Box<[Option<SystemTime>]>>(data, &Type::TIMESTAMPTZ_ARRAY, format);
    of::<Vec<IpAddr>>(data, &Type::INET_ARRAY, format);
    of::<Array<Option<i32>>>(data, &Type::INT4_ARRAY, format);
    of::<Array<Option<String>>>(data, &Type::TEXT_ARRAY, format);
    if let Ok(Ok(array)) = std::str::from_utf8(data).map(str::parse::<Array<Option<String>>>) {
        assert_eq!(array.to_string().parse::<Array<Option<String>>>().expect("what we wrote"), array);
    }
}

/// Ranges in both forms, and range literals with what of them is quoted again.
pub(crate) fn ranges(data: &[u8]) {
    builtin::<Range<i32>>(data, &Type::INT4_RANGE);
    builtin::<std::ops::Range<i64>>(data, &Type::INT8_RANGE);
    builtin::<Vec<Option<Range<i32>>>>(data, &Type::INT4_RANGE_ARRAY);
    if let Ok(Ok(range)) = std::str::from_utf8(data).map(str::parse::<Range<String>>) {
        assert_eq!(range.to_string().parse::<Range<String>>().expect("what we wrote"), range);
    }
    let Ok(RangeLiteral::Bounds { lower, lower_inclusive, upper, upper_inclusive }) =
        literal::parse_range(data)
    else {
        return;
    };
    let mut again = vec![if lower_inclusive { b'[' } else { b'(' }];
    lower.iter().for_each(|bound| literal::quote_bound(&mut again, bound));
    again.push(b',');
    upper.iter().for_each(|bound| literal::quote_bound(&mut again, bound));
    again.push(if upper_inclusive { b']' } else { b')' });
    let read = literal::parse_range(&again).expect("what we quoted");
    assert_eq!(read, RangeLiteral::Bounds { lower, lower_inclusive, upper, upper_inclusive });
}

/// Multiranges in both forms.
pub(crate) fn multiranges(data: &[u8]) {
    builtin::<Multirange<i32>>(data, &Type::INT4MULTI_RANGE);
    builtin::<Multirange<i64>>(data, &Type::INT8MULTI_RANGE);
    if let Ok(Ok(ranges)) = std::str::from_utf8(data).map(str::parse::<Multirange<String>>) {
        assert_eq!(ranges.to_string().parse::<Multirange<String>>().expect("what we wrote"), ranges);
    }
}

/// Records that are read by position, and record literals with what of them is quoted again.
pub(crate) fn records_text(data: &[u8]) {
    for format in [Format::Binary, Format::Text] {
        type Tuple = (Option<i32>, (String, Option<bool>), Vec<Option<String>>);
        let plan = planned::<Tuple>(&Type::RECORD, &Catalog::default(), format).expect("a plan");
        let _ = decode::<Tuple>(data, &plan);
    }
    let Ok(attributes) = noted(|| "a record".to_owned(), literal::parse_record(data)) else { return };
    let mut again = vec![b'('];
    for (at, attribute) in attributes.iter().enumerate() {
        if at > 0 {
            again.push(b',');
        }
        if let Some(text) = attribute {
            literal::quote_attribute(&mut again, text);
        }
    }
    again.push(b')');
    assert_eq!(literal::parse_record(&again).expect("what we quoted"), attributes);
    derived(data, Format::Text);
}
