//! What the server's catalog says of the made-up language's types.

use super::super::language::{HSTORE, ITEM, MOOD, Value};

/// What the catalog says of the types that were asked for.
pub(super) fn rows(values: &[Option<&[u8]>]) -> Option<Vec<Vec<Value>>> {
    let [schemas, names, oids, _] = values else { return None };
    let list = |value: &Option<&[u8]>| -> Option<Vec<String>> {
        let text = std::str::from_utf8((*value)?).ok()?.strip_prefix('{')?.strip_suffix('}')?;
        let items = text.split(',').filter(|item| !item.is_empty());
        Some(items.map(|item| item.trim_matches('"').to_owned()).collect())
    };
    list(schemas)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let known = |ordinal: Value, oid: u32| {
        let list = |items: &[&str]| Value::Texts(items.iter().map(|item| Some((*item).to_owned())).collect());
        let (name, array, kind, labels, fields) = match oid {
            ITEM => ("item", "20001", "c", list(&["name", "n"]), list(&["25", "23"])),
            MOOD => ("mood", "0", "e", list(&["sad", "happy"]), Value::Null),
            HSTORE => ("hstore", "0", "b", Value::Null, Value::Null),
            _ => return None,
        };
        Some(vec![
            text("7"),
            text("5"),
            text("{pg_catalog,public}"),
            ordinal,
            text(&oid.to_string()),
            text("public"),
            text(name),
            text(array),
            text(kind),
            labels,
            fields,
            Value::Null,
            Value::Null,
            text(","),
        ])
    };
    let mut rows = Vec::new();
    for (at, name) in (1..).zip(list(names)?) {
        let oid = match name.as_str() {
            "item" => ITEM,
            "mood" => MOOD,
            _ => HSTORE,
        };
        rows.extend(known(Value::Int4(at), oid));
    }
    for oid in list(oids)? {
        rows.extend(known(Value::Null, oid.parse().ok()?));
    }
    Some(rows)
}
