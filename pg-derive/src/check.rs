//! What the type is to PostgreSQL, and every rule that attributes alone can break. The lists of calls in [`value`] and
//! [`row`] are the table of contents. A mistake is reported with what is wrong and the cure, and the next is looked
//! for all the same.

use crate::errors::Errors;
use crate::input::{Data, Derive, Field, Input, Style, Variant, option_of};
use crate::rename::{Rule, plain};
use proc_macro2::Span;
use std::collections::HashMap;
use syn::{Ident, LitStr, Member};

/// What a type is to PostgreSQL.
pub(crate) enum Form<'i> {
    /// A composite with these attributes.
    Composite(Vec<Named<'i>>),
    /// A base type made of these parts.
    Packed(Vec<Named<'i>>),
    /// An enum with these labels.
    Enum(Vec<(&'i Ident, String)>),
    /// All that its one field is.
    Transparent(&'i Field<'i>),
    /// A domain over its one field.
    Domain(&'i Field<'i>),
    /// Its text form, which is that of a newtype's field, or its own.
    Text(Option<&'i Field<'i>>),
    /// Columns of a row.
    Row(Vec<Column<'i>>),
}

/// A field with its SQL name.
pub(crate) struct Named<'i> {
    pub(crate) field: &'i Field<'i>,
    pub(crate) name: String,
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
        Derive::FromRow => row(input, errors),
    }
}

/// A value of a SQL type.
fn value<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    one_form(input, errors);
    let form = form(input, errors)?;
    type_name_has_a_place(input, &form, errors);
    type_name_is_valid(input, errors);
    rename_all_has_a_place(input, &form, errors);
    fields_have_no_idle_attributes(input, &form, errors);
    variants_have_no_idle_attributes(input, &form, errors);
    match &form {
        Form::Composite(attributes) => {
            something_is_left(input, attributes.len(), "a composite type has at least one attribute", errors);
            names_are_valid_and_differ(attributes, "attribute", errors);
        }
        Form::Enum(labels) => labels_are_valid_and_differ(input, labels, errors),
        Form::Packed(parts) => {
            something_is_left(input, parts.len(), "a packed type has at least one part", errors);
            parts_are_never_null(parts, errors);
        }
        Form::Transparent(_) | Form::Domain(_) | Form::Text(_) | Form::Row(_) => {}
    }
    Some(form)
}

/// A row of a result.
fn row<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    let (style, fields) = row_is_a_struct(input, errors)?;
    rows_have_no_form(input, errors);
    type_name_is_valid(input, errors);
    rename_all_needs_names(input, style, errors);
    for field in fields {
        left_out_fields_have_nothing_else(field, errors);
        flatten_stands_alone(field, errors);
        columns_in_order_have_no_names(field, style, errors);
    }
    let columns = columns(input, style, fields);
    something_is_left(input, columns.len(), "a row is read from at least one column", errors);
    columns_are_valid_and_differ(&columns, errors);
    Some(Form::Row(columns))
}

/// The attributes that say what a type is, those that were given.
fn forms(input: &Input<'_>) -> Vec<(&'static str, Span)> {
    let attributes = &input.attributes;
    let forms = [
        ("transparent", attributes.transparent.as_ref().map(|given| given.key)),
        ("domain", attributes.domain.as_ref().map(|given| given.key)),
        ("text", attributes.text.as_ref().map(|given| given.key)),
        ("packed", attributes.packed.as_ref().map(|given| given.key)),
    ];
    forms.into_iter().filter_map(|(name, key)| Some((name, key?))).collect()
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
    match (&input.data, asked) {
        (Data::Union(at), _) => refuse(
            *at,
            "a union doesn't say which of its fields is valid, so it can't be a SQL value: use a struct or an enum",
        ),
        (data, Some(("text", _))) => Some(Form::Text(match data {
            Data::Struct(Style::Tuple, _) if !own_text(input) => only_field(data),
            _ => None,
        })),
        (data, Some((kind @ ("transparent" | "domain"), at))) => match only_field(data) {
            Some(field) if kind == "domain" => Some(Form::Domain(field)),
            Some(field) => Some(Form::Transparent(field)),
            None => refuse(
                at,
                &format!(
                    "`{kind}` is for a struct with one field: `struct Email(String);` (PhantomData is not counted)"
                ),
            ),
        },
        (Data::Struct(Style::Named, fields), Some(("packed", _))) => Some(Form::Packed(packed(fields))),
        (_, Some(("packed", at))) => {
            refuse(at, "`packed` is for a struct with named fields: `struct Point { x: f64, y: f64 }`")
        }
        (Data::Struct(Style::Named, fields), _) => Some(Form::Composite(composite(input, fields))),
        (Data::Struct(Style::Unit, _), _) => refuse(
            input.ident.span(),
            "a unit struct has no value to send or read: give it a field, or make it an enum",
        ),
        (data @ Data::Struct(Style::Tuple, _), _) => match only_field(data) {
            Some(_) => refuse(
                input.ident.span(),
                "say what the newtype is to PostgreSQL: `#[pg(transparent)]` for all that its field is, \
                 `#[pg(domain)]` for a domain over its field's type, or `#[pg(text)]` for a type read and written \
                 through the text form of its field",
            ),
            None => refuse(
                input.ident.span(),
                "a tuple struct with several fields has no names to match a composite's attributes with: \
                 name its fields, or write `#[pg(text = self)]` if it has Display and FromStr",
            ),
        },
        (Data::Enum(variants), _) => enum_form(input, variants, errors),
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

fn enum_form<'i>(input: &Input<'i>, variants: &'i [Variant<'i>], errors: &Errors) -> Option<Form<'i>> {
    let mut labels = Some(Vec::with_capacity(variants.len()));
    for variant in variants {
        match variant.data {
            Some(at) => {
                errors.at(
                    at,
                    "a label of a PostgreSQL enum carries no data: remove it, or write `#[pg(text)]` on the enum if it \
                     has Display and FromStr",
                );
                labels = None;
            }
            None => {
                if let Some(labels) = &mut labels {
                    labels.push((variant.ident, label(input, variant)));
                }
            }
        }
    }
    labels.map(Form::Enum)
}

fn label(input: &Input<'_>, variant: &Variant<'_>) -> String {
    let rule = input.attributes.rename_all.as_ref().map_or(Rule::Snake, |rule| rule.value);
    match &variant.attributes.name {
        Some(name) => name.value.value(),
        None => rule.apply(&plain(variant.ident)),
    }
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

fn type_name_has_a_place(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    if let Form::Transparent(_) = form {
        for (key, given) in [("name", &input.attributes.name), ("schema", &input.attributes.schema)] {
            if let Some(given) = given {
                errors.at(
                    given.key,
                    format!("a transparent newtype has its field's SQL type: remove `{key}`, or write `domain` in place of `transparent`"),
                );
            }
        }
    }
}

fn rename_all_has_a_place(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let Some(rule) = &input.attributes.rename_all else { return };
    let why = match form {
        Form::Composite(_) | Form::Enum(_) | Form::Row(_) => return,
        Form::Packed(_) => "the fields of a packed type have no SQL names",
        Form::Text(_) => "a text type has its text form alone",
        Form::Transparent(_) | Form::Domain(_) => "a newtype's field has no SQL name",
    };
    errors.at(rule.key, format!("`rename_all` has nothing to rename: {why}; remove it"));
}

fn type_name_is_valid(input: &Input<'_>, errors: &Errors) {
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

fn names_are_valid_and_differ(attributes: &[Named<'_>], what: &str, errors: &Errors) {
    let mut names = Distinct::new(what);
    for named in attributes {
        names.add(
            &named.name,
            named.field.attributes.name.as_ref().map(|n| &n.value),
            named.field.span(),
            errors,
        );
    }
}

fn labels_are_valid_and_differ(input: &Input<'_>, labels: &[(&Ident, String)], errors: &Errors) {
    if labels.is_empty() {
        errors.at(
            input.ident.span(),
            "an enum without variants has no value to send or read: add a variant for each label",
        );
    }
    let mut names = Distinct::new("label");
    let Data::Enum(variants) = &input.data else { return };
    for (variant, (ident, label)) in variants.iter().zip(labels) {
        names.add(label, variant.attributes.name.as_ref().map(|n| &n.value), ident.span(), errors);
    }
}

fn columns_are_valid_and_differ(columns: &[Column<'_>], errors: &Errors) {
    let mut names = Distinct::new("column");
    for column in columns {
        match column {
            Column::Named(Named { field, name }) => {
                names.add(name, field.attributes.name.as_ref().map(|n| &n.value), field.span(), errors);
            }
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
struct Distinct<'w> {
    what: &'w str,
    seen: HashMap<String, ()>,
}

impl<'w> Distinct<'w> {
    fn new(what: &'w str) -> Distinct<'w> {
        Distinct { what, seen: HashMap::new() }
    }

    fn add(&mut self, name: &str, literal: Option<&LitStr>, at: Span, errors: &Errors) {
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

fn something_is_left(input: &Input<'_>, count: usize, rule: &str, errors: &Errors) {
    if count == 0 {
        errors.at(input.ident.span(), format!("no field is left: {rule}"));
    }
}

fn fields_have_no_idle_attributes(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let why = match form {
        Form::Packed(_) => "the fields of a packed type have no SQL names",
        Form::Text(_) => "a text type has its text form alone",
        Form::Transparent(_) | Form::Domain(_) => "a newtype's field has no SQL name",
        Form::Composite(_) | Form::Enum(_) | Form::Row(_) => "a field without a SQL value has no SQL name",
    };
    let fields: Vec<&Field<'_>> = match &input.data {
        Data::Struct(_, fields) => fields.iter().collect(),
        Data::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for field in fields {
        let idle = !matches!(form, Form::Composite(_)) || field.is_left_out();
        if let (Some(name), true) = (&field.attributes.name, idle) {
            errors.at(name.key, format!("`name` names nothing here: {why}; remove it"));
        }
        if let (Some(skip), Form::Text(_)) = (&field.attributes.skip, form) {
            errors.at(skip.key, format!("`skip` skips nothing here: {why}; remove it"));
        }
    }
}

fn variants_have_no_idle_attributes(input: &Input<'_>, form: &Form<'_>, errors: &Errors) {
    let (Data::Enum(variants), false) = (&input.data, matches!(form, Form::Enum(_))) else { return };
    for name in variants.iter().filter_map(|variant| variant.attributes.name.as_ref()) {
        errors.at(name.key, "`name` names nothing here: a text type has its text form alone; remove it");
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

fn row_is_a_struct<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<(Style, &'i [Field<'i>])> {
    let (at, wrong) = match &input.data {
        Data::Struct(Style::Unit, _) => {
            (input.ident.span(), "a unit struct has no fields to read columns into: give it some")
        }
        Data::Struct(style, fields) => return Some((*style, fields)),
        Data::Enum(_) => (
            input.ident.span(),
            "a row is read into a struct: derive `FromSql` for an enum, and read it as a field or with `query_value`",
        ),
        Data::Union(at) => {
            (*at, "a row is read into a struct: a union doesn't say which of its fields is valid")
        }
    };
    errors.at(at, wrong);
    None
}

fn rows_have_no_form(input: &Input<'_>, errors: &Errors) {
    for (form, key) in forms(input) {
        errors.at(
            key,
            format!("`{form}` says what one SQL value is, and `FromRow` reads whole rows: remove it, or derive `FromSql` instead"),
        );
    }
}

fn rename_all_needs_names(input: &Input<'_>, style: Style, errors: &Errors) {
    if let (Some(rule), Style::Tuple) = (&input.attributes.rename_all, style) {
        errors.at(
            rule.key,
            "`rename_all` has nothing to rename: a tuple struct reads its columns in order; remove it, or name the fields",
        );
    }
}

fn left_out_fields_have_nothing_else(field: &Field<'_>, errors: &Errors) {
    if !field.is_left_out() {
        return;
    }
    let why = if field.attributes.skip.is_some() {
        "the field is skipped"
    } else {
        "PhantomData is read from no column"
    };
    let others = [
        ("name", field.attributes.name.as_ref().map(|given| given.key)),
        ("default", field.attributes.default.as_ref().map(|given| given.key)),
        ("flatten", field.attributes.flatten.as_ref().map(|given| given.key)),
    ];
    for (other, key) in others {
        if let Some(key) = key {
            errors.at(key, format!("`{other}` has no effect: {why}; remove one of the two"));
        }
    }
}

fn flatten_stands_alone(field: &Field<'_>, errors: &Errors) {
    if field.attributes.flatten.is_none() || field.is_left_out() {
        return;
    }
    if let Some(name) = &field.attributes.name {
        errors.at(
            name.key,
            "a flattened field has no column of its own to name: remove `name`, or write `flatten(prefix = \"..\")`",
        );
    }
    if let Some(default) = &field.attributes.default {
        errors.at(
            default.key,
            "a flattened field has no column of its own that could be missing: write `default` on the fields inside, \
             or make the type an Option, which is None where all its columns are NULL",
        );
    }
}

fn columns_in_order_have_no_names(field: &Field<'_>, style: Style, errors: &Errors) {
    if style != Style::Tuple || field.is_left_out() || field.attributes.flatten.is_some() {
        return;
    }
    if let Some(name) = &field.attributes.name {
        errors.at(name.key, "a tuple struct reads its columns in order: remove `name`, or name the fields");
    }
    if let Some(default) = &field.attributes.default {
        errors.at(
            default.key,
            "a tuple struct reads its columns in order, so none can be told missing: remove `default`, or name the fields",
        );
    }
}

fn columns<'i>(input: &Input<'i>, style: Style, fields: &'i [Field<'i>]) -> Vec<Column<'i>> {
    let fields = fields.iter().filter(|field| !field.is_left_out());
    fields
        .map(|field| match &field.attributes.flatten {
            Some(flatten) => {
                let prefix = flatten.value.as_ref().map(LitStr::value).unwrap_or_default();
                Column::Flattened { field, prefix }
            }
            None if style == Style::Tuple => Column::Next(field),
            None => Column::Named(Named { field, name: field_name(input, field) }),
        })
        .collect()
}
