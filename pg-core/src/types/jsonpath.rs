//! [`JsonPath`] <-> `jsonpath`. Binary form: a version, 1, and the text. Manual: "jsonpath Type".

use super::name::TypeName;
use super::versioned::versioned_text;

versioned_text! {
    /// A path into JSON, as its text: `$."a"[0]`. The server checks it, and prints it in its own way.
    JsonPath = TypeName::Oid(4072);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::JSONPATH).case(JsonPath::from("$.\"a\""), "01242e226122", "$.\"a\"");
        refused::<JsonPath>(&Type::JSONPATH, "02242e226122", "");
        refused::<JsonPath>(&Type::JSONPATH, "", "");
        garbage::<JsonPath>(&Type::JSONPATH);
    }
}
