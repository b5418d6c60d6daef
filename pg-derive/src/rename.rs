//! From Rust names to SQL names: the nine rules of `rename_all`, and how an identifier falls into words.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// A rule of `rename_all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
    Train,
}

impl Rule {
    /// The rules as they are written, each in its own style.
    pub(crate) const ALL: [(&str, Rule); 9] = [
        ("lowercase", Rule::Lower),
        ("UPPERCASE", Rule::Upper),
        ("PascalCase", Rule::Pascal),
        ("camelCase", Rule::Camel),
        ("snake_case", Rule::Snake),
        ("SCREAMING_SNAKE_CASE", Rule::ScreamingSnake),
        ("kebab-case", Rule::Kebab),
        ("SCREAMING-KEBAB-CASE", Rule::ScreamingKebab),
        ("Train-Case", Rule::Train),
    ];

    pub(crate) fn parse(name: &str) -> Option<Rule> {
        Rule::ALL.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule)
    }

    /// The SQL name of a Rust name.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            // The whole name in one case: its underscores stay.
            Rule::Lower => name.to_lowercase(),
            Rule::Upper => name.to_uppercase(),
            Rule::Pascal => join(name, "", |_, word| capitalized(word)),
            Rule::Camel => {
                join(name, "", |at, word| if at == 0 { word.to_lowercase() } else { capitalized(word) })
            }
            Rule::Snake => join(name, "_", |_, word| word.to_lowercase()),
            Rule::ScreamingSnake => join(name, "_", |_, word| word.to_uppercase()),
            Rule::Kebab => join(name, "-", |_, word| word.to_lowercase()),
            Rule::ScreamingKebab => join(name, "-", |_, word| word.to_uppercase()),
            Rule::Train => join(name, "-", |_, word| capitalized(word)),
        }
    }
}

/// An identifier's name, without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

fn join(name: &str, between: &str, style: impl Fn(usize, &str) -> String) -> String {
    let words: Vec<String> = words(name).iter().enumerate().map(|(at, word)| style(at, word)).collect();
    words.join(between)
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

/// The words of a name in any style: `userId`, `user_id` and `UserID` are all "user" and "id". A word ends at an
/// underscore, before a capital that follows a small letter or digit, and before the last capital of a run that goes on
/// in small letters (`HTTPServer`). Digits belong to the word before them.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split('_') {
        let mut word = String::new();
        let mut chars = part.chars().peekable();
        let mut before: Option<char> = None;
        while let Some(c) = chars.next() {
            let after_small = before.is_some_and(|b| !b.is_uppercase());
            let before_small = chars.peek().is_some_and(|n| n.is_lowercase());
            if c.is_uppercase() && before.is_some() && (after_small || before_small) {
                words.push(std::mem::take(&mut word));
            }
            word.push(c);
            before = Some(c);
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The candidate that `name` is most likely a misspelling of.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = name.to_lowercase();
    let limit = name.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added or left out to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, a) in from.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        let mut next = vec![left];
        for (b, above) in to.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_styles_each_kind_of_name() {
        #[rustfmt::skip]
        let table = [
            // rule                  VeryTasty       first_name      HTTPServer2     x          Straße_ÉTÉ
            ("lowercase",            "verytasty",    "first_name",   "httpserver2",  "x",       "straße_été"),
            ("UPPERCASE",            "VERYTASTY",    "FIRST_NAME",   "HTTPSERVER2",  "X",       "STRASSE_ÉTÉ"),
            ("PascalCase",           "VeryTasty",    "FirstName",    "HttpServer2",  "X",       "StraßeÉté"),
            ("camelCase",            "veryTasty",    "firstName",    "httpServer2",  "x",       "straßeÉté"),
            ("snake_case",           "very_tasty",   "first_name",   "http_server2", "x",       "straße_été"),
            ("SCREAMING_SNAKE_CASE", "VERY_TASTY",   "FIRST_NAME",   "HTTP_SERVER2", "X",       "STRASSE_ÉTÉ"),
            ("kebab-case",           "very-tasty",   "first-name",   "http-server2", "x",       "straße-été"),
            ("SCREAMING-KEBAB-CASE", "VERY-TASTY",   "FIRST-NAME",   "HTTP-SERVER2", "X",       "STRASSE-ÉTÉ"),
            ("Train-Case",           "Very-Tasty",   "First-Name",   "Http-Server2", "X",       "Straße-Été"),
        ];
        for (name, a, b, c, d, e) in table {
            let rule = Rule::parse(name).unwrap();
            let names = ["VeryTasty", "first_name", "HTTPServer2", "x", "Straße_ÉTÉ"];
            assert_eq!(names.map(|name| rule.apply(name)), [a, b, c, d, e], "{name}");
        }
    }

    #[test]
    fn names_fall_into_words_whatever_their_style() {
        for (name, expected) in [
            ("userId", "user id"),
            ("user_id", "user id"),
            ("UserID", "user id"),
            ("_private__name_", "private name"),
            ("Utf8String", "utf8 string"),
            ("Item2", "item2"),
            ("A", "a"),
            ("ABTest", "ab test"),
            ("X9Y", "x9 y"),
            ("___", ""),
        ] {
            assert_eq!(words(name).join(" ").to_lowercase(), expected, "{name}");
        }
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        assert_eq!(plain(&Ident::new_raw("type", proc_macro2::Span::call_site())), "type");
    }

    #[test]
    fn misspellings_find_their_word() {
        let known = ["name", "schema", "rename_all", "transparent"];
        assert_eq!(nearest("nmae", known), Some("name"));
        assert_eq!(nearest("nam", known), Some("name"));
        assert_eq!(nearest("Name", known), Some("name"));
        assert_eq!(nearest("rename-all", known), Some("rename_all"));
        assert_eq!(nearest("transparant", known), Some("transparent"));
        assert_eq!(nearest("colour", known), None);
    }
}
