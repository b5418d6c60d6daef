//! Rows, parameters and rows of COPY: structs whose fields are columns.

use super::names::{self, columns_are_valid_and_differ, type_name_is_valid};
use super::{
    Column, Form, Named, field_name, forms, nullable_is_an_option, one_conversion, something_is_left,
    there_is_one_null,
};
use crate::errors::Errors;
use crate::input::{Data, Field, Input, Style};
use syn::LitStr;

/// A row of a result.
pub(super) fn row<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    let (style, fields) =
        struct_of_columns(input, "a row is read into a struct", "to read columns into", errors)?;
    no_form(input, "reads whole rows", "FromSql", errors);
    rename_all_needs_names(input, style, "reads its columns in order", errors);
    if let (Some(default), Style::Tuple) = (&input.attributes.default, style) {
        errors.at(
            default.key,
            "a tuple struct reads its columns in order, so none can be told missing: remove `default`, or name the fields",
        );
    }
    for field in fields {
        own_attributes(field, errors);
        flatten_stands_alone(field, errors);
        columns_in_order_have_no_names(field, style, "reads its columns in order", errors);
    }
    let columns = columns(input, style, fields);
    something_is_left(input, columns.len(), "a row is read from at least one column", errors);
    columns_are_valid_and_differ(&columns, errors);
    Some(Form::Row(columns))
}

/// A list of parameters.
pub(super) fn params<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    let (style, fields) =
        struct_of_columns(input, "parameters are a struct", "to send; for no parameters pass `()`", errors)?;
    no_form(input, "sends a list of them", "ToSql", errors);
    rename_all_needs_names(input, style, "is `$1`, `$2` and so on", errors);
    for field in fields {
        own_attributes(field, errors);
        columns_in_order_have_no_names(field, style, "is `$1`, `$2` and so on", errors);
    }
    let columns = columns(input, style, fields);
    something_is_left(input, columns.len(), "for no parameters pass `()`", errors);
    columns_are_valid_and_differ(&columns, errors);
    for column in &columns {
        if let Column::Named(named) = column {
            names::parameter_is_a_word(named, errors);
        }
    }
    Some(Form::Params(columns))
}

/// A row of COPY.
pub(super) fn copy_row<'i>(input: &'i Input<'i>, errors: &Errors) -> Option<Form<'i>> {
    let (style, fields) =
        struct_of_columns(input, "a row of COPY is a struct", "to send as columns", errors)?;
    no_form(input, "writes whole rows", "ToSql", errors);
    rename_all_needs_names(input, style, "writes its columns in order", errors);
    for field in fields {
        own_attributes(field, errors);
        columns_in_order_have_no_names(field, style, "writes its columns in order", errors);
    }
    let columns = columns(input, style, fields);
    something_is_left(input, columns.len(), "a row of COPY has at least one column", errors);
    columns_are_valid_and_differ(&columns, errors);
    Some(Form::CopyRow(columns))
}

fn struct_of_columns<'i>(
    input: &'i Input<'i>,
    rule: &str,
    purpose: &str,
    errors: &Errors,
) -> Option<(Style, &'i [Field<'i>])> {
    let (at, wrong) = match &input.data {
        Data::Struct(Style::Unit, _) => {
            (input.ident.span(), format!("a unit struct has no fields {purpose}: give it some"))
        }
        Data::Struct(style, fields) => return Some((*style, fields)),
        Data::Enum(_) => (
            input.ident.span(),
            format!("{rule}: derive `FromSql` or `ToSql` for an enum, and make it a field of one"),
        ),
        Data::Union(at) => (*at, format!("{rule}: a union doesn't say which of its fields is valid")),
    };
    errors.at(at, wrong);
    None
}

fn no_form(input: &Input<'_>, does: &str, instead: &str, errors: &Errors) {
    for (form, key) in forms(input) {
        let derive = input.derive.name();
        errors.at(
            key,
            format!("`{form}` says what one SQL value is, and `{derive}` {does}: remove it, or derive `{instead}` instead"),
        );
    }
    type_name_is_valid(input, errors);
}

fn rename_all_needs_names(input: &Input<'_>, style: Style, why: &str, errors: &Errors) {
    if let (Some(rule), Style::Tuple) = (&input.attributes.rename_all, style) {
        errors.at(
            rule.key,
            format!(
                "`rename_all` has nothing to rename: a tuple struct {why}; remove it, or name the fields"
            ),
        );
    }
}

/// What holds for a field by itself.
fn own_attributes(field: &Field<'_>, errors: &Errors) {
    left_out_fields_have_nothing_else(field, errors);
    one_conversion(&field.attributes.conversion, errors);
    nullable_is_an_option(field, errors);
    there_is_one_null(field, errors);
}

pub(super) fn left_out_fields_have_nothing_else(field: &Field<'_>, errors: &Errors) {
    let (why, idle) = field.idle();
    for (key, at) in idle {
        errors.at(at, format!("`{key}` has no effect: {why}; remove one of the two"));
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
    if let Some(alias) = field.attributes.aliases.first() {
        errors.on(alias, "a flattened field has no column of its own to name: remove `alias`");
    }
    if let Some((key, at)) = field.attributes.conversion.given().first() {
        errors.at(*at, format!("a flattened field is read column by column: remove `{key}`, or `flatten`"));
    }
    if let Some(default) = &field.attributes.default {
        errors.at(
            default.key,
            "a flattened field has no column of its own that could be missing: write `default` on the fields inside, \
             or make the type an Option, which is None where all its columns are NULL",
        );
    }
}

fn columns_in_order_have_no_names(field: &Field<'_>, style: Style, why: &str, errors: &Errors) {
    if style != Style::Tuple || field.is_left_out() || field.attributes.flatten.is_some() {
        return;
    }
    if let Some(name) = &field.attributes.name {
        errors.at(name.key, format!("a tuple struct {why}: remove `name`, or name the fields"));
    }
    if let Some(alias) = field.attributes.aliases.first() {
        errors.on(alias, format!("a tuple struct {why}: remove `alias`, or name the fields"));
    }
    if let Some(default) = &field.attributes.default {
        errors.at(
            default.key,
            format!(
                "a tuple struct {why}, so none can be told missing: remove `default`, or name the fields"
            ),
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
