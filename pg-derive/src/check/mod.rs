//! What the type is to PostgreSQL, and every rule that attributes alone can break. The lists of calls in [`value`] and
//! in `columns` are the table of contents. A mistake is reported with what is wrong and the cure, and the next is looked
//! for all the same.

mod columns;
mod enumeration;
mod idle;
mod names;

use crate::attributes::Conversion;
use crate::errors::Errors;
use crate::input::{Data, Derive, Field, Input, Style, option_of};
use crate::rename::{Rule, plain};
use proc_macro2::{Span, TokenStream};
use syn::{Ident, Member, Type};

/// What a type is to PostgreSQL.
pub(crate) enum Form<'i> {
    /// A composite with these attributes.
    Composite { attributes: Vec<Named<'i>>, by_position: bool },
    /// A base type made of these parts.
    Packed(Vec<Named<'i>>),
    /// An enum, or text that is one of these labels.
    Labels { is_text: bool, labels: Vec<Label<'i>>, rest: Rest<'i> },
    /// Integers of a Rust type.
    Numbers { repr: &'i Type, numbers: Vec<Number<'i>>, rest: Rest<'i> },
    /// All that its one field is.
    Transparent(&'i Field<'i>),
    /// A domain over its one field.
    Domain(&'i Field<'i>),
    /// A range that was created, over its one field.
    Range(&'i Field<'i>),
    /// Its text form, which is that of a newtype's field, or its own.
    Text(Option<&'i Field<'i>>),
    /// What its conversion makes of it.
    Converted,
    /// Columns of a row.
    Row(Vec<Column<'i>>),
    /// Parameters by name, or in order.
    Params(Vec<Column<'i>>),
    /// Columns of a row of COPY.
    CopyRow(Vec<Column<'i>>),
}

/// A field with its SQL name.
pub(crate) struct Named<'i> {
    pub(crate) field: &'i Field<'i>,
    pub(crate) name: String,
}

/// A variant with the label that is written, and all that are read.
pub(crate) struct Label<'i> {
    pub(crate) variant: &'i Ident,
    pub(crate) label: String,
    pub(crate) aliases: Vec<String>,
}

/// A variant with its number.
pub(crate) struct Number<'i> {
    pub(crate) variant: &'i Ident,
    pub(crate) number: TokenStream,
}

/// The variants that stand for no value of their own.
#[derive(Default)]
pub(crate) struct Rest<'i> {
    pub(crate) other: Option<Other<'i>>,
    /// Never read, and an error to write.
    pub(crate) skipped: Vec<&'i Ident>,
}

/// The variant that takes what no other stands for, in its one field.
pub(crate) struct Other<'i> {
    pub(crate) variant: &'i Ident,
    pub(crate) field: &'i Field<'i>,
}

/// A field of a row.
pub(crate) enum Column<'i> {
    /// By name.
    Named(Named<'i>),
    /// The next one.
    Next(&'i Field<'i>),
    /// Several, read by the field's own type.
    Flattened { field: &'i Field<'i>, prefix: String },
}

impl<'i> Column<'i> {
    pub(crate) fn field(&self) -> &'i Field<'i> {
        match self {
            Column::Named(Named { field, .. }) | Column::Next(field) | Column::Flattened { field, .. } => {
                field
            }
        }
    }
}

/// What the type's SQL names are: checked here, used in expansions.
pub(crate) fn type_name(input: &Input<'_>) -> String {
    match &input.attributes.name {
        Some(name) => name.value.value(),
        None => Rule::Snake.apply(&plain(input.ident)),
    }
}

/// Checks the input; `None` if there is no saying what it is.
pub(crate) fn check<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    match input.derive {
        Derive::ToSql | Derive::FromSql => value(input, errors),
        Derive::FromRow => columns::row(input, errors),
        Derive::Params => columns::params(input, errors),
        Derive::CopyRow => columns::copy_row(input, errors),
    }
}

/// A value of a SQL type.
fn value<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    one_form(input, errors);
    let form = form(input, errors)?;
    idle::type_attributes_have_a_place(input, &form, errors);
    names::type_name_is_valid(input, errors);
    idle::fields_have_no_idle_attributes(input, &form, errors);
    idle::variants_have_no_idle_attributes(input, &form, errors);
    for field in input.fields() {
        one_conversion(&field.attributes.conversion, errors);
        nullable_is_an_option(field, errors);
        there_is_one_null(field, errors);
        columns::left_out_fields_have_nothing_else(field, errors);
    }
    one_conversion(&input.attributes.conversion, errors);
    match &form {
        Form::Composite { attributes, .. } => {
            something_is_left(input, attributes.len(), "a composite type has at least one attribute", errors);
            names::names_are_valid_and_differ(attributes, "attribute", errors);
        }
        Form::Labels { is_text, labels, rest } => {
            enumeration::some_variant(input, labels.len(), rest, errors);
            let of = if *is_text { names::Of::TEXT } else { names::Of::LABEL };
            enumeration::labels_are_valid_and_differ(input, labels, of, errors);
        }
        Form::Numbers { repr, numbers, rest } => {
            enumeration::some_variant(input, numbers.len(), rest, errors);
            enumeration::repr_is_a_sql_type(repr, errors);
        }
        Form::Packed(parts) => {
            something_is_left(input, parts.len(), "a packed type has at least one part", errors);
            parts_are_never_null(parts, errors);
        }
        Form::Converted => conversion_goes_this_way(input, errors),
        _ => {}
    }
    Some(form)
}

/// The attributes that say what a type is, those that were given.
fn forms(input: &Input<'_>) -> Vec<(&'static str, Span)> {
    let attributes = &input.attributes;
    let forms = [
        ("transparent", attributes.transparent.as_ref().map(|given| given.key)),
        ("domain", attributes.domain.as_ref().map(|given| given.key)),
        ("composite", attributes.composite.as_ref().map(|given| given.key)),
        ("text", attributes.text.as_ref().map(|given| given.key)),
        ("repr", attributes.repr.as_ref().map(|given| given.key)),
        ("packed", attributes.packed.as_ref().map(|given| given.key)),
        ("range", attributes.range.as_ref().map(|given| given.key)),
    ];
    let mut forms: Vec<_> = forms.into_iter().filter_map(|(name, key)| Some((name, key?))).collect();
    // Several of these are one conversion, or a mistake of their own.
    forms.extend(attributes.conversion.given().first());
    forms
}

fn one_form(input: &Input<'_>, errors: &Errors) {
    let forms = forms(input);
    if let [(first, _), others @ ..] = forms.as_slice() {
        for (other, key) in others {
            errors.at(*key, format!("a type is `{first}` or `{other}`, not both: keep one"));
        }
    }
}

/// Decides what the type is from its shape and its attributes.
fn form<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    let forms = forms(input);
    let asked = forms.first().copied();
    let refuse = |at: Span, message: &str| {
        errors.at(at, message);
        None
    };
    let converted = !input.attributes.conversion.given().is_empty();
    match (&input.data, asked) {
        (Data::Union(at), _) => refuse(
            *at,
            "a union doesn't say which of its fields is valid, so it can't be a SQL value: use a struct or an enum",
        ),
        (_, Some((kind, _)))
            if converted && input.attributes.conversion.given().iter().any(|(name, _)| *name == kind) =>
        {
            Some(Form::Converted)
        }
        (Data::Enum(variants), Some(("repr", _))) => enumeration::numbers(input, variants, errors),
        (_, Some(("repr", at))) => {
            refuse(at, "`repr` is for an enum: a newtype over an integer is `#[pg(transparent)]`")
        }
        (Data::Enum(variants), Some(("text", _))) if !own_text(input) => {
            enumeration::labels(input, variants, true, errors)
        }
        (data, Some(("text", _))) => Some(Form::Text(match data {
            Data::Struct(Style::Tuple, _) if !own_text(input) => only_field(data),
            _ => None,
        })),
        (data, Some((kind @ ("transparent" | "domain" | "range"), at))) => match only_field(data) {
            Some(field) if kind == "domain" => Some(Form::Domain(field)),
            Some(field) if kind == "range" => Some(Form::Range(field)),
            Some(field) => Some(Form::Transparent(field)),
            None => refuse(
                at,
                &format!(
                    "`{kind}` is for a struct with one field: `struct {};` (PhantomData is not counted)",
                    if kind == "range" { "Speeds(Range<f64>)" } else { "Email(String)" }
                ),
            ),
        },
        (Data::Struct(Style::Named, fields), Some(("packed", _))) => Some(Form::Packed(packed(fields))),
        (_, Some(("packed", at))) => {
            refuse(at, "`packed` is for a struct with named fields: `struct Point { x: f64, y: f64 }`")
        }
        (Data::Struct(Style::Unit, _), _) => refuse(
            input.ident.span(),
            "a unit struct has no value to send or read: give it a field, or make it an enum",
        ),
        (Data::Struct(Style::Named, fields), _) => {
            Some(Form::Composite { attributes: composite(input, fields), by_position: false })
        }
        (data @ Data::Struct(Style::Tuple, fields), asked) => match only_field(data) {
            Some(_) if asked.is_none() => refuse(
                input.ident.span(),
                "say what the newtype is to PostgreSQL: `#[pg(transparent)]` for all that its field is, \
                 `#[pg(domain)]` for a domain over its field's type, `#[pg(text)]` for a type read and written \
                 through the text form of its field, or `#[pg(composite)]` for a composite of one attribute",
            ),
            _ => Some(Form::Composite { attributes: packed(fields), by_position: true }),
        },
        (Data::Enum(_), Some((_, at))) => {
            refuse(at, "`composite` is for a struct: an enum is PostgreSQL's own enum without it")
        }
        (Data::Enum(variants), None) => enumeration::labels(input, variants, false, errors),
    }
}

/// The one field that isn't left out.
fn only_field<'i>(data: &'i Data<'i>) -> Option<&'i Field<'i>> {
    let Data::Struct(_, fields) = data else { return None };
    let mut fields = fields.iter().filter(|field| !field.is_left_out());
    match (fields.next(), fields.next()) {
        (Some(field), None) => Some(field),
        _ => None,
    }
}

fn own_text(input: &Input<'_>) -> bool {
    input.attributes.text.as_ref().is_some_and(|text| text.value)
}

fn composite<'i>(input: &Input<'i>, fields: &'i [Field<'i>]) -> Vec<Named<'i>> {
    let fields = fields.iter().filter(|field| !field.is_left_out());
    fields.map(|field| Named { field, name: field_name(input, field) }).collect()
}

fn packed<'i>(fields: &'i [Field<'i>]) -> Vec<Named<'i>> {
    let fields = fields.iter().filter(|field| !field.is_left_out());
    fields.map(|field| Named { field, name: member_name(field) }).collect()
}

fn member_name(field: &Field<'_>) -> String {
    match &field.member {
        Member::Named(ident) => plain(ident),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn field_name(input: &Input<'_>, field: &Field<'_>) -> String {
    match (&field.attributes.name, &input.attributes.rename_all) {
        (Some(name), _) => name.value.value(),
        (None, Some(rule)) => rule.value.apply(&member_name(field)),
        (None, None) => member_name(field),
    }
}

fn something_is_left(input: &Input<'_>, count: usize, rule: &str, errors: &Errors) {
    if count == 0 {
        errors.at(input.ident.span(), format!("no field is left: {rule}"));
    }
}

fn parts_are_never_null(parts: &[Named<'_>], errors: &Errors) {
    for part in parts {
        if option_of(part.field.ty).is_some() {
            errors
                .on(part.field.ty, "a part of a packed type is never NULL: take the type out of the Option");
        }
    }
}

fn one_conversion(conversion: &Conversion, errors: &Errors) {
    let given = conversion.given();
    let is_pair = |a: &str, b: &str| matches!((a, b), ("into", "from" | "try_from"));
    if let [(first, _), others @ ..] = given.as_slice() {
        for (other, key) in others.iter().filter(|(other, _)| !is_pair(first, other)) {
            errors.at(
                *key,
                format!("a value is converted by `{first}` or by `{other}`, not by both: keep one"),
            );
        }
        if let [("into", _), ("from", _), ("try_from", key)] = given.as_slice() {
            errors.at(*key, "a value is converted by `from` or by `try_from`, not by both: keep one");
        }
    }
}

fn nullable_is_an_option(field: &Field<'_>, errors: &Errors) {
    if let Some(json) = field.attributes.conversion.json.as_ref().filter(|json| json.value)
        && option_of(field.ty).is_none()
    {
        errors.at(json.key, "`json(nullable)` reads NULL as None, so it wants an `Option<..>`: write `json`");
    }
}

fn there_is_one_null(field: &Field<'_>, errors: &Errors) {
    let converted = !field.attributes.conversion.given().is_empty();
    if !converted
        && !field.is_left_out()
        && option_of(field.ty).is_some_and(|inner| option_of(inner).is_some())
    {
        errors.on(field.ty, "an Option in an Option: SQL has one NULL; write one Option");
    }
}

/// `into` alone doesn't say how the type is read.
fn conversion_goes_this_way(input: &Input<'_>, errors: &Errors) {
    let conversion = &input.attributes.conversion;
    let converts = conversion.json.is_some() || conversion.with.is_some();
    let (reads, writes) =
        (conversion.from.is_some() || conversion.try_from.is_some(), conversion.into.is_some());
    let (missing, key) = match (input.derive, conversion.given().first()) {
        (Derive::ToSql, Some((_, key))) if !writes => ("`into = ..` says how it is written", *key),
        (Derive::FromSql, Some((_, key))) if !reads => {
            ("`from = ..` or `try_from = ..` says how it is read", *key)
        }
        _ => return,
    };
    if !converts {
        errors.at(key, format!("{missing}: add it, or don't derive `{}`", input.derive.name()));
    }
}
