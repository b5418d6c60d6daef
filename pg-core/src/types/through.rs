//! Rust types that travel as one of our own lossless types: both forms, both directions, and what they can't hold.
//!
//! `TryFrom` both ways is all that such a type brings. What one of the two can't hold is an error there, never another
//! value; but for what of a time is finer than a microsecond: it is cut off towards the past when it is written, since
//! clocks tell more than anybody means.

use crate::error::Error;
use std::fmt::Display;

/// `travels_as!(SignedDuration, Interval)`: the adapter and the typecaster of a type, through another's.
macro_rules! travels_as {
    ($rust:ty, $ours:ty) => {
        impl $crate::types::adapter::Adapter for $rust {
            const TYPE: $crate::types::name::TypeName = <$ours as $crate::types::adapter::Adapter>::TYPE;

            fn encode(
                &self,
                to: &mut $crate::types::adapter::Encode<'_>,
            ) -> $crate::error::Result<$crate::types::adapter::IsNull> {
                $crate::types::adapter::Adapter::encode(&<$ours>::try_from(*self)?, to)
            }
        }

        impl<'a> $crate::types::typecaster::Typecaster<'a> for $rust {
            const TYPE: $crate::types::name::TypeName = <$ours as $crate::types::adapter::Adapter>::TYPE;

            fn decode(raw: $crate::types::typecaster::RawValue<'a, '_>) -> $crate::error::Result<Self> {
                <$ours as $crate::types::typecaster::Typecaster<'a>>::decode(raw)?.try_into()
            }
        }
    };
}
pub(super) use travels_as;

/// `the time is 24:00:00, which NaiveTime can't hold`: a value that `ours`, a type in `pg_core::types`, would hold.
#[cold]
pub(super) fn unheld(value: impl Display, rust: &str, ours: &str) -> Error {
    Error::decode(format!("{value}, which {rust} can't hold"))
        .hint(format!("`pg_core::types::{ours}` holds it, as does `column::text` for a String"))
}

/// [`unheld`] of `infinity` or `-infinity`.
#[cold]
pub(super) fn infinite(what: &str, which: impl Display, rust: &str, ours: &str) -> Error {
    Error::decode(format!("the {what} is {which}, which {rust} can't hold")).hint(format!(
        "`pg_core::types::{ours}` holds it; `nullif(column, '{which}')` in the query makes it NULL, for an Option"
    ))
}

/// [`unheld`] of a date, or of a timestamp on that date.
#[cfg(any(feature = "with-chrono-0_4", feature = "with-time-0_3", feature = "with-jiff-0_2"))]
#[cold]
pub(super) fn unheld_date(what: &str, date: super::time::Date, rust: &str, ours: &str) -> Error {
    match date.ymd() {
        Some((year, ..)) => unheld(format_args!("the {what} is in the year {year}"), rust, ours),
        None => infinite(what, date, rust, ours),
    }
}
