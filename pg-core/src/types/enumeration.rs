//! Enums: what `#[derive(FromSql)]` calls for an enum without data.
//! Binary form (`enum_send`) and text form are the same: the label.

use super::plan::{describe, short_name};
use super::typecaster::RawValue;
use crate::error::Error;

/// The server sent a label for which `T` has no variant; `known` are those it has.
#[cold]
pub fn unknown<T: ?Sized>(label: &str, raw: &RawValue<'_, '_>, known: &[&str]) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    Error::decode(format!(
        "{} has the label {label:?}, for which {rust} has no variant; it has {}",
        describe(&raw.plan.type_),
        known.join(", ")
    ))
    .hint("add the variant, or give the one that stands for the label `#[pg(name = \"..\")]`")
}
