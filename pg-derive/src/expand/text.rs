//! Text types: `Display` and `FromStr`, of a newtype's field or of the type itself.

use super::{Expansion, at, local};
use crate::input::{Derive, Field};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, field: Option<&Field<'_>>) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let name = to.type_name(&quote!(#pg::NamedKind::Text));
    let plan = match to.input.derive {
        Derive::ToSql => quote!(write_plan),
        _ => quote!(read_plan),
    };
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote! {
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = true;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::text_form::#plan::<Self>(<Self as #trait_>::TYPE, #type_, #planner)
        }
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let out = local("to");
            let shown = match field {
                Some(field) => {
                    to.bounds.require(field.ty, &quote!(::core::fmt::Display));
                    let member = &field.member;
                    quote_spanned!(at(field.ty)=> &self.#member)
                }
                None => quote_spanned!(at(to.input.ident)=> self),
            };
            quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #pg::text_form::encode(#out, #shown)
                }
            }
        }
        _ => {
            let raw = local("raw");
            let (ty, wrap) = match field {
                Some(field) => {
                    to.bounds.require(field.ty, &quote!(::core::str::FromStr<Err: ::core::fmt::Display>));
                    let (ty, wrap) = (field.ty, super::newtype::wrap(to, field));
                    (quote!(#ty), quote!(.map(#wrap)))
                }
                None => (quote_spanned!(at(to.input.ident)=> Self), TokenStream::new()),
            };
            let read = quote!(#pg::text_form::decode::<Self, #ty>(&#raw)#wrap);
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #read
                }
            }
        }
    };
    to.implement(false, &quote!(#items #value))
}
