//! Every attribute at every place, under every derive: it changes what is written, or it is refused with a reason. None
//! is passed over in silence, and nothing panics.

use crate::expand;
use crate::input::Derive;

/// Each attribute as it may be written.
const ATTRIBUTES: &[&str] = &[
    "name = \"x\"",
    "schema = \"x\"",
    "rename_all = \"UPPERCASE\"",
    "transparent",
    "domain",
    "composite",
    "text",
    "text = self",
    "repr = i32",
    "packed",
    "range",
    "json",
    "json(nullable)",
    "with = module",
    "foreign",
    "into = i64",
    "from = i64",
    "try_from = i64",
    "allow_extra",
    "allow_missing",
    "crate = other",
    "bound = \"i64: Copy\"",
    "skip",
    "skip_to_sql",
    "skip_from_sql",
    "default",
    "default = make",
    "flatten",
    "flatten(prefix = \"x_\")",
    "alias = \"x\"",
    "other",
    "nonsense",
];

const DERIVES: [Derive; 5] =
    [Derive::ToSql, Derive::FromSql, Derive::FromRow, Derive::Params, Derive::CopyRow];

/// Kinds of items; `@type`, `@field` and `@variant` are where an attribute may stand.
const ITEMS: &[&str] = &[
    "@type struct Named { @field a: i64, b: Option<String> }",
    "@type struct Pair(@field i64, String);",
    "#[pg(transparent)] @type struct Transparent(@field i64);",
    "#[pg(domain)] @type struct Domain { @field inner: Option<i64> }",
    "#[pg(range)] @type struct Speeds(@field Range<f64>);",
    "#[pg(text)] @type struct Text(@field i64);",
    "#[pg(text = self)] @type struct Own(@field i64, i64);",
    "#[pg(packed)] @type struct Packed { @field x: i64, y: i64 }",
    "#[pg(json)] @type struct Json { @field a: i64 }",
    "#[pg(with = module)] @type struct With(@field i64);",
    "@type enum Mood { @variant Sad, Happy }",
    "#[pg(text)] @type enum State { @variant Open, #[pg(other)] Other(@field String) }",
    "#[pg(repr = i32)] @type enum Level { @variant Low = 1, #[pg(other)] Other(@field i32) }",
    "#[pg(json)] @type enum Data { @variant A(@field i64), B }",
    "@type struct Unit;",
    "@type union Union { @field a: i64 }",
];

/// What says how something is read has no effect on writing, and the other way round. That is no silence: each is
/// honoured by the derive beside it.
fn is_of_the_other_way(derive: Derive, attribute: &str) -> bool {
    let reads = matches!(derive, Derive::FromSql | Derive::FromRow);
    match attribute.split([' ', '(']).next().unwrap_or_default() {
        "default" | "from" | "try_from" | "alias" => !reads,
        "skip_from_sql" => !reads,
        "into" | "skip_to_sql" => reads,
        _ => false,
    }
}

fn expanded(derive: Derive, item: &str) -> String {
    let input = syn::parse_str(item).expect("an item");
    expand::derive(derive, "pg_core", &input).to_string()
}

#[test]
fn each_attribute_is_honoured_or_refused_wherever_it_stands() {
    let mut ignored = Vec::new();
    for item in ITEMS {
        let places: Vec<&str> =
            ["@type", "@field", "@variant"].into_iter().filter(|p| item.contains(p)).collect();
        let with = |place: &str, attribute: &str| {
            let item = item.replacen(place, &format!("#[pg({attribute})]"), 1);
            ["@type", "@field", "@variant"].iter().fold(item, |item, place| item.replace(place, ""))
        };
        let plain =
            ["@type", "@field", "@variant"].iter().fold((*item).to_owned(), |item, p| item.replace(p, ""));
        for derive in DERIVES {
            let before = expanded(derive, &plain);
            if before.contains("compile_error") {
                continue; // refused as it is
            }
            for place in &places {
                for attribute in ATTRIBUTES.iter().filter(|attribute| !is_of_the_other_way(derive, attribute))
                {
                    let item = with(place, attribute);
                    // A word for what holds anyway.
                    let says_so = *attribute == "composite" && !before.contains("NamedKind :: Enum");
                    if expanded(derive, &item) == before && !says_so {
                        ignored.push(format!("{}: {item}", derive.name()));
                    }
                }
            }
        }
    }
    assert!(ignored.is_empty(), "without effect and without a word:\n{}", ignored.join("\n"));
}

#[test]
fn the_walk_knows_every_attribute() {
    let walked: Vec<&str> =
        ATTRIBUTES.iter().map(|attribute| attribute.split([' ', '(']).next().unwrap_or_default()).collect();
    for name in crate::attributes::names() {
        assert!(walked.contains(&name), "{name} is not walked");
    }
}
