//! Rows: the shape as a constant, and the fields in its order.

use super::{Expansion, at, literal, local};
use crate::check::Column;
use crate::input::option_of;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, columns: &[Column<'_>]) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let reader = local("row");
    let mut shape = Vec::with_capacity(columns.len());
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        match column {
            Column::Named(named) => {
                to.require_codec(named.field);
                let (name, ty) = (&named.name, named.field.ty);
                let (constructor, value) = match &named.field.attributes.default {
                    None => (quote!(column), quote_spanned!(at(ty)=> #reader.next::<#ty>()?)),
                    Some(default) => {
                        let default = match &default.value {
                            Some(path) => quote!(#path),
                            None => {
                                to.bounds.require(ty, &quote!(::core::default::Default));
                                quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default)
                            }
                        };
                        (
                            quote!(column_or_default),
                            quote_spanned!(at(ty)=> #reader.next_or_else::<#ty>(#default)?),
                        )
                    }
                };
                shape.push(quote_spanned!(at(ty)=> #pg::Field::#constructor::<#ty>(#name)));
                values.push((named.field, value));
            }
            Column::Next(field) => {
                to.require_codec(field);
                let ty = field.ty;
                shape.push(quote_spanned!(at(ty)=> #pg::Field::next::<#ty>()));
                values.push((field, quote_spanned!(at(ty)=> #reader.next::<#ty>()?)));
            }
            Column::Flattened { field, prefix } => {
                let (prefix, optional) = (literal(prefix), option_of(field.ty));
                let ty = optional.unwrap_or(field.ty);
                to.bounds.require(ty, &quote!(#pg::FromRow<#row>));
                shape.push(quote_spanned! {at(ty)=>
                    #pg::Field::Nested { prefix: #prefix, shape: <#ty as #pg::FromRow<'_>>::SHAPE }
                });
                values.push((
                    field,
                    match optional {
                        Some(_) => quote_spanned!(at(ty)=> #reader.nested_option::<#ty>()?),
                        None => quote_spanned!(at(ty)=> #reader.nested::<#ty>()?),
                    },
                ));
            }
        }
    }
    let value = to.construct(&values);
    let named = typed(to);
    to.implement(
        false,
        &quote! {
            const SHAPE: &'static #pg::Shape = &#pg::Shape::new(&[#(#shape),*]);

            fn from_row(#reader: &mut #pg::RowReader<#row, '_>) -> #pg::Result<Self> {
                #named
                ::core::result::Result::Ok(#value)
            }
        },
    )
}

/// `name` and `schema` name a SQL type: they stand beside `FromRow` only where `FromSql` is derived too.
fn typed(to: &Expansion<'_>) -> TokenStream {
    let (pg, attributes) = (&to.pg, &to.input.attributes);
    match attributes.name.as_ref().or(attributes.schema.as_ref()) {
        Some(given) => quote_spanned! {at(&given.value)=>
            let _ = <Self as #pg::Typecaster<'_>>::TYPE;
        },
        None => TokenStream::new(),
    }
}
