//! Composites: a table of attributes for the plan, and the fields in order.

use super::{Expansion, any_text_only, at, call, local};
use crate::check::Named;
use crate::input::{Derive, Field};
use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, attributes: &[Named<'_>], by_position: bool) -> TokenStream {
    for attribute in attributes {
        to.require_codec(attribute.field);
    }
    let pg = to.pg.clone();
    let trait_ = to.trait_();
    let name = to.type_name(&quote!(#pg::NamedKind::Composite));
    let fields: Vec<_> = attributes.iter().map(|attribute| attribute.field).collect();
    let text_only = any_text_only(to, &fields);
    let table = attributes.iter().map(|attribute| {
        let plan = to.of_codec(attribute.field, "plan");
        let names = names(attribute, by_position);
        let optional = is_optional(to, attribute.field);
        quote_spanned! {at(attribute.field.ty)=>
            #pg::composite::CompositeField { names: #names, plan: #plan, optional: #optional }
        }
    });
    let plan = match to.input.derive {
        Derive::ToSql => quote!(write_plan),
        _ => quote!(read_plan),
    };
    let allow_extra = to.input.attributes.allow_extra.is_some();
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote! {
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = #text_only;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::composite::#plan::<Self>(
                &#pg::composite::CompositeShape {
                    name: <Self as #trait_>::TYPE,
                    fields: &[#(#table),*],
                    allow_extra: #allow_extra,
                },
                #type_,
                #planner,
            )
        }
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let (expects, encode) = (expects(to, attributes, by_position), encode(to, attributes));
            quote!(#expects #encode)
        }
        _ => decode(to, attributes),
    };
    to.implement(false, &quote!(#items #value))
}

/// Whether the server may lack a field's attribute: then the field is not written, and its default when read.
fn is_optional(to: &Expansion<'_>, field: &Field<'_>) -> bool {
    to.input.attributes.allow_missing.is_some() || (to.reads() && to.has_default(field))
}

/// What a field's attribute may be called; nothing where its place counts.
fn names(attribute: &Named<'_>, by_position: bool) -> TokenStream {
    if by_position {
        return quote!(&[]);
    }
    let (name, aliases) = (&attribute.name, &attribute.field.attributes.aliases);
    quote!(&[#name #(, #aliases)*])
}

/// What `Registry::verify` compares with the server's.
fn expects(to: &Expansion<'_>, attributes: &[Named<'_>], by_position: bool) -> TokenStream {
    let pg = &to.pg;
    let each = attributes.iter().map(|attribute| {
        let names = names(attribute, by_position);
        let [type_name, plan] = to.of_codec_all(attribute.field, ["TYPE", "plan"]);
        let (expects, optional) = (to.expects(attribute.field), is_optional(to, attribute.field));
        quote_spanned! {at(attribute.field.ty)=>
            #pg::Attribute {
                names: #names,
                type_name: #type_name,
                plan: #plan,
                optional: #optional,
                expects: &#expects,
            }
        }
    });
    let allow_extra = to.input.attributes.allow_extra.is_some();
    quote! {
        const EXPECTS: #pg::Expects =
            #pg::Expects::Attributes { fields: &[#(#each),*], allow_extra: #allow_extra };
    }
}

fn encode(to: &Expansion<'_>, attributes: &[Named<'_>]) -> TokenStream {
    let pg = &to.pg;
    let (out, index, field) = (local("to"), local("index"), local("field"));
    let count = Literal::usize_suffixed(attributes.len());
    let arms = attributes.iter().enumerate().map(|(number, Named { field: attribute, .. })| {
        let (number, member) = (Literal::usize_suffixed(number), &attribute.member);
        let encode = to.of_codec(attribute, "encode");
        let ends = to.ends_of(attribute);
        let write = call(ends, &field, "write", quote_spanned!(ends.0=> &self.#member, #encode));
        quote!(#number => #write,)
    });
    quote! {
        fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
            #pg::composite::encode(#out, #count, &|#index, #field| match #index {
                #(#arms)*
                _ => #field.missing(),
            })
        }
    }
}

fn decode(to: &mut Expansion<'_>, attributes: &[Named<'_>]) -> TokenStream {
    let (raw, fields, room) = (local("raw"), local("fields"), local("room"));
    let values: Vec<_> = attributes
        .iter()
        .map(|Named { field: attribute, .. }| {
            let [decode, null] = to.of_codec_all(attribute, ["decode", "null"]);
            let value = call(to.ends_of(attribute), &fields, "next", quote!(#decode, #null));
            let value = match is_optional(to, attribute) {
                true => {
                    let default = to.default(attribute);
                    quote_spanned!(at(attribute.ty)=> if #fields.is_missing() { #default } else { #value? })
                }
                false => quote!(#value?),
            };
            (*attribute, value)
        })
        .collect();
    let value = to.construct(&values);
    let (pg, row) = (&to.pg, &to.row);
    quote! {
        fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
            let mut #room = ::core::option::Option::None;
            let mut #fields = #pg::composite::Fields::new(#raw, &mut #room)?;
            ::core::result::Result::Ok(#value)
        }
    }
}
