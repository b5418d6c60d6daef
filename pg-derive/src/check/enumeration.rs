//! Enums: by label or by number, with a variant for what no other stands for.

use super::names::{Distinct, Of};
use super::{Form, Label, Number, Other, Rest};
use crate::errors::Errors;
use crate::input::{Data, Input, Variant, type_name_of};
use crate::rename::{Rule, plain};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::Type;

pub(super) fn labels<'i>(
    input: &Input<'i>,
    variants: &'i [Variant<'i>],
    is_text: bool,
    errors: &Errors,
) -> Option<Form<'i>> {
    let (variants, rest) = split(variants, errors)?;
    let labels = variants.into_iter().map(|variant| Label {
        variant: variant.ident,
        label: label(input, variant),
        aliases: variant.attributes.aliases.iter().map(syn::LitStr::value).collect(),
    });
    Some(Form::Labels { is_text, labels: labels.collect(), rest })
}

pub(super) fn numbers<'i>(
    input: &'i Input<'i>,
    variants: &'i [Variant<'i>],
    errors: &Errors,
) -> Option<Form<'i>> {
    let repr = &input.attributes.repr.as_ref()?.value;
    // As in Rust: one more than the variant before, from 0 on.
    let (mut from, mut steps) = (quote!(0), 0usize);
    let mut numbers = Vec::with_capacity(variants.len());
    for variant in variants {
        if let Some(number) = variant.number {
            (from, steps) = (quote!((#number)), 0);
        }
        let more = Literal::usize_unsuffixed(steps);
        let number: TokenStream = if steps == 0 { from.clone() } else { quote!(#from + #more) };
        numbers.push(Number { variant: variant.ident, number });
        steps += 1;
    }
    let (plain, rest) = split(variants, errors)?;
    numbers.retain(|number| plain.iter().any(|variant| variant.ident == number.variant));
    Some(Form::Numbers { repr, numbers, rest })
}

/// The variants that stand for one value each, and the others.
fn split<'i>(variants: &'i [Variant<'i>], errors: &Errors) -> Option<(Vec<&'i Variant<'i>>, Rest<'i>)> {
    let mut plain = Vec::with_capacity(variants.len());
    let (mut rest, mut fits) = (Rest::default(), true);
    for variant in variants {
        let mut refuse = |at, message: &str| {
            errors.at(at, message);
            fits = false;
        };
        match (&variant.attributes.other, variant.data, variant.fields.as_slice()) {
            (Some(other), ..) if variant.attributes.skip.is_some() => {
                refuse(other.key, "a variant is `skip` or `other`, not both: keep one");
            }
            _ if variant.attributes.skip.is_some() => rest.skipped.push(variant.ident),
            (Some(other), ..) if rest.other.is_some() => {
                refuse(
                    other.key,
                    "two variants are `other`: one takes all that no variant stands for, keep one",
                );
            }
            (Some(_), _, [field]) => rest.other = Some(Other { variant: variant.ident, field }),
            (Some(other), ..) => refuse(
                other.key,
                "`other` keeps what the server sent, so the variant wants one field: `Other(String)` for labels, \
                 `Other(i32)` for numbers",
            ),
            (None, Some(at), _) => refuse(
                at,
                "a label of a PostgreSQL enum carries no data: remove it, mark the variant that takes unknown labels \
                 `#[pg(other)]`, one that is never sent `#[pg(skip)]`, write `#[pg(json)]` on the enum to keep it as JSON by serde, or `#[pg(text = self)]` \
                 if it has Display and FromStr",
            ),
            (None, None, _) => plain.push(variant),
        }
    }
    fits.then_some((plain, rest))
}

fn label(input: &Input<'_>, variant: &Variant<'_>) -> String {
    let rule = input.attributes.rename_all.as_ref().map_or(Rule::Snake, |rule| rule.value);
    match &variant.attributes.name {
        Some(name) => name.value.value(),
        None => rule.apply(&plain(variant.ident)),
    }
}

pub(super) fn some_variant(input: &Input<'_>, count: usize, rest: &Rest<'_>, errors: &Errors) {
    if count == 0 && rest.other.is_none() {
        errors.at(
            input.ident.span(),
            "an enum without variants has no value to send or read: add a variant for each label",
        );
    }
}

pub(super) fn labels_are_valid_and_differ(input: &Input<'_>, labels: &[Label<'_>], of: Of, errors: &Errors) {
    let mut names = Distinct::new(of);
    let Data::Enum(variants) = &input.data else { return };
    let is_plain =
        |variant: &&Variant<'_>| variant.attributes.other.is_none() && variant.attributes.skip.is_none();
    let plain = variants.iter().filter(is_plain);
    for (variant, label) in plain.zip(labels) {
        let attributes = &variant.attributes;
        names.add(
            &label.label,
            attributes.name.as_ref().map(|name| &name.value),
            variant.ident.span(),
            errors,
        );
        for alias in &attributes.aliases {
            names.add(&alias.value(), Some(alias), alias.span(), errors);
        }
    }
}

/// What `repr` may be, and what it is to PostgreSQL.
const REPRS: &str = "i16 (smallint), i32 (integer), i64 (bigint), u32 (oid) or i8 (\"char\")";

pub(super) fn repr_is_a_sql_type(repr: &Type, errors: &Errors) {
    let name = type_name_of(repr).unwrap_or_default();
    if !["i16", "i32", "i64", "u32", "i8"].contains(&name.as_str()) {
        errors.on(repr, format!("no SQL type holds exactly these integers: `repr` is {REPRS}"));
    }
}
