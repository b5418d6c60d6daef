//! Newtypes: a transparent one passes everything on, a domain has a name and a plan of its own.

use super::{Expansion, at, local};
use crate::input::{Derive, Field};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn transparent(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let codec = to.as_codec(field);
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote_spanned! {at(field.ty)=>
        const TYPE: #pg::TypeName = #codec::TYPE;
        const TEXT_ONLY: bool = #codec::TEXT_ONLY;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #codec::plan(#type_, #planner)
        }
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let (member, out, array) = (&field.member, local("to"), local("array"));
            quote_spanned! {at(field.ty)=>
                #[inline]
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #codec::encode(&self.#member, #out)
                }

                #[inline]
                fn encode_nested(&self, #array: &mut #pg::ArrayWriter<'_>) -> #pg::Result<()> {
                    #codec::encode_nested(&self.#member, #array)
                }
            }
        }
        _ => {
            let (raw, array, wrap) = (local("raw"), local("array"), wrap(to, field));
            quote_spanned! {at(field.ty)=>
                #[inline]
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #codec::decode(#raw).map(#wrap)
                }

                #[inline]
                fn decode_nested(#array: &mut #pg::ArrayReader<#row, '_>) -> #pg::Result<Self> {
                    #codec::decode_nested(#array).map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #codec::null().map(#wrap)
                }
            }
        }
    };
    to.implement(true, &quote!(#items #value))
}

pub(super) fn domain(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let codec = to.as_codec(field);
    let name = to.type_name(&quote_spanned!(at(field.ty)=> #pg::domain::kind(#codec::TYPE)));
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote_spanned! {at(field.ty)=>
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = #codec::TEXT_ONLY;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::domain::plan(<Self as #trait_>::TYPE, #codec::TYPE, #codec::plan, #type_, #planner)
        }
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let (member, out) = (&field.member, local("to"));
            quote_spanned! {at(field.ty)=>
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #codec::encode(&self.#member, &mut #pg::domain::encode(#out))
                }
            }
        }
        _ => {
            let (raw, wrap) = (local("raw"), wrap(to, field));
            quote_spanned! {at(field.ty)=>
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #codec::decode(#pg::domain::decode(#raw)).map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #codec::null().map(#wrap)
                }
            }
        }
    };
    to.implement(false, &quote!(#items #value))
}

/// From the field's value to the newtype's.
pub(super) fn wrap(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    let value = local("value");
    let newtype = to.construct(&[(field, quote!(#value))]);
    quote!(|#value| #newtype)
}
