//! The body for values whose type is known only at run time; see [`bodies`](super).

use super::{Source, catalog, encode, noted, planned, show};
use pg_core::message::Format;
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Context;
use pg_core::types::typecaster::{RawValue, Typecaster};
use pg_core::types::value::Value;
use pg_core::types::{Kind, Type};
use std::sync::OnceLock;

/// All types that PostgreSQL brings, and those of the bodies' catalog.
fn types() -> &'static [Type] {
    static TYPES: OnceLock<Vec<Type>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let created = (20_001..20_107).filter_map(|oid| catalog().0.type_by_oid(oid));
        (1..10_000).filter_map(Type::from_oid).chain(created).collect()
    })
}

/// A value of any type, which two bytes pick, in the form that a third one says: it is shown, made JSON of and written, and
/// what was written is read as what is shown the same.
pub(crate) fn values(data: &[u8]) {
    let mut source = Source(data);
    let number = usize::from(source.byte()) << 8 | usize::from(source.byte());
    let type_ = &types()[number % types().len()];
    let format = if source.byte() & 1 == 1 { Format::Binary } else { Format::Text };
    let catalog = &catalog().0;
    let Ok(value) = read(source.0, type_, catalog, format) else { return };
    let shown = value.to_string();
    let debugged = format!("{value:?}");
    let _ = (value.as_bool(), value.as_i64(), value.as_f64(), value.as_str(), value.as_array());
    let json = serde_json::Value::from(value.clone());
    assert!(json.to_string().len() < 4000 + 100 * (shown.len() + debugged.len()));
    let Ok(form) = encode(&value, type_, catalog, Format::Text) else { return };
    if format == Format::Binary && !pg_core::types::value::read::reads_binary(type_, catalog) {
        return;
    }
    let again = read(&form, type_, catalog, Format::Text)
        .unwrap_or_else(|error| panic!("{debugged} of {type_} as {}: {error}", form.escape_ascii()));
    assert_eq!(again.to_string(), shown, "{debugged} of {type_} as {}", form.escape_ascii());
}

fn read(bytes: &[u8], type_: &Type, catalog: &Catalog, format: Format) -> pg_core::Result<Value> {
    let plan = planned::<Value>(type_, catalog, format)?;
    let context = Context::default();
    let value = Value::decode(RawValue { bytes, plan: &plan, context: &context });
    if let Err(error) = &value {
        show(error);
    }
    noted(|| format!("{} in {format:?}", kind(type_)), value)
}

/// Types of a kind are read in the same way.
fn kind(type_: &Type) -> &'static str {
    match type_.kind() {
        Kind::Simple => "a value",
        Kind::Enum(_) => "an enum",
        Kind::Pseudo => "a pseudo-type",
        Kind::Array(_) => "an array",
        Kind::Range(_) => "a range",
        Kind::Multirange(_) => "a multirange",
        Kind::Composite(_) => "a composite",
        _ => "a domain",
    }
}

/// Which of the types it is, as two bytes say it.
#[cfg(test)]
pub(super) fn number_of(type_: &Type) -> u16 {
    let number = types().iter().position(|other| other == type_).expect("one of the types");
    u16::try_from(number).expect("a few hundred")
}
