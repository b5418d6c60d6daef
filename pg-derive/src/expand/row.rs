//! Rows: the shape as a constant, and the fields in its order.

use super::{Expansion, at, call, ends, local};
use crate::check::Column;
use crate::input::{Field, option_of};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, columns: &[Column<'_>]) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let reader = local("row");
    let mut shape = Vec::with_capacity(columns.len());
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let (leaf, value) = match column {
            Column::Named(named) => {
                let value = read(to, named.field, &reader);
                let has_default = to.has_default(named.field);
                let leaf = leaf(to, named.field, Some(&named.name), has_default);
                match has_default {
                    false => (leaf, value),
                    true => {
                        let (default, ty) = (to.default(named.field), named.field.ty);
                        (leaf, quote_spanned!(at(ty)=> if #reader.is_missing() { #default } else { #value }))
                    }
                }
            }
            Column::Next(field) => {
                let value = read(to, field, &reader);
                (leaf(to, field, None, false), value)
            }
            Column::Flattened { field, prefix } => flattened(to, field, prefix, &reader),
        };
        shape.push(leaf);
        values.push((column.field(), value));
    }
    let value = to.construct(&values);
    let typed = to.typed();
    to.implement(
        false,
        &quote! {
            const SHAPE: &'static #pg::Shape = &#pg::Shape::new(&[#(#shape),*]);

            #[inline(always)]
            fn from_row(#reader: &mut #pg::RowReader<#row, '_>) -> #pg::Result<Self> {
                #typed
                ::core::result::Result::Ok(#value)
            }
        },
    )
}

/// A field's place in the shape.
fn leaf(to: &Expansion<'_>, field: &Field<'_>, name: Option<&str>, default: bool) -> TokenStream {
    let pg = &to.pg;
    let name = match name {
        Some(name) => quote!(::core::option::Option::Some(#name)),
        None => quote!(::core::option::Option::None),
    };
    let aliases = &field.attributes.aliases;
    let [plan, type_name, text_only, takes_null] =
        to.of_codec_all(field, ["plan", "TYPE", "TEXT_ONLY", "takes_null"]);
    quote! {
        #pg::Field::Column {
            name: #name,
            aliases: &[#(#aliases),*],
            plan: #plan,
            type_name: #type_name,
            text_only: #text_only,
            default: #default,
            takes_null: #takes_null,
        }
    }
}

/// Reads a field.
fn read(to: &mut Expansion<'_>, field: &Field<'_>, reader: &Ident) -> TokenStream {
    to.require_codec(field);
    let [decode, null] = to.of_codec_all(field, ["decode", "null"]);
    let value = call(to.ends_of(field), reader, "next_by", quote!(#decode, #null));
    quote!(#value?)
}

/// A row type inside: its place in the shape, and how it is read.
fn flattened(
    to: &mut Expansion<'_>,
    field: &Field<'_>,
    prefix: &str,
    reader: &Ident,
) -> (TokenStream, TokenStream) {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let optional = option_of(field.ty);
    let ty = optional.unwrap_or(field.ty);
    to.bounds.require(ty, &quote!(#pg::FromRow<#row>));
    let (from, last) = ends(ty);
    let [of_shape, of_row] = ["SHAPE", "from_row"].map(|item| {
        let item = Ident::new(item, last);
        quote_spanned!(from=> <#ty as #pg::FromRow<'_>>::#item)
    });
    let value = match optional {
        Some(_) => call((from, last), reader, "nested_option_by", quote!(#of_shape, #of_row)),
        None => quote_spanned!(from=> #of_row(#reader)),
    };
    (quote!(#pg::Field::Nested { prefix: #prefix, shape: #of_shape }), quote!(#value?))
}
