//! Newtypes: a transparent one passes everything on, a domain has a name and a plan of its own.

use super::{Expansion, local};
use crate::input::{Derive, Field};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn transparent(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let [type_name, text_only, plan] = to.of_codec_all(field, ["TYPE", "TEXT_ONLY", "plan"]);
    let (type_, planner) = (local("type"), local("planner"));
    let value = match to.input.derive {
        Derive::ToSql => {
            let [encode, encode_nested] = to.of_codec_all(field, ["encode", "encode_nested"]);
            let (member, out, array) = (&field.member, local("to"), local("array"));
            quote! {
                #[inline]
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode(&self.#member, #out)
                }

                #[inline]
                fn encode_nested(&self, #array: &mut #pg::ArrayWriter<'_>) -> #pg::Result<()> {
                    #encode_nested(&self.#member, #array)
                }
            }
        }
        _ => {
            let [decode, decode_nested, null] = to.of_codec_all(field, ["decode", "decode_nested", "null"]);
            let (raw, array, wrap) = (local("raw"), local("array"), wrap(to, field));
            quote! {
                #[inline]
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode(#raw).map(#wrap)
                }

                #[inline]
                fn decode_nested(#array: &mut #pg::ArrayReader<#row, '_>) -> #pg::Result<Self> {
                    #decode_nested(#array).map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #null().map(#wrap)
                }
            }
        }
    };
    let items = quote! {
        const TYPE: #pg::TypeName = #type_name;
        const TEXT_ONLY: bool = #text_only;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #plan(#type_, #planner)
        }

        #value
    };
    // An array's reader is passed on as it is, so the row's lifetime must be the field's own.
    to.implement(true, &items)
}

pub(super) fn domain(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let [type_name, text_only, plan] = to.of_codec_all(field, ["TYPE", "TEXT_ONLY", "plan"]);
    let name = to.type_name(&quote!(#pg::domain::kind(#type_name)));
    let (type_, planner) = (local("type"), local("planner"));
    let value = match to.input.derive {
        Derive::ToSql => {
            let (encode, member, out) = (to.of_codec(field, "encode"), &field.member, local("to"));
            quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode(&self.#member, &mut #pg::domain::encode(#out))
                }
            }
        }
        _ => {
            let [decode, null] = to.of_codec_all(field, ["decode", "null"]);
            let (raw, wrap) = (local("raw"), wrap(to, field));
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode(#pg::domain::decode(#raw)).map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #null().map(#wrap)
                }
            }
        }
    };
    let items = quote! {
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = #text_only;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::domain::plan(<Self as #trait_>::TYPE, #type_name, #plan, #type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}

/// From the field's value to the newtype's.
pub(super) fn wrap(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    let value = local("value");
    let newtype = to.construct(&[(field, quote!(#value))]);
    quote!(|#value| #newtype)
}
