//! Enums: what `#[derive(FromSql)]` calls for an enum without data.
//! Binary form (`enum_send`) and text form are the same: the label.

use super::name::TypeName;
use super::plan::short_name;
use crate::error::Error;

/// The server sent a label for which `T` has no variant; `known` are those it has.
#[cold]
pub fn unknown<T: ?Sized>(name: TypeName, label: &str, known: &[&str]) -> Error {
    let rust = short_name(std::any::type_name::<T>());
    Error::decode(format!(
        "{name} has the label {label:?}, for which {rust} has no variant; it has {}",
        known.join(", ")
    ))
    .hint("add the variant, or give the one that stands for the label `#[pg(name = \"..\")]`")
}
