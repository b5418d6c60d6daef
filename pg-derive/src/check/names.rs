//! SQL names: which PostgreSQL has, and that those of one type differ.

use super::{Column, Named, type_name};
use crate::errors::Errors;
use crate::input::Input;
use proc_macro2::Span;
use std::collections::HashSet;
use syn::LitStr;

pub(super) fn type_name_is_valid(input: &Input<'_>, errors: &Errors) {
    match &input.attributes.name {
        Some(name) => literal_is_valid(&name.value, Of::name("type"), errors),
        None => name_is_valid(&type_name(input), input.ident.span(), Of::name("type"), errors),
    }
    if let Some(schema) = &input.attributes.schema {
        literal_is_valid(&schema.value, Of::name("schema"), errors);
    }
}

/// What a name is of, and what holds for it.
#[derive(Clone, Copy)]
pub(super) struct Of {
    what: &'static str,
    may_be_empty: bool,
    longest: usize,
}

impl Of {
    /// Manual: "Identifiers and Key Words"; the server cuts longer ones short.
    pub(super) const fn name(what: &'static str) -> Of {
        Of { what, may_be_empty: false, longest: 63 }
    }

    /// Manual: "CREATE TYPE"; an enum may have an empty one.
    pub(super) const LABEL: Of = Of { may_be_empty: true, ..Of::name("label") };

    /// Of an enum that is text.
    pub(super) const TEXT: Of = Of { longest: usize::MAX, ..Of::LABEL };
}

fn literal_is_valid(name: &LitStr, of: Of, errors: &Errors) {
    let text = name.value();
    if let Some(wrong) = wrong_name(&text, of) {
        errors.at(name.span(), wrong);
    }
}

/// As [`literal_is_valid`], for a name that was made from a Rust name.
fn name_is_valid(name: &str, at: Span, of: Of, errors: &Errors) {
    if let Some(wrong) = wrong_name(name, of) {
        errors.at(at, format!("{wrong}; give it one with `name = \"..\"`"));
    }
}

fn wrong_name(name: &str, Of { what, may_be_empty, longest }: Of) -> Option<String> {
    if name.is_empty() && !may_be_empty {
        return Some(format!("the {what}'s name is empty"));
    }
    if name.contains('\0') {
        return Some(format!("the {what}'s name contains a NUL character, which PostgreSQL has in no name"));
    }
    if name.len() > longest {
        return Some(format!(
            "the {what}'s name is {} bytes long, and PostgreSQL has none longer than {longest}",
            name.len()
        ));
    }
    None
}

pub(super) fn names_are_valid_and_differ(attributes: &[Named<'_>], what: &'static str, errors: &Errors) {
    let mut names = Distinct::new(Of::name(what));
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
    let mut names = Distinct::new(Of::name("column"));
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
                        literal_is_valid(prefix, Of::name("prefix"), errors);
                    }
                }
            }
            Column::Next(_) => {}
        }
    }
}

/// Names that must differ.
pub(super) struct Distinct {
    of: Of,
    seen: HashSet<String>,
}

impl Distinct {
    pub(super) fn new(of: Of) -> Distinct {
        Distinct { of, seen: HashSet::new() }
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
            Some(literal) => literal_is_valid(literal, self.of, errors),
            None => name_is_valid(name, at, self.of, errors),
        }
        if !self.seen.insert(name.to_owned()) {
            let at = literal.map_or(at, LitStr::span);
            errors.at(
                at,
                format!("the {} {name:?} is there already: give one of the two another `name`", self.of.what),
            );
        }
    }
}
