//! SQL names: which PostgreSQL has, and that those of one type differ.

use super::{Column, Named, type_name};
use crate::errors::Errors;
use crate::input::Input;
use proc_macro2::Span;
use std::collections::HashMap;
use syn::LitStr;

pub(super) fn type_name_is_valid(input: &Input<'_>, errors: &Errors) {
    match &input.attributes.name {
        Some(name) => literal_is_valid(&name.value, "type", errors),
        None => name_is_valid(&type_name(input), input.ident.span(), "type", errors),
    }
    if let Some(schema) = &input.attributes.schema {
        literal_is_valid(&schema.value, "schema", errors);
    }
}

fn literal_is_valid(name: &LitStr, what: &str, errors: &Errors) {
    let text = name.value();
    if let Some(wrong) = wrong_name(&text, what) {
        errors.at(name.span(), wrong);
    }
}

/// As [`literal_is_valid`], for a name that was made from a Rust name.
fn name_is_valid(name: &str, at: Span, what: &str, errors: &Errors) {
    if let Some(wrong) = wrong_name(name, what) {
        errors.at(at, format!("{wrong}; give it one with `name = \"..\"`"));
    }
}

/// Manual: "Identifiers and Key Words"; the server cuts longer ones short.
const LONGEST: usize = 63;

fn wrong_name(name: &str, what: &str) -> Option<String> {
    if name.is_empty() {
        return Some(format!("the {what}'s name is empty"));
    }
    if name.contains('\0') {
        return Some(format!("the {what}'s name contains a NUL character, which PostgreSQL has in no name"));
    }
    if name.len() > LONGEST {
        return Some(format!(
            "the {what}'s name is {} bytes long, and PostgreSQL has none longer than {LONGEST}",
            name.len()
        ));
    }
    None
}

pub(super) fn names_are_valid_and_differ(attributes: &[Named<'_>], what: &str, errors: &Errors) {
    let mut names = Distinct::new(what);
    for named in attributes {
        names.add_field(named, errors);
    }
}

/// A name that `:name` in the SQL can be.
pub(super) fn parameter_is_a_word(named: &Named<'_>, errors: &Errors) {
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    let starts = named.name.starts_with(|c: char| c == '_' || c.is_alphabetic());
    if named.name.is_empty() || (starts && named.name.chars().all(is_word)) {
        return; // empty: reported already
    }
    let at = named.field.attributes.name.as_ref().map_or(named.field.span(), |name| name.value.span());
    errors.at(
        at,
        format!(
            "`:{}` can't be written in SQL: a parameter's name is letters, digits and underscores, and begins with \
             no digit",
            named.name
        ),
    );
}

pub(super) fn columns_are_valid_and_differ(columns: &[Column<'_>], errors: &Errors) {
    let mut names = Distinct::new("column");
    for column in columns {
        match column {
            Column::Named(named) => names.add_field(named, errors),
            Column::Flattened { field, .. } => {
                if let Some(prefix) =
                    field.attributes.flatten.as_ref().and_then(|flatten| flatten.value.as_ref())
                {
                    if prefix.value().is_empty() {
                        errors.on(prefix, "the prefix is empty: write `flatten` alone");
                    } else {
                        literal_is_valid(prefix, "prefix", errors);
                    }
                }
            }
            Column::Next(_) => {}
        }
    }
}

/// Names that must differ.
pub(super) struct Distinct<'w> {
    what: &'w str,
    seen: HashMap<String, ()>,
}

impl<'w> Distinct<'w> {
    pub(super) fn new(what: &'w str) -> Distinct<'w> {
        Distinct { what, seen: HashMap::new() }
    }

    /// A field's name and aliases.
    fn add_field(&mut self, Named { field, name }: &Named<'_>, errors: &Errors) {
        let attributes = &field.attributes;
        self.add(name, attributes.name.as_ref().map(|name| &name.value), field.span(), errors);
        for alias in &attributes.aliases {
            self.add(&alias.value(), Some(alias), alias.span(), errors);
        }
    }

    pub(super) fn add(&mut self, name: &str, literal: Option<&LitStr>, at: Span, errors: &Errors) {
        match literal {
            Some(literal) => literal_is_valid(literal, self.what, errors),
            None => name_is_valid(name, at, self.what, errors),
        }
        if self.seen.insert(name.to_owned(), ()).is_some() {
            let at = literal.map_or(at, LitStr::span);
            errors.at(
                at,
                format!("the {} {name:?} is there already: give one of the two another `name`", self.what),
            );
        }
    }
}
