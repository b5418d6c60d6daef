//! The extension ltree: [`Ltree`] <-> `ltree`, [`Lquery`] <-> `lquery`, [`Ltxtquery`] <-> `ltxtquery`. Binary form: a
//! version, 1, and the text. Manual: "ltree".
//!
//! The types are found by name in the search path, so that the catalog is asked once.

use super::name::{NamedKind, NamedType, TypeName};
use super::versioned::versioned_text;

static LTREE: NamedType = NamedType { schema: None, name: "ltree", kind: NamedKind::Base };
static LQUERY: NamedType = NamedType { schema: None, name: "lquery", kind: NamedKind::Base };
static LTXTQUERY: NamedType = NamedType { schema: None, name: "ltxtquery", kind: NamedKind::Base };

versioned_text! {
    /// A path of labels, `Top.Science.Astronomy`. The server checks it.
    Ltree = TypeName::Named(&LTREE);
    /// A pattern for paths, `*.Astronomy.*`. The server checks it.
    Lquery = TypeName::Named(&LQUERY);
    /// A search for labels in any order, `Europe & Russia*@`. The server checks it.
    Ltxtquery = TypeName::Named(&LTXTQUERY);
}

impl Ltree {
    /// The labels in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|label| !label.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, extension, garbage, mismatched, refused};

    #[test]
    fn both_forms_are_the_servers() {
        let ltree = extension("ltree");
        Cases::of(&ltree).case(Ltree::from("a.b"), "01612e62", "a.b").case(Ltree::from(""), "01", "");
        Cases::of(&extension("lquery")).case(Lquery::from("*.a"), "012a2e61", "*.a");
        Cases::of(&extension("ltxtquery")).case(Ltxtquery::from("a & b"), "016120262062", "a & b");
        refused::<Ltree>(&ltree, "02612e62", "");
        refused::<Ltree>(&ltree, "", "");
        garbage::<Ltree>(&ltree);
        mismatched::<Lquery>(&ltree);
        assert_eq!(Ltree::from("Top.Science").labels().collect::<Vec<_>>(), ["Top", "Science"]);
    }
}
