//! Attributes that would have no effect where they stand: none is passed over in silence.

use super::Form;
use crate::errors::Errors;
use crate::input::{Data, Input};
use syn::LitStr;

pub(super) fn type_attributes_have_a_place(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let attributes = &input.attributes;
    let nameless = match form {
        Form::Transparent(_) => Some(
            "a transparent newtype has its field's SQL type: remove `{}`, or write `domain` in place of `transparent`",
        ),
        Form::Converted => Some("a converted type has the SQL type of what it is converted to: remove `{}`"),
        Form::Labels { is_text: true, .. } => {
            Some("a text enum is text, of whatever character type the column is: remove `{}`")
        }
        Form::Numbers { .. } => Some(
            "an integer enum has the SQL type of its integers: remove `{}`, or put it into a `domain` newtype",
        ),
        _ => None,
    };
    let names = [
        ("name", attributes.name.as_ref().map(|given| given.key)),
        ("schema", attributes.schema.as_ref().map(|given| given.key)),
    ];
    for (key, at) in names {
        if let (Some(at), Some(why)) = (at, nameless) {
            errors.at(at, why.replace("{}", key));
        }
    }
    if let (Some(rule), Some(why)) = (&attributes.rename_all, nothing_to_rename(form)) {
        errors.at(rule.key, format!("`rename_all` has nothing to rename: {why}; remove it"));
    }
    if let (Some(default), false) = (&attributes.default, matches!(form, Form::Composite { .. })) {
        errors.at(default.key, NOTHING_MISSING);
    }
    let allowances = [("allow_extra", &attributes.allow_extra), ("allow_missing", &attributes.allow_missing)];
    for (key, given) in allowances {
        if let (Some(given), false) = (given, matches!(form, Form::Composite { .. })) {
            errors.at(
                given.key,
                format!("`{key}` is about the attributes of a composite, and this type is none: remove it"),
            );
        }
    }
}

const NOTHING_MISSING: &str =
    "`default` has no effect: only a composite or a row can lack what a field is read from; remove it";

/// Why names have no use.
fn nothing_to_rename(form: &Form<'_>) -> Option<&'static str> {
    Some(match form {
        Form::Composite { by_position: true, .. } => {
            "a tuple struct's fields stand for attributes by their place"
        }
        Form::Packed(_) => "the fields of a packed type have no SQL names",
        Form::Text(_) => "a text type has its text form alone",
        Form::Transparent(_) | Form::Domain(_) | Form::Range(_) => "a newtype's field has no SQL name",
        Form::Numbers { .. } => "an integer enum has numbers and no labels",
        Form::Converted => "the type is converted as a whole",
        Form::Composite { .. } | Form::Labels { .. } | Form::Row(_) | Form::Params(_) | Form::CopyRow(_) => {
            return None;
        }
    })
}

pub(super) fn fields_have_no_idle_attributes(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let nameless = nothing_to_rename(form).unwrap_or("a field without a SQL value has no SQL name");
    let whole = match form {
        Form::Text(_) => Some("a text type has its text form alone"),
        Form::Converted => Some("the type is converted as a whole"),
        Form::Labels { .. } | Form::Numbers { .. } => {
            Some("the variant's field takes what no variant stands for")
        }
        _ => None,
    };
    let composite = matches!(form, Form::Composite { .. });
    for field in input.fields() {
        let attributes = &field.attributes;
        let named = matches!(form, Form::Composite { by_position: false, .. });
        if !attributes.is_skipped() {
            let names = [
                ("name", attributes.name.as_ref().map(|name| name.key)),
                ("alias", attributes.aliases.first().map(LitStr::span)),
            ];
            for (key, at) in names {
                if let (Some(at), false) = (at, named) {
                    errors.at(at, format!("`{key}` names nothing here: {nameless}; remove it"));
                }
            }
            if let (Some(default), false) = (&attributes.default, composite) {
                errors.at(default.key, NOTHING_MISSING);
            }
            if let (Some(why), Some((key, at))) = (whole, attributes.conversion.given().first()) {
                errors.at(*at, format!("`{key}` converts nothing here: {why}; remove it"));
            }
        }
        let skips = [
            ("skip", &attributes.skip),
            ("skip_to_sql", &attributes.skip_to_sql),
            ("skip_from_sql", &attributes.skip_from_sql),
        ];
        for (key, skip) in skips {
            if let (Some(skip), Some(why)) = (skip, whole) {
                errors.at(skip.key, format!("`{key}` skips nothing here: {why}; remove it"));
            }
        }
    }
}

pub(super) fn variants_have_no_idle_attributes(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let Data::Enum(variants) = &input.data else { return };
    let labels = match form {
        Form::Labels { .. } => None,
        Form::Numbers { .. } => Some("an integer enum has numbers and no labels"),
        Form::Converted => Some("the type is converted as a whole"),
        _ => Some("a text type has its text form alone"),
    };
    for variant in variants {
        let attributes = &variant.attributes;
        let is_other = attributes.other.is_some();
        let why = labels
            .or(is_other.then_some("the `other` variant takes every label that no variant has"))
            .or(attributes.skip.is_some().then_some("the variant is skipped"));
        let whole = !matches!(form, Form::Labels { .. } | Form::Numbers { .. });
        if let (Some(skip), Some(why), true) = (&attributes.skip, labels, whole) {
            errors.at(skip.key, format!("`skip` skips nothing here: {why}; remove it"));
        }
        if let (Some(name), Some(why)) = (&attributes.name, why) {
            errors.at(name.key, format!("`name` names nothing here: {why}; remove it"));
        }
        if let (Some(alias), Some(why)) = (attributes.aliases.first(), why) {
            errors.on(alias, format!("`alias` names nothing here: {why}; remove it"));
        }
        if let (Some(other), true) = (&attributes.other, whole) {
            errors.at(
                other.key,
                "`other` takes labels or numbers that no variant stands for, and this type has neither: remove it",
            );
        }
    }
}
